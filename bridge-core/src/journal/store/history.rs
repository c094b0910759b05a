//! The past as it is stored: what is covered, what is being read, and pages that are planned.

use std::collections::HashSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use support_db::{Db, DbError, Job, Row, Tx, params, text_list};

use super::{Store, memory::Carried};
use crate::{
    ids::{LoginId, NetworkId, RemoteMessageId, SendKey},
    journal::{
        step::{Effect, MatrixCall, StepWork, parse},
        words::named,
    },
    network::HistoryPlace,
};

const EXTEND: &str = "UPDATE coverage
    SET to_order = CASE WHEN to_order < $2 THEN $2 ELSE to_order END
    WHERE portal_id = $1 AND live";
const COVER: &str = "INSERT INTO coverage (portal_id, from_order, to_order, live)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (portal_id, from_order) DO UPDATE SET to_order = excluded.to_order, live = excluded.live";
const COVERED: &str = "SELECT from_order, to_order, live
    FROM coverage
    WHERE portal_id = $1
    ORDER BY from_order";
const UNCOVER: &str = "DELETE FROM coverage WHERE portal_id = $1";
const END_LIVE: &str = "UPDATE coverage SET live = FALSE WHERE portal_id = $1 AND live";
const WANT: &str = "INSERT INTO history_task (portal_id, kind, login_id, row_seq, place, stop_at,
        not_before, remaining, carried, batches, state, reason, attempts, updated_at)
    VALUES ($1, $2, $3, $4, NULL, $5, $6, $7, 0, 0, 'fetching', NULL, 0, $8)
    ON CONFLICT (portal_id, kind) DO UPDATE
        SET login_id = excluded.login_id, row_seq = excluded.row_seq, stop_at = excluded.stop_at,
            not_before = excluded.not_before, place = NULL, reason = NULL, attempts = 0,
            remaining = excluded.remaining
                + CASE WHEN history_task.state = 'fetching' THEN history_task.remaining ELSE 0 END,
            carried = CASE WHEN history_task.state = 'fetching' THEN history_task.carried ELSE 0 END,
            state = 'fetching', updated_at = excluded.updated_at";
const TASK: &str =
    "SELECT portal_id, kind, login_id, row_seq, place, stop_at, not_before, remaining,
        carried, batches, state, reason, attempts
    FROM history_task
    WHERE portal_id = $1 AND kind = $2";
const TASKS: &str =
    "SELECT portal_id, kind, login_id, row_seq, place, stop_at, not_before, remaining,
        carried, batches, state, reason, attempts
    FROM history_task
    ORDER BY updated_at DESC, portal_id, kind
    LIMIT 1000";
const OPEN_TASKS: &str = "SELECT portal_id, kind, login_id, row_seq, place, stop_at, not_before,
        remaining, carried, batches, state, reason, attempts
    FROM history_task
    WHERE state IN ('fetching', 'sending')
    ORDER BY updated_at, portal_id, kind";
const MOVE: &str = "UPDATE history_task
    SET place = $3, remaining = remaining - $4, carried = carried + $4, batches = batches + $5,
        state = $6, reason = NULL, attempts = 0, updated_at = $7
    WHERE portal_id = $1 AND kind = $2";
const SET_STATE: &str = "UPDATE history_task
    SET state = $3, reason = $4, attempts = 0, updated_at = $5
    WHERE portal_id = $1 AND kind = $2";
const OPEN_SEND: &str = "SELECT row_seq FROM journal_step
    WHERE portal_id = $1 AND login_id IS NOT NULL
        AND state IN ('queued', 'sending', 'awaiting', 'retry', 'lost', 'unplanned')
        AND state IN ('sending', 'awaiting', 'lost', 'retry')
    LIMIT 1";
const TRIED: &str = "UPDATE history_task
    SET attempts = attempts + 1, reason = $3
    WHERE portal_id = $1 AND kind = $2";
const ADD_BATCH: &str = "INSERT INTO history_batch (portal_id, kind, number, payload, sent)
    VALUES ($1, $2, $3, $4, 0)";
const LAST_BATCH: &str = "SELECT number, payload, sent
    FROM history_batch
    WHERE portal_id = $1 AND kind = $2
    ORDER BY number DESC
    LIMIT 1";
const END_BATCH: &str = "DELETE FROM history_batch
    WHERE portal_id = $1 AND kind = $2 AND number = $3";
