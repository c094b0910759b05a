//! What the desk reads and changes: rows as people see them, and what people do about them. No
//! payload is read here.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use support_db::{DbError, Job, Row as DbRow, Tx, integer_list, params};

use super::{
    ROW, STEPS, Store,
    accept::JOURNAL,
    notes::{self, DROPPED, NOTES, RETRIED, note},
    settle::{When, change_step},
};
use crate::{
    ids::LoginId,
    journal::{
        desk::{JournalFilter, JournalLine, JournalPair, JournalStep, JournalStory},
        machine::{OpenRow, StepChange},
        row::{Outcome, Row, RowState},
        step::Step,
    },
};

/// Where a row stands, in one word.
macro_rules! stands {
    () => {
        "CASE
            WHEN r.state IN ('parked', 'reporting') THEN r.state
            WHEN r.state = 'settled' THEN r.outcome
            WHEN r.next_at IS NOT NULL THEN 'retry'
            WHEN EXISTS (SELECT 1 FROM journal_step AS s
                WHERE s.row_seq = r.seq AND s.state = 'sending') THEN 'sending'
            WHEN EXISTS (SELECT 1 FROM journal_step AS s
                WHERE s.row_seq = r.seq AND s.state = 'lost') THEN 'lost'
            WHEN EXISTS (SELECT 1 FROM journal_step AS s
                WHERE s.row_seq = r.seq AND s.state = 'retry') THEN 'retry'
            WHEN EXISTS (SELECT 1 FROM journal_step AS s
                WHERE s.row_seq = r.seq AND s.state = 'awaiting') THEN 'awaiting'
            ELSE 'queued'
        END"
    };
}

/// A row in short, with what is needed to say what it waits for.
macro_rules! listed {
    () => {
        concat!(
            "SELECT r.seq, r.direction, r.lane, r.kind, r.network, r.portal_id, r.login_id,
            r.room_id, r.event_id, r.sender, r.remote_id, r.state, r.waits_for, r.next_at,
            r.attempts, r.outcome, r.reason, r.accepted_at, r.settled_at, r.planned_at,
            r.parked_at, r.resumed_at, r.again_of, r.again_as, ",
            stands!(),
            " AS stands,
            (SELECT MAX(s.attempts) FROM journal_step AS s WHERE s.row_seq = r.seq) AS tries,
            (SELECT MIN(s.next_at) FROM journal_step AS s
                WHERE s.row_seq = r.seq AND s.state IN ('retry', 'lost')) AS step_next_at,
            (SELECT MIN(s.deadline) FROM journal_step AS s
                WHERE s.row_seq = r.seq AND s.state = 'awaiting') AS step_deadline,
            (SELECT MIN(s.reason) FROM journal_step AS s
                WHERE s.row_seq = r.seq AND s.state IN ('retry', 'lost')) AS step_reason,
            (SELECT MIN(h.seq) FROM journal_row AS h
                WHERE h.lane = r.lane AND h.state <> 'settled'
                    AND h.state IN ('accepted', 'planned')) AS head
            FROM journal_row AS r "
        )
    };
}

