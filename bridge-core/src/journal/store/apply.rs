//! What lanes write: data, gathered by a worker and committed together in one job.

use std::sync::Arc;

use async_trait::async_trait;
use support_db::{DbError, Job, Tx, params};

use super::{
    Store,
    memory::Memory,
    notes::{PLANNING, note},
    settle::{When, change_step},
};
use crate::{
    ids::{LoginId, NetworkId, RemoteMessageId},
    journal::{
        machine::StepChange,
        row::{Outcome, RowState},
        step::NewStep,
    },
    portals::{Portals, RoomStep},
};

const INSERT_STEP: &str = "INSERT INTO journal_step (row_seq, step, portal_id, network, login_id,
        room_id, operation, payload, lost_answer, send_key, state, attempts, remote_id, part, reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13, $14)
    ON CONFLICT (row_seq, step) DO NOTHING";
const REMOVE_STEP: &str = "DELETE FROM journal_step
    WHERE row_seq = $1 AND step = $2 AND state = 'unplanned'";
const PLANNED: &str = "UPDATE journal_row
    SET state = 'planned', next_at = NULL, planned_at = COALESCE(planned_at, $2)
    WHERE seq = $1 AND state IN ('accepted', 'planned')";
const MARK: &str = "UPDATE journal_step
    SET state = 'sending', attempts = attempts + 1, first_sent_at = COALESCE(first_sent_at, $3),
        last_sent_at = $3, next_at = NULL
    WHERE row_seq = $1 AND step = $2 AND state IN ('queued', 'retry', 'lost')";
const WIPE: &str = "UPDATE journal_row SET payload = NULL WHERE seq = $1";
const LATER: &str = "UPDATE journal_row
    SET next_at = $2, attempts = attempts + 1, reason = $3
    WHERE seq = $1 AND state <> 'settled'";
const PARK: &str = "UPDATE journal_row
    SET state = 'parked', waits_for = $2, parked_at = $3
    WHERE seq = $1 AND state IN ('accepted', 'planned')";
const UNPARK: &str = "UPDATE journal_row
    SET state = CASE
            WHEN EXISTS (SELECT 1 FROM journal_step WHERE row_seq = journal_row.seq) THEN 'planned'
            ELSE 'accepted'
        END,
        waits_for = NULL, resumed_at = $3
    WHERE lane = $1 AND waits_for = $2 AND state <> 'settled' AND state = 'parked'";
const SETTLE: &str = "UPDATE journal_row
    SET state = $2, outcome = $3, reason = $4, settled_at = $5, payload = NULL, next_at = NULL,
        attempts = 0
    WHERE seq = $1 AND state <> 'settled'";
const REPORTED: &str = "UPDATE journal_row
    SET state = 'settled', settled_at = $2, next_at = NULL
    WHERE seq = $1 AND state = 'reporting'";
const RECOVER_SENT: &str = "UPDATE journal_step
    SET state = 'lost', next_at = NULL, deadline = NULL
    WHERE state IN ('queued', 'sending', 'awaiting', 'retry', 'lost', 'unplanned')
        AND state IN ('sending', 'awaiting')";
const FORGET_PAUSES: &str = "UPDATE journal_row
    SET next_at = NULL, attempts = 0
    WHERE state <> 'settled' AND state IN ('accepted', 'planned')
        AND (next_at IS NOT NULL OR attempts > 0)";

/// The rows that are forgotten: long settled, and not carried again just now, which looks at what
/// was carried before.
macro_rules! forgotten {
    () => {
        "state = 'settled' AND settled_at <= $1
        AND (again_as IS NULL OR again_as NOT IN
            (SELECT seq FROM journal_row WHERE state <> 'settled'))"
    };
}

