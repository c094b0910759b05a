//! The writer: the one task that writes. It takes the jobs that wait, has them run as one batch,
//! and goes on until the database is closed and the queue is empty.

mod batch;

use tokio::{runtime::Handle, sync::mpsc};
use tokio_util::sync::CancellationToken;

pub(crate) use self::batch::Batches;
use crate::{connection::Connection, db::Reads, job::Queued};

/// How many jobs share a commit at most: enough to make the sync cheap, few enough that the first
/// of them does not wait long for the last.
const LARGEST_BATCH: usize = 256;

tokio::task_local! {
    /// Set while a batch runs: which database it belongs to. A job that asks the same database for
    /// another job would wait for itself; this is how it is caught.
    static WRITING: usize;
}

/// Returns whether the calling task is a job of this database.
pub(crate) fn is_writing(database: usize) -> bool {
    WRITING.try_with(|writing| *writing == database).unwrap_or(false)
}

pub(crate) struct Writer {
    pub(crate) batches: Batches,
    pub(crate) queue: mpsc::Receiver<Box<dyn Queued>>,
    pub(crate) closing: CancellationToken,
    pub(crate) reads: Reads,
    pub(crate) database: usize,
}

impl Writer {
    /// Works until the database is closed or nobody holds it any more, then lets go of it.
    pub(crate) async fn run(self) {
        let Self { mut batches, mut queue, closing, reads, database } = self;
        loop {
            let mut jobs = Vec::new();
            tokio::select! {
                biased;
                () = closing.cancelled(), if !queue.is_closed() => {
                    // Those already in the queue are still done.
                    queue.close();
                    continue;
                }
                taken = queue.recv_many(&mut jobs, LARGEST_BATCH) => if taken == 0 { break },
            }
            let Some(back) = run_batch(batches, jobs, database).await else {
                tracing::error!("the database writer ended, because the runtime shuts down");
                return;
            };
            batches = back;
        }
        reads.close().await;
        batches.end().await;
    }
}

/// Runs one batch: SQLite blocks, so there it gets a thread for its whole length; PostgreSQL does
/// not.
async fn run_batch(
    mut batches: Batches,
    jobs: Vec<Box<dyn Queued>>,
    database: usize,
) -> Option<Batches> {
    if matches!(batches.tx.connection, Connection::Postgres(_)) {
        WRITING.scope(database, batches.work(jobs)).await;
        return Some(batches);
    }
    let runtime = Handle::current();
    let visit = tokio::task::spawn_blocking(move || {
        runtime.block_on(WRITING.scope(database, batches.work(jobs)));
        batches
    });
    visit.await.ok()
}