/// What a filter lets through; an empty text lets everything through.
macro_rules! filtered {
    () => {
        concat!(
            " AND ($2 = '' OR r.sender = $2 AND r.direction = 'from_matrix')
            AND ($3 = '' OR r.network = $3
                OR EXISTS (SELECT 1 FROM journal_step AS s
                    WHERE s.row_seq = r.seq AND s.network = $3)
                OR EXISTS (SELECT 1 FROM portal_room AS l JOIN portal AS p ON p.id = l.portal_id
                    WHERE l.room_id = r.room_id AND p.network = $3))
            AND ($4 = '' OR r.room_id = $4
                OR EXISTS (SELECT 1 FROM portal_room AS l
                    WHERE l.portal_id = r.portal_id AND l.room_id = $4))
            AND ($5 = '' OR $5 = ",
            stands!(),
            ")
            ORDER BY r.seq
            LIMIT $6"
        )
    };
}

const OPEN: &str = concat!(listed!(), "WHERE r.state <> 'settled' AND r.seq > $1", filtered!());
const TROUBLE: &str = concat!(
    listed!(),
    "WHERE r.state = 'settled' AND r.outcome IN ('failed', 'unknown', 'expired') AND r.seq > $1
        AND r.settled_at >= $7 AND r.again_as IS NULL",
    filtered!()
);
const THESE: &str = concat!(
    listed!(),
    "WHERE r.seq IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) ORDER BY r.seq"
);
const NETWORKS: &str = "SELECT r.seq, p.network
    FROM journal_row AS r
    JOIN portal_room AS l ON l.room_id = r.room_id
    JOIN portal AS p ON p.id = l.portal_id
    WHERE r.seq IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
    UNION
    SELECT s.row_seq, s.network
    FROM journal_step AS s
    WHERE s.row_seq IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
        AND s.network IS NOT NULL
    UNION
    SELECT r.seq, r.network
    FROM journal_row AS r
    WHERE r.seq IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
        AND r.network IS NOT NULL";
const STORY_STEPS: &str = "SELECT s.row_seq, s.step, s.operation, s.state, s.network, p.chat,
        s.login_id, s.room_id, s.attempts, s.first_sent_at, s.last_sent_at, s.answered_at,
        s.next_at, s.deadline, s.remote_id, s.event_id, s.reason
    FROM journal_step AS s
    LEFT JOIN portal AS p ON p.id = s.portal_id
    WHERE s.row_seq IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
    ORDER BY s.row_seq, s.step";
const WITNESSES: &str = "SELECT row_seq, login_id FROM journal_witness
    WHERE row_seq IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
    ORDER BY row_seq, login_id";
// Asked by a person, now and then: what no index knows is looked through.
const CONCERNED: &str = "SELECT seq FROM journal_row WHERE event_id = $1
    UNION
    SELECT seq FROM journal_row WHERE remote_id = $1
    UNION
    SELECT row_seq FROM journal_step WHERE event_id = $1 OR remote_id = $1
    UNION
    SELECT row_seq FROM message WHERE event_id = $1
    UNION
    SELECT m.row_seq FROM portal AS p JOIN message AS m ON m.portal_id = p.id
        WHERE m.remote_id = $1
    ORDER BY 1
    LIMIT 50";
const PAIRS_OF_EVENT: &str = "SELECT p.network, p.chat, m.remote_id, m.part, m.room_id, m.event_id,
        m.ts, m.redacted, m.sender_mxid
    FROM message AS m
    JOIN portal AS p ON p.id = m.portal_id
    WHERE m.event_id = $1
    ORDER BY p.network, p.chat, m.part";
const PAIRS_OF_MESSAGE: &str = "SELECT p.network, p.chat, m.remote_id, m.part, m.room_id,
        m.event_id, m.ts, m.redacted, m.sender_mxid
    FROM portal AS p
    JOIN message AS m ON m.portal_id = p.id
    WHERE m.remote_id = $1
    ORDER BY p.network, p.chat, m.part
    LIMIT 50";
const WAITING_FOR: &str = "SELECT lane, waits_for, again_as FROM journal_row WHERE seq = $1";
const ROW_NOW: &str = "UPDATE journal_row SET next_at = NULL
    WHERE seq = $1 AND state IN ('accepted', 'planned')";
const STEPS_NOW: &str = "UPDATE journal_step SET next_at = NULL
    WHERE row_seq = $1 AND state IN ('retry', 'lost')";
const AGAIN: &str =
    "INSERT INTO journal_row (seq, direction, lane, room_id, event_id, sender, kind,
        version, state, attempts, accepted_at, again_of)
    SELECT CAST($2 AS BIGINT), direction, lane, room_id, event_id, sender, kind, version,
        'accepted', 0, CAST($3 AS BIGINT), seq
    FROM journal_row
    WHERE seq = $1 AND again_as IS NULL";
const AGAIN_AS: &str = "UPDATE journal_row SET again_as = $2 WHERE seq = $1";
const DROP: &str = "UPDATE journal_row
    SET state = $2, outcome = $3, reason = $4, settled_at = $5, payload = NULL, waits_for = NULL,
        next_at = NULL, attempts = 0
    WHERE seq = $1 AND state IN ('accepted', 'planned', 'parked')";
