//! The pool that reads. A read that loses its connection is simply tried again, for a while.

use std::{future::Future, time::Duration};

use sqlx::{
    AssertSqlSafe, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use support_clock::SharedRandom;
use tokio::time::Instant;

use super::{
    CONNECT_TIMEOUT, SERVER_TIMEOUT_MS, STATEMENT_TIMEOUT, query_on, translate, within, writer,
};
use crate::{
    BoxFuture, DbError,
    backoff::Backoff,
    connection::Answer,
    snapshot::{Snapshot, Source},
    value::Params,
};

/// How long a reader waits for a server that is away.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub(crate) struct PostgresReaders {
    pool: PgPool,
    random: SharedRandom,
}

impl PostgresReaders {
    pub(crate) fn new(
        options: PgConnectOptions,
        schema: &str,
        count: usize,
        random: SharedRandom,
    ) -> Self {
        let settings = format!(
            "{}; SET statement_timeout TO {SERVER_TIMEOUT_MS}",
            writer::session_settings(schema)
        );
        let pool = PgPoolOptions::new()
            .max_connections(u32::try_from(count.max(1)).unwrap_or(u32::MAX))
            .acquire_timeout(CONNECT_TIMEOUT)
            // A dead connection is noticed by the statement itself; asking first doubles the cost.
            .test_before_acquire(false)
            .max_lifetime(None)
            .after_connect(move |connection, _| {
                let settings = AssertSqlSafe(settings.clone());
                Box::pin(async move { sqlx::raw_sql(settings).execute(connection).await.map(drop) })
            })
            .connect_lazy_with(options);
        Self { pool, random }
    }

    pub(crate) async fn query(
        &self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Answer, DbError> {
        let params = &params;
        self.patiently(|| async move {
            let mut connection = self.acquire().await?;
            query_on(&mut connection, sql, &params.0).await
        })
        .await
    }

    pub(crate) async fn prepare(&self, sql: &'static str) -> Result<(), DbError> {
        use sqlx::{Executor as _, SqlSafeStr as _};
        let mut connection = self.acquire().await?;
        let prepared = (&mut *connection).prepare(sql.into_sql_str()).await;
        prepared.map(drop).map_err(|error| translate(&error, sql))
    }

    /// Runs several reads that all see the same commit.
    pub(crate) async fn snapshot<T, E>(
        &self,
        job: impl for<'t> Fn(&'t mut Snapshot) -> BoxFuture<'t, Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        E: From<DbError>,
    {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let begun = self.patiently(|| async {
            let mut connection = self.acquire().await?;
            let begun = sqlx::raw_sql(BEGIN).execute(&mut *connection).await;
            begun.map(|_| connection).map_err(|error| translate(&error, BEGIN))
        });
        let connection = begun.await.map_err(E::from)?;
        // Should this future be dropped, the pool must not get back a connection that is still
        // inside the transaction: the guard closes it then.
        let mut lent = Lent(Some(Snapshot { source: Source::Postgres(connection) }));
        let result = job(lent.0.as_mut().expect("put in above")).await;
        if let Some(Snapshot { source: Source::Postgres(mut connection) }) = lent.0.take()
            && sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await.is_err()
        {
            connection.close_on_drop();
        }
        result
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    async fn acquire(&self) -> Result<PoolConnection<Postgres>, DbError> {
        self.pool.acquire().await.map_err(|error| match translate(&error, "connect") {
            // Being refused is no fault of the statement, and may pass.
            DbError::Statement { message, .. } => DbError::Lost(message),
            other => other,
        })
    }

    async fn patiently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, DbError>
    where
        F: Future<Output = Result<T, DbError>>,
    {
        let until = Instant::now() + PATIENCE;
        let mut backoff = Backoff::new();
        loop {
            match within(STATEMENT_TIMEOUT, attempt()).await {
                Err(DbError::Lost(_)) if Instant::now() < until => {
                    backoff.wait(&*self.random).await;
                }
                result => return result,
            }
        }
    }
}

struct Lent(Option<Snapshot>);

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(Snapshot { source: Source::Postgres(connection) }) = &mut self.0 {
            connection.close_on_drop();
        }
    }
}
