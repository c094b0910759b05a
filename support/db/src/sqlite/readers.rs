//! Read-only connections, a handful, each used by one read at a time. Thanks to the WAL they see
//! the last commit while the writer is at work.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::SqliteConnection;
use crate::{
    BoxFuture, DbError,
    connection::Answer,
    snapshot::{Snapshot, Source},
    value::Params,
};

#[derive(Debug, Clone)]
pub(crate) struct SqliteReaders {
    path: Arc<PathBuf>,
    free: Arc<Mutex<Vec<SqliteConnection>>>,
    permits: Arc<Semaphore>,
}

impl SqliteReaders {
    pub(crate) fn new(path: PathBuf, count: usize) -> Self {
        Self {
            path: Arc::new(path),
            free: Arc::new(Mutex::new(Vec::with_capacity(count))),
            permits: Arc::new(Semaphore::new(count.max(1))),
        }
    }

    pub(crate) async fn query(
        &self,
        sql: &'static str,
        params: Params<'static>,
    ) -> Result<Answer, DbError> {
        self.visit(move |connection| connection.query(sql, &params.0)).await
    }

    pub(crate) async fn prepare(&self, sql: &'static str) -> Result<(), DbError> {
        self.visit(move |connection| connection.prepare(sql)).await
    }

    /// Runs several reads that all see the same commit.
    pub(crate) async fn snapshot<T, E>(
        &self,
        job: impl for<'t> Fn(&'t mut Snapshot) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let runtime = Handle::current();
        let reader = self.take().await.map_err(E::from)?;
        let visit = tokio::task::spawn_blocking(move || {
            let mut reader = reader;
            let mut connection = reader.connection.take().expect("taken only here");
            connection.script("BEGIN").map_err(E::from)?;
            let mut snapshot = Snapshot { source: Source::Sqlite(connection) };
            let result = runtime.block_on(job(&mut snapshot));
            let Source::Sqlite(mut connection) = snapshot.source else {
                unreachable!("the source is what was put in above");
            };
            if connection.script("ROLLBACK").is_ok() {
                reader.connection = Some(connection);
            }
            result
        });
        joined(visit.await.map_err(|error| error.try_into_panic())).map_err(E::from)?
    }

    async fn visit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let mut reader = self.take().await?;
        let visit = tokio::task::spawn_blocking(move || {
            work(reader.connection.as_mut().expect("present until the reader is dropped"))
        });
        joined(visit.await.map_err(|error| error.try_into_panic()))?
    }

    async fn take(&self) -> Result<Reader, DbError> {
        let permit =
            Arc::clone(&self.permits).acquire_owned().await.map_err(|_| DbError::Closed)?;
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match free {
            Some(connection) => connection,
            None => {
                let path = Arc::clone(&self.path);
                let open =
                    tokio::task::spawn_blocking(move || SqliteConnection::open_reader(&path));
                joined(open.await.map_err(|error| error.try_into_panic()))??
            }
        };
        let free = Arc::clone(&self.free);
        Ok(Reader { connection: Some(connection), free, _permit: permit })
    }

    /// Refuses further reads, waits for those under way and closes the connections.
    pub(crate) async fn close(&self, count: usize) {
        let count = u32::try_from(count.max(1)).unwrap_or(u32::MAX);
        let all = self.permits.acquire_many(count).await;
        self.permits.close();
        drop(all);
        self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A connection on loan; it goes back when dropped, also when its read panicked.
struct Reader {
    connection: Option<SqliteConnection>,
    free: Arc<Mutex<Vec<SqliteConnection>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

type Panic = Box<dyn std::any::Any + Send>;

/// Takes a visit's result: a panic goes on in the caller, a runtime that shuts down is a closed
/// database.
fn joined<T>(visit: Result<T, Result<Panic, tokio::task::JoinError>>) -> Result<T, DbError> {
    match visit {
        Ok(result) => Ok(result),
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_shut_down)) => Err(DbError::Closed),
    }
}
