//! The journal as a stranger reads it: straight from the bridges' database, past the program. What the promises say about
//! rows is checked here and nowhere else.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags};
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::matrix::DEADLINE;
use crate::program::Program;

/// One accepted event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRow {
    pub seq: i64,
    pub direction: String,
    pub kind: String,
    pub state: String,
    pub outcome: Option<String>,
    pub reason: Option<String>,
    /// When it is tried again.
    pub next_at: Option<i64>,
    /// What has to happen before it goes on.
    pub waits_for: Option<String>,
    pub event_id: Option<String>,
    pub has_payload: bool,
}

impl JournalRow {
    /// Tells whether the row is in a final state, or says what happens to it next.
    pub fn is_accounted_for(&self) -> bool {
        match self.state.as_str() {
            "settled" => self.outcome.is_some(),
            _ => self.next_at.is_some() || self.waits_for.is_some(),
        }
    }

    /// Tells whether nothing will happen to it any more.
    pub fn is_settled(&self) -> bool {
        self.state == "settled" && self.outcome.is_some()
    }
}

const SELECT: &str = "SELECT seq, direction, kind, state, outcome, reason, next_at, waits_for, \
     event_id, payload IS NOT NULL AS has_payload FROM journal_row ORDER BY seq";

/// Reads every row; works while the program runs and while it does not.
pub async fn rows(program: &Program) -> Result<Vec<JournalRow>> {
    match program.database() {
        None => from_sqlite(program),
        Some(url) => from_postgres(url).await,
    }
}

/// Waits until every row is settled, and returns them.
pub async fn expect_all_settled(program: &Program) -> Result<Vec<JournalRow>> {
    expect(program, "settled", JournalRow::is_settled).await
}

/// Waits until every row is settled or says what happens next, and returns them.
pub async fn expect_all_accounted_for(program: &Program) -> Result<Vec<JournalRow>> {
    expect(program, "settled or waiting for something", JournalRow::is_accounted_for).await
}

async fn expect(
    program: &Program,
    what: &str,
    fits: impl Fn(&JournalRow) -> bool,
) -> Result<Vec<JournalRow>> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let rows = rows(program).await?;
        let unfit: Vec<&JournalRow> = rows.iter().filter(|row| !fits(row)).collect();
        if unfit.is_empty() {
            return Ok(rows);
        }
        ensure!(Instant::now() < deadline, "these rows are not {what}: {unfit:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn from_sqlite(program: &Program) -> Result<Vec<JournalRow>> {
    let file = program.data_dir().join("bridges.db");
    let connection = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    connection.busy_timeout(Duration::from_secs(5))?;
    let mut select = connection.prepare(SELECT)?;
    let rows = select.query_map([], |row| {
        Ok(JournalRow {
            seq: row.get("seq")?,
            direction: row.get("direction")?,
            kind: row.get("kind")?,
            state: row.get("state")?,
            outcome: row.get("outcome")?,
            reason: row.get("reason")?,
            next_at: row.get("next_at")?,
            waits_for: row.get("waits_for")?,
            event_id: row.get("event_id")?,
            has_payload: row.get("has_payload")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

async fn from_postgres(url: &str) -> Result<Vec<JournalRow>> {
    let mut connection = PgConnection::connect(url).await.context("PostgreSQL is gone")?;
    // The schema's name is the program's own business.
    let find = "SELECT set_config('search_path', table_schema, false) \
         FROM information_schema.tables WHERE table_name = 'journal_row'";
    sqlx::query(find).fetch_one(&mut connection).await.context("no schema holds a journal")?;
    let rows = sqlx::query(SELECT).fetch_all(&mut connection).await?;
    connection.close().await?;
    let read = |row: &sqlx::postgres::PgRow| {
        anyhow::Ok(JournalRow {
            seq: row.try_get("seq")?,
            direction: row.try_get("direction")?,
            kind: row.try_get("kind")?,
            state: row.try_get("state")?,
            outcome: row.try_get("outcome")?,
            reason: row.try_get("reason")?,
            next_at: row.try_get("next_at")?,
            waits_for: row.try_get("waits_for")?,
            event_id: row.try_get("event_id")?,
            has_payload: row.try_get("has_payload")?,
        })
    };
    rows.iter().map(read).collect()
}