const COUNT_SENT: &str = "UPDATE history_batch
    SET sent = sent + 1
    WHERE portal_id = $1 AND kind = $2 AND number = $3";
const RENAME_IN_BATCHES: &str = "UPDATE history_batch
    SET payload = replace(payload, $3, $4)
    WHERE portal_id = $1 AND kind = $2";
const RENAME_MESSAGE: &str =
    "UPDATE message SET event_id = $3 WHERE portal_id = $1 AND event_id = $2";
const RENAME_REACTION: &str =
    "UPDATE reaction SET event_id = $3 WHERE portal_id = $1 AND event_id = $2";
const FORGET_MESSAGE: &str = "DELETE FROM message WHERE portal_id = $1 AND event_id = $2";
const FORGET_REACTION: &str = "DELETE FROM reaction WHERE portal_id = $1 AND event_id = $2";
const KNOWN: &str = "SELECT DISTINCT remote_id
    FROM message
    WHERE portal_id = $1 AND remote_id IN (SELECT value FROM json_each($2))";
const ON_THE_WAY: &str = "SELECT DISTINCT remote_id
    FROM journal_row
    WHERE lane = $1 AND state <> 'settled' AND remote_id IN (SELECT value FROM json_each($2))";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    EXTEND,
    COVER,
    COVERED,
    UNCOVER,
    END_LIVE,
    WANT,
    TASK,
    TASKS,
    OPEN_TASKS,
    MOVE,
    SET_STATE,
    OPEN_SEND,
    TRIED,
    ADD_BATCH,
    LAST_BATCH,
    END_BATCH,
    COUNT_SENT,
    RENAME_IN_BATCHES,
    RENAME_MESSAGE,
    RENAME_REACTION,
    FORGET_MESSAGE,
    FORGET_REACTION,
    KNOWN,
    ON_THE_WAY,
];

named! {
    /// What a chat's past is read for.
    HistoryKind {
        /// To go further back.
        Past => "past",
        /// To fill in what was missed.
        Gap => "gap",
    }
}

named! {
    /// How far the reading is.
    HistoryState {
        /// Pages are asked for.
        Fetching => "fetching",
        /// All pages are there and go to Matrix, oldest first.
        Sending => "sending",
        /// Everything that was wanted is on Matrix.
        Done => "done",
        /// It could not go on.
        Failed => "failed",
    }
}

/// One chat whose past is being read.
#[derive(Clone, Debug)]
pub(crate) struct HistoryTask {
    pub(crate) portal_id: i64,
    pub(crate) kind: HistoryKind,
    pub(crate) login: LoginId,
    pub(crate) row_seq: i64,
    pub(crate) place: Option<HistoryPlace>,
    pub(crate) stop_at: Option<i64>,
    pub(crate) not_before: Option<i64>,
    pub(crate) remaining: i64,
    pub(crate) carried: i64,
    pub(crate) batches: i64,
    pub(crate) state: HistoryState,
    pub(crate) reason: Option<String>,
    pub(crate) attempts: i64,
}

impl HistoryTask {
    fn read(row: &Row) -> Result<Self, DbError> {
        let place = row.get::<Option<&str>>("place")?;
        Ok(Self {
            portal_id: row.get("portal_id")?,
            kind: HistoryKind::parse(row.get("kind")?)?,
            login: LoginId::new(row.get::<String>("login_id")?),
            row_seq: row.get("row_seq")?,
            place: place.map(|place| parse("place", place)).transpose()?,
            stop_at: row.get("stop_at")?,
            not_before: row.get("not_before")?,
            remaining: row.get("remaining")?,
            carried: row.get("carried")?,
            batches: row.get("batches")?,
            state: HistoryState::parse(row.get("state")?)?,
            reason: row.get("reason")?,
            attempts: row.get("attempts")?,
        })
    }

    /// Whether something is still to be done.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, HistoryState::Fetching | HistoryState::Sending)
    }
}

/// One event of the past as it goes to Matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PastStep {
    /// The id it is to have.
    pub(crate) event_id: String,
    /// What it is known by, where it goes alone.
    pub(crate) key: SendKey,
    pub(crate) sender: String,
    /// Who that is on the network.
    pub(crate) remote_sender: Option<String>,
    pub(crate) room: String,
    pub(crate) event_type: String,
    pub(crate) content: Value,
    pub(crate) ts: Option<i64>,
    pub(crate) effect: Effect,
    /// The remote message, of messages.
    pub(crate) remote_id: Option<RemoteMessageId>,
    pub(crate) part: i64,
}