const LINKED: &str = "SELECT portal_id FROM portal_room WHERE room_id = $1 LIMIT 1";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    OPEN,
    TROUBLE,
    THESE,
    NETWORKS,
    STORY_STEPS,
    WITNESSES,
    CONCERNED,
    PAIRS_OF_EVENT,
    PAIRS_OF_MESSAGE,
    WAITING_FOR,
    ROW_NOW,
    STEPS_NOW,
    AGAIN,
    AGAIN_AS,
    DROP,
    LINKED,
];

/// A row in short, and what only words are made of.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// What is shown.
    pub(crate) story: JournalStory,
    /// The row's own state.
    pub(crate) row_state: RowState,
    /// The login it waits for.
    pub(crate) login: Option<LoginId>,
    /// Until when a confirmation is waited for.
    pub(crate) deadline: Option<i64>,
    /// The row of its lane that is worked on.
    pub(crate) head: Option<i64>,
}

impl Listed {
    fn read(row: &DbRow, now: i64) -> Result<Self, DbError> {
        let (attempts, tries) = (row.get::<i64>("attempts")?, row.get::<Option<i64>>("tries")?);
        let accepted_at: i64 = row.get("accepted_at")?;
        let next_at: Option<i64> = row.get("next_at")?;
        let reason: Option<String> = row.get("reason")?;
        let step_reason: Option<String> = row.get("step_reason")?;
        let line = JournalLine {
            id: row.get("seq")?,
            direction: row.get("direction")?,
            state: row.get::<Option<String>>("stands")?.unwrap_or_else(|| "settled".to_owned()),
            kind: row.get("kind")?,
            lane: row.get("lane")?,
            networks: Vec::new(),
            room: row.get("room_id")?,
            event_id: row.get("event_id")?,
            sender: row.get("sender")?,
            remote_id: row.get("remote_id")?,
            attempts: attempts.max(tries.unwrap_or(0)),
            accepted_at,
            age_ms: now.saturating_sub(accepted_at).max(0),
            next_at: next_at.or(row.get("step_next_at")?),
            waits_for: None,
            reason: step_reason.or(reason),
        };
        Ok(Self {
            story: JournalStory {
                outcome: row.get("outcome")?,
                login: row.get("login_id")?,
                planned_at: row.get("planned_at")?,
                parked_at: row.get("parked_at")?,
                resumed_at: row.get("resumed_at")?,
                settled_at: row.get("settled_at")?,
                again_of: row.get("again_of")?,
                again_as: row.get("again_as")?,
                line,
                ..JournalStory::default()
            },
            row_state: RowState::parse(row.get("state")?)?,
            login: row.get::<Option<String>>("waits_for")?.map(LoginId::new),
            deadline: row.get("step_deadline")?,
            head: row.get("head")?,
        })
    }
}

impl Store {
    /// Returns rows that are not settled, and those that ended badly since a time, the oldest first.
    /// `own`: only what this person has said; empty: everybody.
    pub(crate) async fn list(
        &self,
        filter: &JournalFilter,
        own: &str,
        limit: i64,
        since: i64,
        now: i64,
    ) -> Result<Vec<Listed>, DbError> {
        let text = |filter: &Option<String>| filter.clone().unwrap_or_default();
        let (network, room) = (text(&filter.network), text(&filter.room));
        let (state, after) = (text(&filter.state), filter.after.unwrap_or(0));
        let open = params![after, own, &network, &room, &state, limit];
        let mut rows = self.db.fetch_all(OPEN, open).await?;
        let trouble = params![after, own, &network, &room, &state, limit, since];
        rows.extend(self.db.fetch_all(TROUBLE, trouble).await?);
        let mut listed =
            rows.iter().map(|row| Listed::read(row, now)).collect::<Result<Vec<_>, _>>()?;
        listed.sort_by_key(|row| row.story.line.id);
        // One that was settled between the two questions stands in both answers.
        listed.dedup_by_key(|row| row.story.line.id);
        listed.truncate(usize::try_from(limit).unwrap_or(0));
        self.name_networks(&mut listed).await?;
        Ok(listed)
    }