const SWEEP_STEPS: &str = concat!(
    "DELETE FROM journal_step WHERE row_seq IN (SELECT seq FROM journal_row WHERE ",
    forgotten!(),
    ")"
);
const SWEEP_WITNESSES: &str = concat!(
    "DELETE FROM journal_witness WHERE row_seq IN (SELECT seq FROM journal_row WHERE ",
    forgotten!(),
    ")"
);
const SWEEP_NOTES: &str = concat!(
    "DELETE FROM journal_note WHERE row_seq IN (SELECT seq FROM journal_row WHERE ",
    forgotten!(),
    ")"
);
const SWEEP_ROWS: &str = concat!("DELETE FROM journal_row WHERE ", forgotten!());
const SWEEP_TRANSACTIONS: &str = "DELETE FROM as_transaction WHERE accepted_at <= $1";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    INSERT_STEP,
    REMOVE_STEP,
    PLANNED,
    MARK,
    WIPE,
    LATER,
    PARK,
    UNPARK,
    SETTLE,
    REPORTED,
    RECOVER_SENT,
    FORGET_PAUSES,
    SWEEP_STEPS,
    SWEEP_WITNESSES,
    SWEEP_NOTES,
    SWEEP_ROWS,
    SWEEP_TRANSACTIONS,
];

/// One change a lane wants durable. Each may be applied again without harm.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Write {
    /// Stores a plan, or a part of it in place of its placeholder. Touches nothing if the row was
    /// taken out meanwhile.
    Plan {
        /// The row.
        seq: i64,
        /// Its steps.
        steps: Vec<NewStep>,
        /// The placeholder.
        replaces: Option<i64>,
    },
    /// Marks an attempt before bytes leave. Touches nothing if the step was taken back meanwhile.
    Mark {
        /// The row.
        seq: i64,
        /// The step.
        step: i64,
        /// The time.
        now: i64,
    },
    /// Wipes what was received; the bot's commands may carry secrets.
    Wipe {
        /// The row.
        seq: i64,
    },
    /// Changes a step whose fate is open, and remembers the pair it made.
    Change {
        /// The row.
        seq: i64,
        /// The step.
        step: i64,
        /// Its state from now on.
        change: StepChange,
        /// How often it was tried, also where an attempt needed no mark.
        attempts: i64,
        /// What is to be remembered.
        memory: Option<Memory>,
    },
    /// Planning or reporting did not work; to be tried again.
    Later {
        /// The row.
        seq: i64,
        /// Not before.
        next_at: i64,
        /// In words.
        reason: String,
    },
    /// Sets a row aside.
    Park {
        /// The row.
        seq: i64,
        /// Until this login is connected.
        login: LoginId,
    },
    /// Puts a lane's rows of a login back in their places.
    Unpark {
        /// The lane.
        lane: String,
        /// The login.
        login: LoginId,
    },
    /// Ends a row, or leaves it to the reporter.
    Settle {
        /// The row.
        seq: i64,
        /// `Reporting` or `Settled`.
        state: RowState,
        /// What became of it.
        outcome: Outcome,
        /// In words.
        reason: Option<String>,
        /// The time.
        now: i64,
    },
    /// A room looks as this step made it: stored state follows.
    Remember {
        /// The portal.
        portal_id: i64,
        /// What was changed.
        step: RoomStep,
        /// The time.
        now: i64,
    },
    /// The sender was told: the row is settled.
    Reported {
        /// The row.
        seq: i64,
        /// The time.
        now: i64,
    },
}

impl Write {
    /// Whether the next attempt has to wait until this is durable.
    pub(crate) fn precedes_attempts(&self) -> bool {
        matches!(self, Self::Plan { .. } | Self::Mark { .. } | Self::Wipe { .. })
    }