/// A page that is planned.
#[derive(Clone, Debug)]
pub(crate) struct PastBatch {
    pub(crate) number: i64,
    pub(crate) steps: Vec<PastStep>,
    pub(crate) sent: i64,
}

/// A stretch of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Covered {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) live: bool,
}

/// Adds a stretch to others; those it touches become one.
pub(crate) fn cover(known: &[Covered], new: Covered) -> Vec<Covered> {
    let touches = |one: &&Covered| one.from <= new.to && new.from <= one.to;
    let mut all: Vec<Covered> = known.iter().filter(|one| !touches(one)).copied().collect();
    all.push(known.iter().filter(touches).fold(new, |sum, one| Covered {
        from: sum.from.min(one.from),
        to: sum.to.max(one.to),
        live: sum.live || one.live,
    }));
    all.sort_unstable_by_key(|one| one.from);
    all
}

/// Notes that something was heard at a place.
pub(crate) async fn heard_at(tx: &mut Tx, portal: i64, order: i64) -> Result<(), DbError> {
    if tx.execute(EXTEND, params![portal, order]).await? == 0 {
        tx.execute(COVER, params![portal, order, order, true]).await?;
    }
    Ok(())
}

/// Notes that something was missed: what is heard now is not next to what was heard before.
pub(crate) async fn interrupted(tx: &mut Tx, portal: i64) -> Result<(), DbError> {
    tx.execute(END_LIVE, params![portal]).await.map(drop)
}

/// What is wanted of a chat's past.
#[derive(Clone, Debug)]
pub(crate) struct HistoryWish {
    pub(crate) portal_id: i64,
    pub(crate) kind: HistoryKind,
    pub(crate) login: LoginId,
    pub(crate) row_seq: i64,
    pub(crate) stop_at: Option<i64>,
    pub(crate) not_before: Option<i64>,
    pub(crate) count: i64,
}

/// Notes that a chat's past is wanted; more of what is being read already adds to it.
pub(crate) async fn want(tx: &mut Tx, wish: &HistoryWish, now: i64) -> Result<(), DbError> {
    let values = params![
        wish.portal_id,
        wish.kind.as_str(),
        wish.login.as_str(),
        wish.row_seq,
        wish.stop_at,
        wish.not_before,
        wish.count,
        now,
    ];
    tx.execute(WANT, values).await.map(drop)
}

async fn covered_in(tx: &mut Tx, portal: i64) -> Result<Vec<Covered>, DbError> {
    read_covered(&tx.fetch_all(COVERED, params![portal]).await?)
}

fn read_covered(rows: &[Row]) -> Result<Vec<Covered>, DbError> {
    rows.iter()
        .map(|row| {
            Ok(Covered {
                from: row.get("from_order")?,
                to: row.get("to_order")?,
                live: row.get("live")?,
            })
        })
        .collect()
}

/// Reads all tasks, newest first.
pub(crate) async fn tasks(db: &Db) -> Result<Vec<HistoryTask>, DbError> {
    db.fetch_all(TASKS, params![]).await?.iter().map(HistoryTask::read).collect()
}

/// Stores a page: what of it is new, what follows from it, and how to go on.
pub(crate) struct PlanPage {
    pub(crate) task: HistoryTask,
    pub(crate) network: NetworkId,
    pub(crate) steps: Vec<PastStep>,
    pub(crate) covers: Option<Covered>,
    pub(crate) place: HistoryPlace,
    /// Whether there is nothing before this page, or nothing that is wanted.
    pub(crate) is_last: bool,
    pub(crate) now: i64,
}

