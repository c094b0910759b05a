//! One batch: many jobs, one commit. What can happen to it:
//!
//! - a job fails: its savepoint is undone, its neighbours stay;
//! - the disk is full, or the lease is gone: everything is undone, all callers hear why;
//! - the connection dies: the batch runs again on another one, unless the lease's row shows that
//!   the commit did arrive before the answer was lost.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use support_clock::SharedRandom;
use tokio_util::sync::CancellationToken;

use crate::{
    DbError, Tx,
    backoff::Backoff,
    connection::Connection,
    error::Reach,
    job::{Queued, panic_words},
    stats::{Counters, count},
    streams::Streams,
};

/// Runs batches, one after the other.
pub(crate) struct Batches {
    pub(crate) tx: Tx,
    pub(crate) streams: Arc<Streams>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) random: SharedRandom,
    pub(crate) closing: CancellationToken,
    /// Set once another process took the lease: there is no way back from that.
    pub(crate) fenced: Option<DbError>,
}

/// What is known about a batch's commit after the connection was lost.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Committed,
    Open,
}

impl Batches {
    pub(crate) async fn work(&mut self, mut jobs: Vec<Box<dyn Queued>>) {
        let started = Instant::now();
        let outcome = match &self.fenced {
            Some(fenced) => Err(fenced.clone()),
            None => self.settle(&mut jobs).await,
        };
        match outcome {
            Ok(kept) => {
                self.counters.jobs.fetch_add(kept, Relaxed);
                self.counters.failed_jobs.fetch_add(jobs.len() as u64 - kept, Relaxed);
                self.counters.largest_batch.fetch_max(jobs.len() as u64, Relaxed);
                for &(stream, position) in self.tx.positions.of_batch() {
                    self.streams.publish(stream, position);
                }
                for hook in self.tx.take_hooks() {
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(hook)) {
                        let words = panic_words(&*panic);
                        tracing::error!(panic = words, "what followed a commit panicked");
                    }
                }
                jobs.into_iter().for_each(|job| job.answer(Ok(())));
            }
            Err(error) => {
                self.note_failure(&error, jobs.len());
                jobs.into_iter().for_each(|job| job.answer(Err(error.clone())));
            }
        }
        let busy = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.counters.busy_us.fetch_add(busy, Relaxed);
    }

    /// Runs the jobs until they are committed or it is clear that they cannot be. Returns how many
    /// were kept.
    async fn settle(&mut self, jobs: &mut [Box<dyn Queued>]) -> Result<u64, DbError> {
        let batch = self.random.hex(16);
        loop {
            let mut kept = 0;
            let error = match self.attempt(jobs, &batch, &mut kept).await {
                Ok(()) => return Ok(kept),
                Err(error) => error,
            };
            if error.reach() != Reach::Connection {
                if let Err(rollback) = self.tx.connection.rollback().await {
                    tracing::debug!(%rollback, "a rollback failed; the connection is replaced");
                }
                return Err(error);
            }
            tracing::warn!(%error, jobs = jobs.len(), "lost the database; its jobs wait");
            if self.reconnect(&batch).await? == Fate::Committed {
                return Ok(kept);
            }
            count(&self.counters.repeated_batches);
        }
    }

    async fn attempt(
        &mut self,
        jobs: &mut [Box<dyn Queued>],
        batch: &str,
        kept: &mut u64,
    ) -> Result<(), DbError> {
        let tx = &mut self.tx;
        tx.begin_batch(batch).await?;
        let mut savepoint_used = false;
        for job in jobs {
            if savepoint_used {
                tx.connection.next_savepoint().await?;
            }
            tx.begin_job();
            let keep = job.run(tx).await;
            if let Some(trouble) = tx.take_trouble() {
                return Err(trouble);
            }
            if keep {
                tx.keep_job();
                *kept += 1;
            } else {
                tx.connection.undo_job().await?;
            }
            savepoint_used = keep;
        }
        if *kept == 0 {
            return tx.connection.rollback().await;
        }
        tx.save_positions().await?;
        tx.connection.commit().await?;
        count(&self.counters.commits);
        Ok(())
    }

    /// Gets a new connection, however long that takes: jobs that were accepted wait. Only closing
    /// the database ends the wait.
    async fn reconnect(&mut self, batch: &str) -> Result<Fate, DbError> {
        let Connection::Postgres(writer) = &mut self.tx.connection else {
            return Err(DbError::Lost("a file has no connection to lose".to_owned()));
        };
        let mut backoff = Backoff::new();
        loop {
            let last_attempt = self.closing.is_cancelled();
            match writer.resume(self.tx.epoch).await {
                Ok(found) => {
                    tracing::info!("the database is back");
                    if found == batch {
                        count(&self.counters.commits);
                        return Ok(Fate::Committed);
                    }
                    return Ok(Fate::Open);
                }
                Err(error) if error.reach() != Reach::Connection || last_attempt => {
                    return Err(error);
                }
                Err(error) => tracing::debug!(%error, "the database is still away"),
            }
            tokio::select! {
                () = backoff.wait(&*self.random) => {}
                () = self.closing.cancelled() => {}
            }
        }
    }

    fn note_failure(&mut self, error: &DbError, jobs: usize) {
        self.counters.failed_jobs.fetch_add(jobs as u64, Relaxed);
        if matches!(error, DbError::Fenced { .. }) {
            if self.fenced.is_none() {
                tracing::error!(%error, "this process may not write any more");
            }
            self.fenced = Some(error.clone());
        } else {
            tracing::error!(%error, jobs, "a batch of database jobs failed");
        }
    }

    /// Lets go of the database: the connection first, the lease last.
    pub(crate) async fn end(self) {
        let Tx { connection, .. } = self.tx;
        match connection {
            Connection::Postgres(writer) => writer.end().await,
            Connection::Sqlite { connection, lock } => {
                // The last connection to close empties the WAL into the file, which takes a while.
                let closed = tokio::task::spawn_blocking(move || {
                    drop(connection);
                    drop(lock);
                });
                closed.await.ok();
            }
        }
    }
}
