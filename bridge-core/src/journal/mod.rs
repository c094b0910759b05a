//! The journal: the durable queue of both directions and the heart of the house. Whatever comes in
//! is committed here before it is acknowledged; whatever goes out was planned and stored before;
//! and every row ends in one outcome, over any crash.
//!
//! ```text
//! intake_matrix ─┐                       ┌─ from_matrix (route, plan) ─┐
//!                ├─> store (rows) ─> lanes ─┤                          ├─> deliver ─> store ─> report
//! intake_remote ─┘                       └─ to_matrix (plan) ──────────┘
//! ```
//!
//! What happens next is decided by pure functions in [`machine`]; a lane's worker asks them, does
//! what they say, and stores what came of it.

mod degrade;
mod deliver;
mod desk;
mod ephemeral;
mod files;
mod from_matrix;
mod history;
mod intake_matrix;
mod intake_remote;
mod lanes;
mod machine;
mod plan;
mod recover;
mod report;
mod row;
mod step;
mod store;
mod to_matrix;
mod words;
mod words_for;

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use support_db::DbError;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::desk::Asker;
pub(crate) use self::store::{
    HistoryKind, HistoryState, HistoryTask, HistoryWish, tasks as history_tasks,
    want as want_history,
};
pub use self::{
    desk::{
        DeskError, JournalAnswer, JournalDesk, JournalFilter, JournalLine, JournalNote,
        JournalOrder, JournalPage, JournalPair, JournalStep, JournalStory, JournalTrace,
    },
    store::Backlog,
};
use self::{
    intake_remote::TakingPart,
    lanes::Lanes,
    machine::OpenRow,
    report::Reporter,
    row::{Direction, Outcome, Row},
    step::{KeyMaker, Step},
    store::Store,
};
use crate::{
    crossing::{self, Crossing},
    ids::LoginId,
    matrix::Sender,
    metrics::JournalLevel,
    network::RemoteEvent,
    parts::Parts,
};

/// What may be chosen about the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JournalOptions {
    /// How long a Matrix message waits for its network before it is given up.
    pub(crate) expire_after: Duration,
    /// How long settled rows are kept.
    pub(crate) keep_settled: Duration,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self { expire_after: Duration::from_hours(24), keep_settled: Duration::from_hours(7 * 24) }
    }
}

/// The journal.
pub(crate) struct Journal {
    parts: Parts,
    options: JournalOptions,
    store: Store,
    keys: KeyMaker,
    lanes: Lanes,
    reporter: Reporter,
    taking_part: TakingPart,
    ephemeral: ephemeral::Ephemeral,
    histories: history::Histories,
    accepting: AtomicBool,
    /// Logins that steps or parked rows name and that were logged out.
    gone: Mutex<HashSet<LoginId>>,
    /// Rows an earlier process left `reporting`: they may have been reported.
    recovered: OnceLock<HashSet<i64>>,
    /// Ends everything at once, wherever it is.
    halt: CancellationToken,
    /// Set when no lane adds reports any more.
    lanes_ended: CancellationToken,
    tasks: TaskTracker,
    me: Weak<Journal>,
}

impl Journal {
    /// Opens the journal; nothing moves before [`Journal::start`].
    pub(crate) async fn open(parts: Parts) -> Result<Arc<Self>, DbError> {
        Self::open_with(parts, JournalOptions::default()).await
    }

    /// Opens the journal with options of one's own.
    pub(crate) async fn open_with(
        parts: Parts,
        options: JournalOptions,
    ) -> Result<Arc<Self>, DbError> {
        let store = Store::new(parts.db.clone());
        let keys = store.key_maker(&parts.random).await?;
        let halt = parts.stop.child_token();
        Ok(Arc::new_cyclic(|me| Self {
            parts,
            options,
            store,
            keys,
            lanes: Lanes::default(),
            reporter: Reporter::default(),
            taking_part: TakingPart::default(),
            ephemeral: ephemeral::Ephemeral::default(),
            histories: history::Histories::default(),
            accepting: AtomicBool::new(true),
            gone: Mutex::default(),
            recovered: OnceLock::new(),
            halt,
            lanes_ended: CancellationToken::new(),
            tasks: TaskTracker::new(),
            me: me.clone(),
        }))
    }

    /// Returns the endpoints the homeserver calls.
    pub(crate) fn router(self: &Arc<Self>) -> axum::Router {
        intake_matrix::router(Arc::clone(self))
    }

    /// Stops: takes nothing more from the homeserver, lets the lanes finish what can be finished
    /// before the deadline, and leaves the rest for the next start.
    pub(crate) async fn stop(&self, deadline: Duration) {
        self.accepting.store(false, Ordering::Relaxed);
        self.lanes.drain();
        let drained = async {
            self.lanes.ended().await;
            self.lanes_ended.cancel();
            self.reporter.wake();
            self.tasks.close();
            self.tasks.wait().await;
        };
        let clock = &self.parts.clock;
        tokio::select! {
            () = drained => tracing::info!("the journal is drained"),
            () = clock.sleep(deadline) => {
                tracing::info!(lanes = self.lanes.busy(), "the rest stays journalled");
            }
        }
        self.halt().await;
    }