#[async_trait]
impl Job for PlanPage {
    type Output = usize;
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<usize, DbError> {
        let (portal, kind) = (self.task.portal_id, self.task.kind.as_str());
        let known = self.known(tx).await?;
        let new: Vec<&PastStep> =
            self.steps.iter().filter(|step| !step.belongs_to(&known)).collect();
        for step in &new {
            if let Some(memory) = step.memory(portal, &self.network) {
                memory.write(tx).await?;
            }
        }
        let messages = new.iter().filter(|step| step.effect == Effect::Pair && step.part == 0);
        let carried = i64::try_from(messages.count()).unwrap_or(i64::MAX);
        if !new.is_empty() {
            let payload = json(&new);
            tx.execute(ADD_BATCH, params![portal, kind, self.task.batches, payload]).await?;
        }
        if let Some(covers) = self.covers {
            let all = cover(&covered_in(tx, portal).await?, covers);
            tx.execute(UNCOVER, params![portal]).await?;
            for one in all {
                tx.execute(COVER, params![portal, one.from, one.to, one.live]).await?;
            }
        }
        let is_enough = carried >= self.task.remaining;
        let state = match self.is_last || is_enough {
            true => HistoryState::Sending,
            false => HistoryState::Fetching,
        };
        let values = params![
            portal,
            kind,
            json(&self.place),
            carried,
            i64::from(!new.is_empty()),
            state.as_str(),
            self.now,
        ];
        tx.execute(MOVE, values).await?;
        Ok(new.len())
    }
}

impl PlanPage {
    /// Returns the messages that are on Matrix or in the journal already.
    async fn known(&self, tx: &mut Tx) -> Result<HashSet<String>, DbError> {
        let ids = text_list(self.steps.iter().filter_map(|step| step.named()));
        let lane = format!("p:{}", self.task.portal_id);
        let mut rows = tx.fetch_all(KNOWN, params![self.task.portal_id, &ids]).await?;
        rows.extend(tx.fetch_all(ON_THE_WAY, params![lane, &ids]).await?);
        rows.iter().map(|row| row.get("remote_id")).collect()
    }
}

impl PastStep {
    /// Returns the message it is or is about.
    pub(crate) fn named(&self) -> Option<&str> {
        match &self.effect {
            Effect::Reaction { target, .. } => Some(target.as_str()),
            _ => self.remote_id.as_ref().map(RemoteMessageId::as_str),
        }
    }

    fn belongs_to(&self, known: &HashSet<String>) -> bool {
        self.named().is_some_and(|id| known.contains(id))
    }

    fn memory(&self, portal_id: i64, network: &NetworkId) -> Option<super::Memory> {
        let call = MatrixCall::Event {
            sender: self.sender.clone(),
            room: self.room.clone(),
            event_type: String::new(),
            content: Value::Null,
            ts: self.ts,
            effect: self.effect.clone(),
            file: None,
        };
        let carried = Carried {
            row_seq: 0,
            portal_id,
            network: network.clone(),
            work: &StepWork::Matrix(call),
            remote_id: self.remote_id.clone(),
            part: self.part,
            remote_ts: self.ts,
            row_room: None,
            row_event: None,
            row_sender: self.remote_sender.clone(),
            event_id: Some(self.event_id.clone()),
            own_user: None,
        };
        carried.memory()
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("data of the journal has text keys only")
}

/// What became of a planned page, or of one event of it.
#[derive(Clone, Debug)]
pub(crate) enum PastFate {
    /// The page is on Matrix.
    Inserted,
    /// The next event of it is, under this id.
    Sent { step: Box<PastStep>, event_id: String },
    /// The homeserver does not take it: nothing of it stays.
    Refused { steps: Vec<PastStep>, reason: String },
}

/// Stores what became of a page.
pub(crate) struct SettlePage {
    pub(crate) portal_id: i64,
    pub(crate) kind: HistoryKind,
    pub(crate) number: i64,
    pub(crate) fate: PastFate,
    pub(crate) now: i64,
}

#[async_trait]
impl Job for SettlePage {
    type Output = ();
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<(), DbError> {
        let (portal, kind, number) = (self.portal_id, self.kind.as_str(), self.number);
        match &self.fate {
            PastFate::Inserted => {
                tx.execute(END_BATCH, params![portal, kind, number]).await?;
            }
            PastFate::Sent { step, event_id } => {
                let (old, new) = (step.event_id.as_str(), event_id.as_str());
                tx.execute(RENAME_MESSAGE, params![portal, old, new]).await?;
                tx.execute(RENAME_REACTION, params![portal, old, new]).await?;
                tx.execute(RENAME_IN_BATCHES, params![portal, kind, old, new]).await?;
                tx.execute(COUNT_SENT, params![portal, kind, number]).await?;
            }
            PastFate::Refused { steps, reason } => {
                for step in steps {
                    let event_id = step.event_id.as_str();
                    tx.execute(FORGET_MESSAGE, params![portal, event_id]).await?;
                    tx.execute(FORGET_REACTION, params![portal, event_id]).await?;
                }
                tx.execute(END_BATCH, params![portal, kind, number]).await?;
                // The other pages have a fate of their own.
                if tx.fetch_optional(LAST_BATCH, params![portal, kind]).await?.is_none() {
                    let failed = HistoryState::Failed.as_str();
                    let values = params![portal, kind, failed, reason.as_str(), self.now];
                    tx.execute(SET_STATE, values).await?;
                }
            }
        }
        Ok(())
    }
}

impl Store {
    /// Returns what is covered of a chat, in order.
    pub(crate) async fn covered(&self, portal: i64) -> Result<Vec<Covered>, DbError> {
        read_covered(&self.db.fetch_all(COVERED, params![portal]).await?)
    }

