//! The journal's tables: what is read here, what is written in [`apply`] (the lanes' results) and
//! [`accept`] (new rows). All SQL of the journal stands in this folder.

mod accept;
mod apply;
mod desk;
mod history;
mod memory;
mod messages;
mod notes;
mod reactions;
mod settle;

use std::{collections::HashMap, time::Duration};

use support_clock::SharedRandom;
use support_db::{Db, DbError, integer_list, params};

pub(crate) use self::{
    accept::{AcceptMatrix, MatrixEvent, NewRemoteRow, Ours, Woken, accept_remote, move_cursor},
    apply::Write,
    desk::{Act, Acted, Change, Listed, Unacted},
    history::{
        Covered, HistoryKind, HistoryState, HistoryTask, HistoryWish, PastBatch, PastFate,
        PastStep, PlanPage, SettlePage, heard_at, interrupted, tasks, want,
    },
    memory::{Carried, Memory},
    messages::Pair,
    reactions::Reaction,
    settle::{Settled, settle_by_key},
};
use super::{
    machine::OpenRow,
    row::{Direction, Row},
    step::{KeyMaker, Step},
};
use crate::{
    ids::{LoginId, NetworkId, SendKey},
    metrics::JournalLevel,
    network::Cursor,
};

const PAGE: &str = "SELECT seq, direction, network, portal_id, login_id, room_id, event_id, sender,
        remote_id, kind, payload, state, next_at, attempts, outcome, reason, accepted_at,
        again_of
    FROM journal_row
    WHERE lane = $1 AND seq > $2 AND state <> 'settled' AND state IN ('accepted', 'planned')
    ORDER BY seq
    LIMIT $3";
const ROW: &str = "SELECT seq, direction, network, portal_id, login_id, room_id, event_id, sender,
        remote_id, kind, payload, state, next_at, attempts, outcome, reason, accepted_at,
        again_of
    FROM journal_row
    WHERE seq = $1";
const STEPS: &str = "SELECT row_seq, step, portal_id, network, login_id, room_id, operation,
        payload, lost_answer, send_key, state, attempts, first_sent_at, next_at, deadline,
        remote_id, part, event_id, reason
    FROM journal_step
    WHERE row_seq IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
    ORDER BY row_seq, step";
const OPEN_LANES: &str = "SELECT DISTINCT lane
    FROM journal_row
    WHERE state <> 'settled' AND state IN ('accepted', 'planned')";
const REPORTING: &str = "SELECT seq FROM journal_row
    WHERE state <> 'settled' AND state = 'reporting'
    ORDER BY seq";
const PARKED_LANES: &str = "SELECT DISTINCT lane
    FROM journal_row
    WHERE state = 'parked' AND waits_for = $1";
const PARKED_LOGINS: &str = "SELECT DISTINCT waits_for FROM journal_row WHERE state = 'parked'";
const PARKED_OF_LANE: &str = "SELECT DISTINCT waits_for
    FROM journal_row
    WHERE lane = $1 AND state <> 'settled' AND state = 'parked'";
const PARKED_EXPIRED: &str = "SELECT DISTINCT lane, waits_for
    FROM journal_row
    WHERE state = 'parked' AND direction = 'from_matrix' AND accepted_at <= $1";
const GONE_LOGINS: &str = "SELECT DISTINCT waits_for AS login_id
    FROM journal_row
    WHERE state = 'parked' AND waits_for NOT IN (SELECT id FROM login)
    UNION
    SELECT DISTINCT login_id
    FROM journal_step
    WHERE state IN ('queued', 'sending', 'awaiting', 'retry', 'lost', 'unplanned')
        AND login_id NOT IN (SELECT id FROM login)";
const UNSETTLED: &str = "SELECT COUNT(*) AS rows, MIN(accepted_at) AS oldest
    FROM journal_row
    WHERE state <> 'settled'";
const LEVELS: &str = "SELECT direction, state, COUNT(*) AS rows, MIN(accepted_at) AS oldest
    FROM journal_row
    WHERE state <> 'settled'
    GROUP BY direction, state
    ORDER BY direction, state";
const DRAW_INSTANCE: &str = "INSERT INTO journal_instance (id, secret) VALUES (1, $1)
    ON CONFLICT (id) DO NOTHING";
const INSTANCE: &str = "SELECT secret FROM journal_instance WHERE id = 1";
const CURSOR: &str = "SELECT value, place FROM journal_cursor
    WHERE network = $1 AND login_id = $2 AND stream = $3";