    /// Returns rows with everything that is known of them.
    pub(crate) async fn stories(&self, ids: &[i64], now: i64) -> Result<Vec<Listed>, DbError> {
        let list = integer_list(ids.iter().copied());
        let rows = self.db.fetch_all(THESE, params![&list]).await?;
        let mut listed =
            rows.iter().map(|row| Listed::read(row, now)).collect::<Result<Vec<_>, _>>()?;
        self.name_networks(&mut listed).await?;
        let mut by_id: HashMap<i64, &mut JournalStory> =
            listed.iter_mut().map(|row| (row.story.line.id, &mut row.story)).collect();
        for row in self.db.fetch_all(STORY_STEPS, params![&list]).await? {
            if let Some(story) = by_id.get_mut(&row.get::<i64>("row_seq")?) {
                story.steps.push(read_step(&row)?);
            }
        }
        for row in self.db.fetch_all(NOTES, params![&list]).await? {
            if let Some(story) = by_id.get_mut(&row.get::<i64>("row_seq")?) {
                story.notes.push(notes::read(&row)?);
            }
        }
        for row in self.db.fetch_all(WITNESSES, params![&list]).await? {
            if let Some(story) = by_id.get_mut(&row.get::<i64>("row_seq")?) {
                story.witnesses.push(row.get("login_id")?);
            }
        }
        Ok(listed)
    }

    async fn name_networks(&self, listed: &mut [Listed]) -> Result<(), DbError> {
        let list = integer_list(listed.iter().map(|row| row.story.line.id));
        let mut networks: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for row in self.db.fetch_all(NETWORKS, params![list]).await? {
            networks.entry(row.get("seq")?).or_default().push(row.get("network")?);
        }
        for row in listed {
            let line = &mut row.story.line;
            line.networks = networks.remove(&line.id).unwrap_or_default();
            line.networks.sort_unstable();
        }
        Ok(())
    }

    /// Returns the rows that concern a Matrix event or a remote message.
    pub(crate) async fn concerned(&self, id: &str) -> Result<Vec<i64>, DbError> {
        let rows = self.db.fetch_all(CONCERNED, params![id]).await?;
        rows.iter().map(|row| row.get("seq")).collect()
    }

    /// Returns what is remembered of a Matrix event or a remote message, with who said it on Matrix.
    pub(crate) async fn known_pairs(
        &self,
        id: &str,
    ) -> Result<Vec<(JournalPair, Option<String>)>, DbError> {
        let mut rows = self.db.fetch_all(PAIRS_OF_EVENT, params![id]).await?;
        rows.extend(self.db.fetch_all(PAIRS_OF_MESSAGE, params![id]).await?);
        let pairs = rows.iter().map(|row| {
            let pair = JournalPair {
                network: row.get("network")?,
                chat: row.get("chat")?,
                remote_id: row.get("remote_id")?,
                part: row.get("part")?,
                room: row.get("room_id")?,
                event_id: row.get("event_id")?,
                at: row.get("ts")?,
                redacted: row.get("redacted")?,
            };
            Ok((pair, row.get("sender_mxid")?))
        });
        pairs.collect()
    }
}

fn read_step(row: &DbRow) -> Result<JournalStep, DbError> {
    Ok(JournalStep {
        step: row.get("step")?,
        operation: row.get("operation")?,
        state: row.get("state")?,
        network: row.get("network")?,
        chat: row.get("chat")?,
        login: row.get("login_id")?,
        room: row.get("room_id")?,
        attempts: row.get("attempts")?,
        first_sent_at: row.get("first_sent_at")?,
        last_sent_at: row.get("last_sent_at")?,
        answered_at: row.get("answered_at")?,
        next_at: row.get("next_at")?,
        deadline: row.get("deadline")?,
        remote_id: row.get("remote_id")?,
        event_id: row.get("event_id")?,
        reason: row.get("reason")?,
    })
}

