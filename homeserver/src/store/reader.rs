//! Where a statement may read: from the pool, from one consistent snapshot, or inside a write job.

use support_db::{Db, DbError, Params, Row, Snapshot, Tx};

/// Somewhere to read from. `&mut &house.db` is the pool.
pub(crate) trait Reader: Send {
    /// Returns all rows of an answer.
    fn fetch_all(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> impl Future<Output = Result<Vec<Row>, DbError>> + Send;

    /// Returns the first row of an answer, if there is one.
    fn fetch_optional(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> impl Future<Output = Result<Option<Row>, DbError>> + Send;
}

impl Reader for &Db {
    async fn fetch_all(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, DbError> {
        Db::fetch_all(self, sql, params).await
    }

    async fn fetch_optional(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Option<Row>, DbError> {
        Db::fetch_optional(self, sql, params).await
    }
}

impl Reader for Snapshot {
    async fn fetch_all(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, DbError> {
        Snapshot::fetch_all(self, sql, params).await
    }

    async fn fetch_optional(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Option<Row>, DbError> {
        Snapshot::fetch_optional(self, sql, params).await
    }
}

impl Reader for Tx {
    async fn fetch_all(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, DbError> {
        Tx::fetch_all(self, sql, params).await
    }

    async fn fetch_optional(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Option<Row>, DbError> {
        Tx::fetch_optional(self, sql, params).await
    }
}

/// Reads a column that holds an id or another parsed text.
pub(crate) fn column<T>(row: &Row, name: &str) -> Result<T, DbError>
where
    T: for<'a> TryFrom<&'a str>,
{
    let text: &str = row.get(name)?;
    T::try_from(text).map_err(|_| DbError::Column {
        column: name.to_owned(),
        problem: "the text is not of the form it was stored in".to_owned(),
    })
}