const OPEN_STEP: &str = "SELECT row_seq FROM journal_step
    WHERE portal_id = $1 AND login_id = $2
        AND state IN ('queued', 'sending', 'awaiting', 'retry', 'lost', 'unplanned')
        AND state IN ('sending', 'awaiting', 'lost', 'retry')
    LIMIT 1";
const BY_KEY: &str = "SELECT portal_id FROM journal_step WHERE send_key = $1";

/// All statements that read, for the test that prepares them on both databases.
#[cfg(test)]
const READS: &[&str] = &[
    PAGE,
    ROW,
    STEPS,
    OPEN_LANES,
    REPORTING,
    PARKED_LANES,
    PARKED_LOGINS,
    PARKED_OF_LANE,
    PARKED_EXPIRED,
    GONE_LOGINS,
    UNSETTLED,
    LEVELS,
    DRAW_INSTANCE,
    INSTANCE,
    CURSOR,
    OPEN_STEP,
    BY_KEY,
];

/// Returns every statement of the journal.
#[cfg(test)]
pub(crate) fn statements() -> Vec<&'static str> {
    [
        READS,
        accept::STATEMENTS,
        apply::STATEMENTS,
        desk::STATEMENTS,
        memory::STATEMENTS,
        history::STATEMENTS,
        messages::STATEMENTS,
        notes::STATEMENTS,
        &crate::media::statements()[..],
        crate::puppets::STATEMENTS,
        crate::ghosts::STATEMENTS,
        crate::portals::STATEMENTS,
        crate::switches::STATEMENTS,
        reactions::STATEMENTS,
        settle::STATEMENTS,
    ]
    .concat()
}

/// Remembers the journal.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    db: Db,
}

/// How much the journal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Rows that are not settled.
    pub rows: i64,
    /// When the oldest of them was accepted, Unix milliseconds.
    pub oldest: Option<i64>,
}

impl Store {
    /// Works on this database.
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Returns the database, for jobs.
    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    /// Returns what makes this database's send keys, drawing its secret the first time.
    pub(crate) async fn key_maker(&self, random: &SharedRandom) -> Result<KeyMaker, DbError> {
        let secret = random.hex(16);
        self.db
            .write(move |tx| {
                let secret = secret.clone();
                Box::pin(async move {
                    tx.execute(DRAW_INSTANCE, params![secret]).await?;
                    let row = tx.fetch_one(INSTANCE, params![]).await?;
                    Ok::<_, DbError>(KeyMaker::new(row.get::<String>("secret")?))
                })
            })
            .await
    }