    /// Returns one task.
    pub(crate) async fn history_task(
        &self,
        portal: i64,
        kind: HistoryKind,
    ) -> Result<Option<HistoryTask>, DbError> {
        let row = self.db.fetch_optional(TASK, params![portal, kind.as_str()]).await?;
        row.as_ref().map(HistoryTask::read).transpose()
    }

    /// Returns the tasks that are not done.
    pub(crate) async fn open_history(&self) -> Result<Vec<HistoryTask>, DbError> {
        let rows = self.db.fetch_all(OPEN_TASKS, params![]).await?;
        rows.iter().map(HistoryTask::read).collect()
    }

    /// Notes that a chat's past is wanted.
    pub(crate) async fn want_history(&self, wish: HistoryWish, now: i64) -> Result<(), DbError> {
        self.db
            .write(move |tx| {
                let wish = wish.clone();
                Box::pin(async move { want(tx, &wish, now).await })
            })
            .await
    }

    /// Returns the page that goes next: of what was planned, the oldest.
    pub(crate) async fn next_batch(
        &self,
        portal: i64,
        kind: HistoryKind,
    ) -> Result<Option<PastBatch>, DbError> {
        let row = self.db.fetch_optional(LAST_BATCH, params![portal, kind.as_str()]).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(PastBatch {
            number: row.get("number")?,
            steps: parse("payload", row.get("payload")?)?,
            sent: row.get("sent")?,
        }))
    }

    /// Notes how far a task is.
    pub(crate) async fn set_history_state(
        &self,
        task: &HistoryTask,
        state: HistoryState,
        reason: Option<String>,
        now: i64,
    ) -> Result<(), DbError> {
        let (portal, kind) = (task.portal_id, task.kind.as_str());
        self.db
            .write(move |tx| {
                let reason = reason.clone();
                Box::pin(async move {
                    let values = params![portal, kind, state.as_str(), reason, now];
                    tx.execute(SET_STATE, values).await.map(drop)
                })
            })
            .await
    }

    /// Whether anybody has a send under way in a portal whose fate is open.
    pub(crate) async fn has_any_open_send(&self, portal: i64) -> Result<bool, DbError> {
        Ok(self.db.fetch_optional(OPEN_SEND, params![portal]).await?.is_some())
    }

    /// Counts an attempt in vain.
    pub(crate) async fn tried_history(
        &self,
        task: &HistoryTask,
        reason: String,
    ) -> Result<(), DbError> {
        let (portal, kind) = (task.portal_id, task.kind.as_str());
        self.db
            .write(move |tx| {
                let reason = reason.clone();
                Box::pin(
                    async move { tx.execute(TRIED, params![portal, kind, reason]).await.map(drop) },
                )
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(from: i64, to: i64, live: bool) -> Covered {
        Covered { from, to, live }
    }

    #[test]
    fn stretches_that_touch_become_one() {
        let live = stretch(50, 60, true);
        let known = cover(&[], live);
        let further = cover(&known, stretch(40, 50, false));
        assert_eq!(further, [stretch(40, 60, true)]);
        let apart = cover(&further, stretch(10, 20, false));
        assert_eq!(apart, [stretch(10, 20, false), stretch(40, 60, true)]);
        assert_eq!(cover(&apart, stretch(20, 40, false)), [stretch(10, 60, true)]);
        assert_eq!(cover(&apart, stretch(0, 99, false)), [stretch(0, 99, true)]);
    }
}
