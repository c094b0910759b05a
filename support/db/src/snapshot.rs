//! Several reads that belong together.

use sqlx::{Postgres, pool::PoolConnection};

use crate::{
    DbError, Params, Row, connection::Answer, postgres::query_on, sqlite::SqliteConnection,
};

/// Reads that all see the same commit, whatever the writer does meanwhile.
pub struct Snapshot {
    pub(crate) source: Source,
}

pub(crate) enum Source {
    Sqlite(SqliteConnection),
    Postgres(PoolConnection<Postgres>),
}

impl Snapshot {
    /// Returns all rows of an answer.
    pub async fn fetch_all(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, DbError> {
        Ok(self.query(sql, params).await?.rows)
    }

    /// Returns the first row of an answer, if there is one.
    pub async fn fetch_optional(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Option<Row>, DbError> {
        Ok(self.query(sql, params).await?.rows.into_iter().next())
    }

    /// Returns the first row of an answer; none is [`DbError::NoRow`].
    pub async fn fetch_one(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Row, DbError> {
        self.fetch_optional(sql, params).await?.ok_or(DbError::NoRow)
    }

    async fn query(&mut self, sql: &'static str, params: Params<'_>) -> Result<Answer, DbError> {
        match &mut self.source {
            Source::Sqlite(connection) => connection.query(sql, &params.0),
            Source::Postgres(connection) => Box::pin(query_on(connection, sql, &params.0)).await,
        }
    }
}
