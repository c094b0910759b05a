//! The handle everybody holds.

use std::{marker::PhantomData, sync::Arc};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    BoxFuture, DbError, Job, Location, Migration, OpenError, OpenOptions, Params, Row, Snapshot,
    Stats, Tx,
    connection::Answer,
    job::{Closure, Queued, Ticket},
    open,
    postgres::PostgresReaders,
    sqlite::SqliteReaders,
    stats::{Counters, count},
    streams::Streams,
    writer::{Batches, Writer, is_writing},
};

/// How many jobs may wait; more callers wait for a place.
const QUEUE: usize = 1024;

/// A database. Clones are handles to the same one; when the last is dropped, or after
/// [`Db::close`], the writer finishes what was accepted and lets the database go.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    location: Location,
    queue: mpsc::Sender<Box<dyn Queued>>,
    reads: Reads,
    streams: Arc<Streams>,
    counters: Arc<Counters>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// Where reads go.
#[derive(Debug, Clone)]
pub(crate) enum Reads {
    Sqlite(SqliteReaders, usize),
    Postgres(PostgresReaders),
}

impl Reads {
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(readers, count) => readers.close(*count).await,
            Self::Postgres(readers) => readers.close().await,
        }
    }
}

impl Db {
    /// Opens a database: takes the lease, applies missing migrations, starts the writer.
    pub async fn open(
        location: Location,
        migrations: &'static [Migration],
        options: OpenOptions,
    ) -> Result<Self, OpenError> {
        open::open(location, migrations, options).await
    }

    pub(crate) fn start(location: Location, tx: Tx, reads: Reads, options: OpenOptions) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let streams = Arc::new(Streams::default());
        open::publish_known(&tx.positions, &streams);
        let counters = Arc::clone(tx.counters());
        let closing = CancellationToken::new();
        let batches = Batches {
            tx,
            streams: Arc::clone(&streams),
            counters: Arc::clone(&counters),
            random: options.random,
            closing: closing.clone(),
            fenced: None,
        };
        let writer = Writer {
            batches,
            queue: jobs,
            closing: closing.clone(),
            reads: reads.clone(),
            database: identity(&counters),
        };
        let tasks = TaskTracker::new();
        tasks.spawn(writer.run());
        tasks.close();
        let inner = Inner { location, queue, reads, streams, counters, closing, tasks };
        Self { inner: Arc::new(inner) }
    }

    /// Runs a job and returns its answer once its work is durable. Dropping this future does not
    /// cancel a job that was accepted.
    pub fn run<J: Job>(
        &self,
        job: J,
    ) -> impl Future<Output = Result<J::Output, J::Error>> + Send + use<J> {
        // Owns what it needs, so that it is `Send` whatever the caller borrows.
        let queue = self.inner.queue.clone();
        let database = identity(&self.inner.counters);
        async move {
            if is_writing(database) {
                return Err(DbError::Nested.into());
            }
            let (caller, answer) = oneshot::channel();
            let ticket = Box::new(Ticket { job, result: None, caller });
            if queue.send(ticket).await.is_err() {
                return Err(DbError::Closed.into());
            }
            drop(queue);
            answer.await.unwrap_or_else(|_| Err(DbError::Closed.into()))
        }
    }

    /// Runs a closure as a job: `db.write(move |tx| Box::pin(async move { .. })).await`. It may be
    /// called more than once, so what it moves into the future it clones first.
    pub fn write<T, E, F>(
        &self,
        work: F,
    ) -> impl Future<Output = Result<T, E>> + Send + use<T, E, F>
    where
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.run(Closure { work, answer: PhantomData })
    }

    /// Runs several reads that all see the same commit; cheaper than single ones, too.
    pub fn read<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + Send + use<T, E, F>
    where
        F: for<'t> Fn(&'t mut Snapshot) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        count(&self.inner.counters.reads);
        let reads = self.inner.reads.clone();
        async move {
            match reads {
                Reads::Sqlite(readers, _) => readers.snapshot(work).await,
                Reads::Postgres(readers) => Box::pin(readers.snapshot(work)).await,
            }
        }
    }

    /// Returns all rows of an answer, as of the last commit.
    pub async fn fetch_all(
        &self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, DbError> {
        Ok(self.query(sql, params).await?.rows)
    }

    /// Returns the first row of an answer, if there is one.
    pub async fn fetch_optional(
        &self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Option<Row>, DbError> {
        Ok(self.query(sql, params).await?.rows.into_iter().next())
    }

    /// Returns the first row of an answer; none is [`DbError::NoRow`].
    pub async fn fetch_one(&self, sql: &'static str, params: Params<'_>) -> Result<Row, DbError> {
        self.fetch_optional(sql, params).await?.ok_or(DbError::NoRow)
    }

    async fn query(&self, sql: &'static str, params: Params<'_>) -> Result<Answer, DbError> {
        count(&self.inner.counters.reads);
        match &self.inner.reads {
            Reads::Sqlite(readers, _) => readers.query(sql, params.into_owned()).await,
            // Boxed: whoever asks anything would hold room for all that a pool and a connection need.
            Reads::Postgres(readers) => Box::pin(readers.query(sql, params)).await,
        }
    }

    /// Returns the highest committed position of a stream, 0 if there is none.
    #[must_use]
    pub fn committed(&self, stream: &str) -> i64 {
        self.inner.streams.committed(stream)
    }

    /// Follows the highest committed position of a stream.
    #[must_use]
    pub fn watch(&self, stream: &str) -> watch::Receiver<i64> {
        self.inner.streams.watch(stream)
    }

    /// Parses a statement without running it; tests do this with every statement of a crate.
    pub async fn prepare(&self, sql: &'static str) -> Result<(), DbError> {
        match &self.inner.reads {
            Reads::Sqlite(readers, _) => readers.prepare(sql).await,
            Reads::Postgres(readers) => Box::pin(readers.prepare(sql)).await,
        }
    }

    /// Returns what the database has been doing.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let queue = &self.inner.queue;
        self.inner.counters.read(queue.max_capacity() - queue.capacity())
    }

    /// Returns where the database is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.inner.location
    }

    /// Returns whether this is SQLite.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.inner.location.is_sqlite()
    }

    /// Accepts no more jobs, finishes those that were accepted, and lets the database go. Later
    /// calls are answered with [`DbError::Closed`]. All clones are closed. Called from a job it only
    /// begins the closing.
    pub async fn close(&self) {
        self.inner.closing.cancel();
        if !is_writing(identity(&self.inner.counters)) {
            self.inner.tasks.wait().await;
        }
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Db({})", self.inner.location)
    }
}

/// Tells databases apart, for as long as they live.
fn identity(counters: &Arc<Counters>) -> usize {
    Arc::as_ptr(counters).addr()
}
