//! PostgreSQL: a schema of our own, one connection that writes and holds the lease, a pool that
//! reads.

mod open;
mod readers;
mod rows;
mod translate;
mod writer;

use std::{future::Future, time::Duration};

pub(crate) use self::{
    open::open, readers::PostgresReaders, rows::query_on, translate::translate,
    writer::PostgresWriter,
};
use crate::DbError;

/// How long a statement may take. Beyond that the connection is taken for dead: a network that
/// swallows packets gives no error of its own.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// When the server itself gives up a statement. Earlier than we do, so that a statement which is
/// merely slow fails its own job instead of costing everybody the connection, again and again.
const SERVER_TIMEOUT_MS: u32 = 50_000;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, DbError>>,
) -> Result<T, DbError> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(DbError::Lost(format!("no answer within {} s", limit.as_secs()))),
    }
}