    /// Returns rows of a lane that are to be worked on, in order, with their steps.
    pub(crate) async fn page(
        &self,
        lane: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<OpenRow>, DbError> {
        let rows = self.db.fetch_all(PAGE, params![lane, after, limit]).await?;
        let rows = rows.iter().map(Row::read).collect::<Result<Vec<_>, _>>()?;
        let planned = rows.iter().filter(|row| row.state == super::row::RowState::Planned);
        let mut steps = self.steps(planned.map(|row| row.seq)).await?;
        Ok(rows
            .into_iter()
            .map(|row| OpenRow { steps: steps.remove(&row.seq).unwrap_or_default(), row })
            .collect())
    }

    /// Returns one row with its steps.
    pub(crate) async fn open_row(&self, seq: i64) -> Result<Option<OpenRow>, DbError> {
        let Some(row) = self.db.fetch_optional(ROW, params![seq]).await? else { return Ok(None) };
        let row = Row::read(&row)?;
        let steps = self.steps([seq]).await?.remove(&seq).unwrap_or_default();
        Ok(Some(OpenRow { row, steps }))
    }

    async fn steps(
        &self,
        rows: impl IntoIterator<Item = i64>,
    ) -> Result<HashMap<i64, Vec<Step>>, DbError> {
        let list = integer_list(rows);
        let mut steps: HashMap<i64, Vec<Step>> = HashMap::new();
        if list == "[]" {
            return Ok(steps);
        }
        for row in self.db.fetch_all(STEPS, params![list]).await? {
            let step = Step::read(&row)?;
            steps.entry(step.row_seq).or_default().push(step);
        }
        Ok(steps)
    }

    /// Returns the lanes that have something to do.
    pub(crate) async fn open_lanes(&self) -> Result<Vec<String>, DbError> {
        self.texts(OPEN_LANES, "lane").await
    }

    /// Returns the rows whose senders are still to be told.
    pub(crate) async fn reporting(&self) -> Result<Vec<i64>, DbError> {
        let rows = self.db.fetch_all(REPORTING, params![]).await?;
        rows.iter().map(|row| row.get("seq")).collect()
    }

    /// Returns the lanes in which rows wait for a login.
    pub(crate) async fn parked_lanes(&self, login: &LoginId) -> Result<Vec<String>, DbError> {
        let rows = self.db.fetch_all(PARKED_LANES, params![login.as_str()]).await?;
        rows.iter().map(|row| row.get("lane")).collect()
    }

    /// Returns the logins that rows wait for, in any lane.
    pub(crate) async fn parked_logins(&self) -> Result<Vec<LoginId>, DbError> {
        Ok(self.texts(PARKED_LOGINS, "waits_for").await?.into_iter().map(LoginId::new).collect())
    }

    /// Returns the logins that rows of this lane wait for.
    pub(crate) async fn parked_in(&self, lane: &str) -> Result<Vec<LoginId>, DbError> {
        let rows = self.db.fetch_all(PARKED_OF_LANE, params![lane]).await?;
        rows.iter().map(|row| Ok(LoginId::new(row.get::<String>("waits_for")?))).collect()
    }

    /// Returns the logins that open work names and that are no longer there.
    pub(crate) async fn gone_logins(&self) -> Result<Vec<LoginId>, DbError> {
        Ok(self.texts(GONE_LOGINS, "login_id").await?.into_iter().map(LoginId::new).collect())
    }

    /// Returns lanes and logins with parked rows that were accepted before this time.
    pub(crate) async fn parked_since(
        &self,
        accepted: i64,
    ) -> Result<Vec<(String, LoginId)>, DbError> {
        let rows = self.db.fetch_all(PARKED_EXPIRED, params![accepted]).await?;
        rows.iter()
            .map(|row| Ok((row.get("lane")?, LoginId::new(row.get::<String>("waits_for")?))))
            .collect()
    }

    /// Returns how much is not settled.
    pub(crate) async fn backlog(&self) -> Result<Backlog, DbError> {
        let row = self.db.fetch_one(UNSETTLED, params![]).await?;
        Ok(Backlog { rows: row.get("rows")?, oldest: row.get("oldest")? })
    }

    /// Returns how many rows are in which state, and how long the oldest has waited.
    pub(crate) async fn levels(&self, now: i64) -> Result<Vec<JournalLevel>, DbError> {
        let rows = self.db.fetch_all(LEVELS, params![]).await?;
        rows.iter()
            .map(|row| {
                let waited = now - row.get::<i64>("oldest")?;
                Ok(JournalLevel {
                    direction: Direction::parse(row.get("direction")?)?.as_str(),
                    state: row.get("state")?,
                    rows: row.get("rows")?,
                    oldest: Duration::from_millis(u64::try_from(waited).unwrap_or(0)),
                })
            })
            .collect()
    }

    /// Returns a stored cursor.
    pub(crate) async fn cursor(
        &self,
        network: &NetworkId,
        login: &LoginId,
        stream: &str,
    ) -> Result<Option<Cursor>, DbError> {
        let params = params![network.as_str(), login.as_str(), stream];
        let Some(row) = self.db.fetch_optional(CURSOR, params).await? else { return Ok(None) };
        Ok(Some(Cursor {
            stream: stream.to_owned(),
            value: row.get("value")?,
            order: row.get("place")?,
        }))
    }

    /// Whether a login has a send under way in a portal whose fate is open.
    pub(crate) async fn has_open_send(
        &self,
        portal_id: i64,
        login: &LoginId,
    ) -> Result<bool, DbError> {
        let row = self.db.fetch_optional(OPEN_STEP, params![portal_id, login.as_str()]).await?;
        Ok(row.is_some())
    }

    /// Returns the portal of the step that has this key.
    pub(crate) async fn portal_of_key(&self, key: &SendKey) -> Result<Option<i64>, DbError> {
        let row = self.db.fetch_optional(BY_KEY, params![key.as_str()]).await?;
        row.map_or(Ok(None), |row| row.get("portal_id"))
    }

    async fn texts(&self, sql: &'static str, column: &str) -> Result<Vec<String>, DbError> {
        let rows = self.db.fetch_all(sql, params![]).await?;
        rows.iter().map(|row| row.get(column)).collect()
    }
}

#[cfg(test)]
mod tests;