/// What a person's order changes in a row, decided from what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing: the order is refused, in words.
    Refused(String),
    /// Nothing in it waits for a time any more.
    Now,
    /// Its event is carried again, by a row of its own.
    Again,
    /// It is out of the journal.
    Drop {
        /// What becomes of its steps.
        steps: Vec<(i64, StepChange)>,
        /// What became of it.
        outcome: Outcome,
        /// In words.
        reason: String,
        /// Whether somebody may want to be told.
        tell: bool,
    },
}

/// Looks at a row and changes it, in one transaction. `decide` sees the row, and the row that carries
/// it again, if one does.
pub(crate) struct Act<D> {
    /// The row.
    pub(crate) seq: i64,
    /// What is to be done.
    pub(crate) decide: D,
    /// Who orders it.
    pub(crate) who: String,
    /// The time.
    pub(crate) now: i64,
}

/// Why nothing was done.
#[derive(Debug)]
pub(crate) enum Unacted {
    /// There is no such row.
    NoRow,
    /// The order is refused, in words.
    Refused(String),
    /// The database does not answer.
    Db(DbError),
}

impl From<DbError> for Unacted {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acted {
    /// The row that is there now.
    pub(crate) seq: i64,
    /// Its lane.
    pub(crate) lane: String,
    /// The login it waited for.
    pub(crate) login: Option<LoginId>,
    /// The row's state from now on, where it was settled.
    pub(crate) ended: Option<RowState>,
}

#[async_trait]
impl<D> Job for Act<D>
where
    D: Fn(&OpenRow, Option<i64>) -> Change + Send + Sync + 'static,
{
    type Output = Acted;
    type Error = Unacted;

    async fn run(&self, tx: &mut Tx) -> Result<Acted, Unacted> {
        let seq = self.seq;
        let Some(row) = tx.fetch_optional(ROW, params![seq]).await? else {
            return Err(Unacted::NoRow);
        };
        let row = Row::read(&row)?;
        let steps = tx.fetch_all(STEPS, params![integer_list([seq])]).await?;
        let steps = steps.iter().map(Step::read).collect::<Result<Vec<_>, _>>()?;
        let open = OpenRow { row, steps };
        let place = tx.fetch_one(WAITING_FOR, params![seq]).await?;
        let mut acted = Acted {
            seq,
            lane: place.get("lane")?,
            login: place.get::<Option<String>>("waits_for")?.map(LoginId::new),
            ended: None,
        };
        match (self.decide)(&open, place.get("again_as")?) {
            Change::Refused(words) => return Err(Unacted::Refused(words)),
            Change::Now => {
                tx.execute(ROW_NOW, params![seq]).await?;
                tx.execute(STEPS_NOW, params![seq]).await?;
                self.note(tx, RETRIED).await?;
            }
            Change::Again => {
                let again = tx.next_position(JOURNAL);
                tx.execute(AGAIN, params![seq, again, self.now]).await?;
                tx.execute(AGAIN_AS, params![seq, again]).await?;
                self.note(tx, RETRIED).await?;
                acted.seq = again;
            }
            Change::Drop { steps, outcome, reason, tell } => {
                for (step, change) in &steps {
                    let when = When { now: self.now, attempts: 0 };
                    change_step(tx, seq, *step, change, when).await?;
                }
                let room = open.row.room_id.as_deref().filter(|_| tell);
                let linked = match room {
                    Some(room) => tx.fetch_optional(LINKED, params![room]).await?.is_some(),
                    None => false,
                };
                let state = if linked { RowState::Reporting } else { RowState::Settled };
                let settled_at = (!linked).then_some(self.now);
                let params = params![seq, state.as_str(), outcome.as_str(), &reason, settled_at];
                tx.execute(DROP, params).await?;
                self.note(tx, DROPPED).await?;
                acted.ended = Some(state);
            }
        }
        Ok(acted)
    }
}

impl<D> Act<D> {
    async fn note(&self, tx: &mut Tx, what: &str) -> Result<(), DbError> {
        note(tx, self.seq, None, self.now, what, &format!("by {}", self.who)).await
    }
}