    /// Ends every task where it is, as a crash would.
    pub(crate) async fn halt(&self) {
        self.accepting.store(false, Ordering::Relaxed);
        self.halt.cancel();
        self.lanes.drain();
        self.lanes.ended().await;
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Returns what the journal holds, by direction and state.
    pub(crate) async fn levels(&self) -> Result<Vec<JournalLevel>, DbError> {
        self.store.levels(self.now()).await
    }

    /// Returns how many lanes have a worker.
    pub(crate) fn busy_lanes(&self) -> usize {
        self.lanes.busy()
    }

    /// Returns how much is not settled.
    pub(crate) async fn backlog(&self) -> Result<Backlog, DbError> {
        self.store.backlog().await
    }

    fn now(&self) -> i64 {
        self.parts.clock.now_ms()
    }

    fn is_halted(&self) -> bool {
        self.halt.is_cancelled()
    }

    fn is_accepting(&self) -> bool {
        self.accepting.load(Ordering::Relaxed) && !self.is_halted()
    }

    fn is_recovered(&self, row: i64) -> bool {
        self.recovered.get().is_some_and(|rows| rows.contains(&row))
    }

    /// Whether a login can send now, or is gone for good: then trying says so in words.
    fn can_send(&self, login: &LoginId) -> bool {
        self.parts.logins.is_connected(login) || self.is_gone(login)
    }

    /// Whether a login was logged out. One whose network is not configured, or whose record cannot
    /// be read now, is not gone: it may come back.
    fn is_gone(&self, login: &LoginId) -> bool {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).contains(login)
    }

    /// Notes logins that will not come back: ids are never used again.
    fn note_gone(&self, logins: impl IntoIterator<Item = LoginId>) {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).extend(logins);
    }

    fn can_send_step(&self, step: &Step) -> bool {
        step.login_id.as_ref().is_none_or(|login| self.can_send(login))
    }

    /// Whether somebody is to be told what became of a row.
    fn wants_report(&self, open: &OpenRow, outcome: Outcome) -> bool {
        match open.row.direction {
            Direction::FromMatrix => {
                let sender = open.row.sender.as_deref().unwrap_or_default();
                let for_a_portal = open.steps.iter().any(|step| step.portal_id.is_some());
                for_a_portal && self.parts.matrix.kind_of(sender) == Sender::Other
            }
            Direction::ToMatrix => {
                outcome == Outcome::Failed
                    && open.steps.iter().any(|step| {
                        step.state == step::StepState::Failed && step.operation == "message"
                    })
            }
        }
    }

    /// Tells the onlooker that a message has crossed.
    fn observe(&self, open: &OpenRow) {
        let Some(observer) = &self.parts.observer else { return };
        if let Some(crossing) = self.crossing(open) {
            observer(&crossing);
        }
    }

    fn crossing(&self, open: &OpenRow) -> Option<Crossing> {
        let step = open.steps.iter().find(|step| step.state == step::StepState::Sent)?;
        match open.row.direction {
            Direction::FromMatrix => {
                let Some(step::StepWork::Network { portal, .. }) = &step.work else { return None };
                Some(Crossing {
                    direction: crossing::Direction::FromMatrix,
                    network: portal.network.clone(),
                    chat: portal.chat.clone(),
                    sender: open.row.sender.clone()?,
                    text: body_of(&open.row)?,
                    event_id: open.row.event_id.clone(),
                    remote_id: step.remote_id.as_ref().map(|id| id.as_str().to_owned()),
                })
            }
            Direction::ToMatrix => {
                let event: RemoteEvent = serde_json::from_str(open.row.payload.as_deref()?).ok()?;
                Some(Crossing {
                    direction: crossing::Direction::ToMatrix,
                    network: open.row.network.clone()?,
                    chat: event.chat.clone(),
                    sender: event.sender.as_ref().map(to_matrix::sender_name)?,
                    text: to_matrix::visible_text(&event)?,
                    event_id: step.event_id.clone(),
                    remote_id: event.id.as_ref().map(|id| id.as_str().to_owned()),
                })
            }
        }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("lanes", &self.lanes.busy()).finish_non_exhaustive()
    }
}

/// Returns the text of a stored Matrix message.
fn body_of(row: &Row) -> Option<String> {
    let raw: Value = serde_json::from_str(row.payload.as_deref()?).ok()?;
    Some(raw.get("content")?.get("body")?.as_str()?.to_owned())
}

/// Returns a duration in milliseconds.
fn millis_of(duration: Duration) -> i64 {
    machine::millis(duration)
}
