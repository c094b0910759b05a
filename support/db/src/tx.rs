//! What a job gets to work with.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use crate::{
    DbError, Params, Row,
    connection::{Answer, Connection},
    error::Reach,
    stats::Counters,
    streams::Positions,
};

/// The transaction a job writes in. See the crate's page for the three rules of a job.
pub struct Tx {
    pub(crate) connection: Connection,
    pub(crate) positions: Positions,
    pub(crate) epoch: i64,
    hooks: Hooks,
    /// The first statement of this job that failed. The job is undone, whatever it returns.
    failed: Option<DbError>,
    /// What made the whole batch impossible.
    trouble: Option<DbError>,
    counters: Arc<Counters>,
}

pub(crate) type Hook = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Hooks {
    job: Vec<Hook>,
    batch: Vec<Hook>,
}

impl Tx {
    pub(crate) fn new(
        connection: Connection,
        positions: Positions,
        epoch: i64,
        counters: Arc<Counters>,
    ) -> Self {
        let hooks = Hooks::default();
        Self { connection, positions, epoch, hooks, failed: None, trouble: None, counters }
    }

    /// Runs a statement and returns how many rows it touched.
    pub async fn execute(&mut self, sql: &'static str, params: Params<'_>) -> Result<u64, DbError> {
        Ok(self.query(sql, params).await?.affected)
    }

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

    /// Returns the next position of a stream: higher than all before, also those of earlier
    /// processes. It is durable with the job. A failed job's position is not used again.
    pub fn next_position(&mut self, stream: &'static str) -> i64 {
        self.positions.next(stream)
    }

    /// Leaves something to do once the job is durable: wake-ups, pushes. It runs on the writer, in
    /// commit order, before the job's caller is answered, so it must be short and must not block.
    /// It is dropped when the job fails.
    pub fn after_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.job.push(Box::new(hook));
    }

    /// Returns whether this is SQLite.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        matches!(self.connection, Connection::Sqlite { .. })
    }

    async fn query(&mut self, sql: &'static str, params: Params<'_>) -> Result<Answer, DbError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        self.counters.written_statements.fetch_add(1, Relaxed);
        // Stays if this future is dropped half-way: nobody knows then what the statement did.
        self.failed = Some(DbError::Abandoned);
        let result = self.connection.query(sql, &params.0).await;
        self.failed = None;
        if let Err(error) = &result {
            self.failed = Some(error.clone());
            if error.reach() != Reach::Job || self.connection.lost_transaction() {
                self.trouble = Some(error.clone());
            }
        }
        result
    }

    pub(crate) async fn begin_batch(&mut self, batch: &str) -> Result<(), DbError> {
        self.positions.begin_batch();
        self.hooks = Hooks::default();
        self.failed = None;
        self.trouble = None;
        self.connection.begin(self.epoch, batch).await
    }

    pub(crate) fn begin_job(&mut self) {
        self.positions.begin_job();
        self.hooks.job.clear();
        self.failed = None;
    }

    pub(crate) fn keep_job(&mut self) {
        self.positions.keep_job();
        self.hooks.batch.append(&mut self.hooks.job);
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Returns why the job at hand cannot be kept, if a statement of it failed.
    pub(crate) fn failed(&self) -> Option<&DbError> {
        self.failed.as_ref()
    }

    /// Returns what made the whole batch impossible.
    pub(crate) fn take_trouble(&mut self) -> Option<DbError> {
        self.trouble.take()
    }

    pub(crate) fn take_hooks(&mut self) -> Vec<Hook> {
        std::mem::take(&mut self.hooks.batch)
    }

    /// Writes the highest position of each stream the batch moved.
    pub(crate) async fn save_positions(&mut self) -> Result<(), DbError> {
        const SAVE: &str = "INSERT INTO support_position (stream, position) VALUES ($1, $2)
            ON CONFLICT (stream) DO UPDATE SET position = excluded.position";
        for &(stream, position) in self.positions.of_batch() {
            self.connection.query(SAVE, &crate::params![stream, position].0).await?;
        }
        Ok(())
    }
}