    async fn apply(&self, tx: &mut Tx, now: i64) -> Result<u64, DbError> {
        match self {
            Self::Plan { seq, steps, replaces } => {
                let planned = tx.execute(PLANNED, params![*seq, now]).await?;
                if planned == 0 {
                    // It was taken out meanwhile.
                    return Ok(0);
                }
                if let Some(step) = replaces {
                    tx.execute(REMOVE_STEP, params![*seq, *step]).await?;
                }
                for step in steps {
                    insert_step(tx, *seq, step).await?;
                }
                Ok(planned)
            }
            Self::Mark { seq, step, now } => tx.execute(MARK, params![*seq, *step, *now]).await,
            Self::Wipe { seq } => tx.execute(WIPE, params![*seq]).await,
            Self::Change { seq, step, change, attempts, memory } => {
                let when = When { now, attempts: *attempts };
                let changed = change_step(tx, *seq, *step, change, when).await?;
                if let Some(memory) = memory {
                    memory.write(tx).await?;
                }
                Ok(u64::from(changed))
            }
            Self::Later { seq, next_at, reason } => {
                note(tx, *seq, None, now, PLANNING, reason).await?;
                tx.execute(LATER, params![*seq, *next_at, reason.as_str()]).await
            }
            Self::Park { seq, login } => tx.execute(PARK, params![*seq, login.as_str(), now]).await,
            Self::Unpark { lane, login } => {
                tx.execute(UNPARK, params![lane.as_str(), login.as_str(), now]).await
            }
            Self::Settle { seq, state, outcome, reason, now } => {
                let settled_at = (*state == RowState::Settled).then_some(*now);
                let params =
                    params![*seq, state.as_str(), outcome.as_str(), reason.as_deref(), settled_at];
                tx.execute(SETTLE, params).await
            }
            Self::Remember { portal_id, step, now } => {
                Portals::remember(tx, *portal_id, step, *now).await?;
                Ok(1)
            }
            Self::Reported { seq, now } => tx.execute(REPORTED, params![*seq, *now]).await,
        }
    }
}

async fn insert_step(tx: &mut Tx, seq: i64, step: &NewStep) -> Result<(), DbError> {
    let payload = (!step.state.is_final()).then(|| json(&step.work));
    tx.execute(
        INSERT_STEP,
        params![
            seq,
            step.step,
            step.portal_id,
            step.network.as_ref().map(NetworkId::as_str),
            step.login_id.as_ref().map(LoginId::as_str),
            step.room_id.as_deref(),
            step.operation.as_str(),
            payload,
            json(&step.lost_answer),
            step.send_key.as_str(),
            step.state.as_str(),
            step.remote_id.as_ref().map(RemoteMessageId::as_str),
            step.part,
            step.reason.as_deref(),
        ],
    )
    .await?;
    Ok(())
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("data of the journal has text keys only")
}

struct Apply {
    writes: Arc<[Write]>,
    now: i64,
}

#[async_trait]
impl Job for Apply {
    type Output = Vec<u64>;
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<u64>, DbError> {
        let mut touched = Vec::with_capacity(self.writes.len());
        for write in self.writes.iter() {
            touched.push(write.apply(tx, self.now).await?);
        }
        Ok(touched)
    }
}

impl Store {
    /// Commits changes together; returns how many rows each touched.
    pub(crate) async fn apply(&self, writes: Arc<[Write]>, now: i64) -> Result<Vec<u64>, DbError> {
        self.db.run(Apply { writes, now }).await
    }

    /// At start: every attempt that was under way has lost its answer, and what could not be planned
    /// is planned anew at once, since what was in its way may be gone. Returns how many answers were
    /// lost.
    pub(crate) async fn lose_answers(&self) -> Result<u64, DbError> {
        self.db
            .write(|tx| {
                Box::pin(async move {
                    tx.execute(FORGET_PAUSES, params![]).await?;
                    tx.execute(RECOVER_SENT, params![]).await
                })
            })
            .await
    }

    /// Forgets rows that were settled before this time; the pairs they made stay.
    pub(crate) async fn sweep(&self, settled: i64) -> Result<u64, DbError> {
        self.db
            .write(move |tx| {
                Box::pin(async move {
                    tx.execute(SWEEP_STEPS, params![settled]).await?;
                    tx.execute(SWEEP_WITNESSES, params![settled]).await?;
                    tx.execute(SWEEP_NOTES, params![settled]).await?;
                    tx.execute(SWEEP_TRANSACTIONS, params![settled]).await?;
                    tx.execute(SWEEP_ROWS, params![settled]).await
                })
            })
            .await
    }
}
