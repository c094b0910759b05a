//! The third lane of a portal: its past. One worker per chat whose past is being read asks the
//! network for a page, plans it, commits the plan, and brings it to Matrix; a crash goes on at the
//! page it broke off. What is on its way by the other lanes is left to them, so that nothing is
//! there twice.
//!
//! Going further back, each page goes before everything, as soon as it is there. What was missed goes
//! after everything once it is all there, oldest first, while the portal's news waits. So does a new
//! room's past on a homeserver that inserts no history.

mod fetch;
mod send;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use support_db::DbError;
use tokio::sync::Semaphore;

use super::{
    Journal,
    plan::{Plan, PlanTrouble},
    row::Row,
    store::{HistoryKind, HistoryState, HistoryTask, HistoryWish},
};
use crate::{ids::LoginId, portals::Portal};

/// How many chats are worked on at once.
const AT_ONCE: usize = 4;
/// How soon it is looked again whether a login is connected, or a send of ours has come to its end.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long news waits for the past of its chat, in milliseconds.
const LONGEST_WAIT: i64 = 600_000;
/// How often something is tried in vain before it is given up.
const MOST_ATTEMPTS: i64 = 30;

/// The workers.
#[derive(Debug)]
pub(super) struct Histories {
    /// Whose news waits meanwhile.
    running: Mutex<HashMap<(i64, HistoryKind), bool>>,
    places: Semaphore,
}

impl Default for Histories {
    fn default() -> Self {
        Self { running: Mutex::default(), places: Semaphore::new(AT_ONCE) }
    }
}

impl Histories {
    fn lock(&self) -> MutexGuard<'_, HashMap<(i64, HistoryKind), bool>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_holds(&self, portal: i64, kind: HistoryKind, holds: bool) {
        if let Some(held) = self.lock().get_mut(&(portal, kind)) {
            *held = holds;
        }
    }

    /// Whether a portal's news waits for its past.
    fn holds(&self, portal: i64) -> bool {
        let running = self.lock();
        [HistoryKind::Past, HistoryKind::Gap]
            .into_iter()
            .any(|kind| running.get(&(portal, kind)).copied().unwrap_or(false))
    }
}

/// How a worker goes on.
enum Next {
    /// At once.
    Again,
    /// After a pause.
    After(Duration),
    /// There is nothing left to do.
    Over,
}

impl Journal {
    /// Takes up what an earlier process was reading.
    pub(super) async fn resume_history(self: &Arc<Self>) -> Result<(), DbError> {
        for task in self.store.open_history().await? {
            self.work_on_history(task.portal_id, task.kind);
        }
        Ok(())
    }

    /// Makes sure that somebody works on a chat's past.
    pub(super) fn work_on_history(self: &Arc<Self>, portal: i64, kind: HistoryKind) {
        if self.is_halted() || self.lanes.is_draining() {
            return;
        }
        let holds = kind == HistoryKind::Gap || !self.parts.matrix.is_known_to_insert_history();
        {
            let mut running = self.histories.lock();
            if running.contains_key(&(portal, kind)) {
                return;
            }
            running.insert((portal, kind), holds);
        }
        let (me, halt, ended) = (Arc::clone(self), self.halt.clone(), self.lanes_ended.clone());
        let work = async move {
            tokio::select! {
                () = me.read_history(portal, kind) => {}
                () = ended.cancelled() => {}
            }
        };
        self.tasks.spawn(async move { halt.run_until_cancelled(work).await });
    }

    async fn read_history(self: &Arc<Self>, portal: i64, kind: HistoryKind) {
        loop {
            match self.history_turn(portal, kind).await {
                Next::Again => {}
                Next::After(pause) => self.parts.clock.sleep(pause).await,
                Next::Over => {
                    self.histories.lock().remove(&(portal, kind));
                    // Somebody may have wanted more at this very moment.
                    match self.store.history_task(portal, kind).await {
                        Ok(Some(task)) if task.is_open() => self.work_on_history(portal, kind),
                        _ => {}
                    }
                    return;
                }
            }
        }
    }

    async fn history_turn(&self, portal: i64, kind: HistoryKind) -> Next {
        let Ok(_place) = self.histories.places.acquire().await else { return Next::Over };
        let task = match self.store.history_task(portal, kind).await {
            Ok(Some(task)) if task.is_open() => task,
            Ok(_) | Err(DbError::Closed | DbError::Fenced { .. }) => return Next::Over,
            Err(error) => {
                tracing::error!(portal, %error, "the storage of history is in trouble");
                return Next::After(Duration::from_secs(1));
            }
        };
        match Box::pin(self.history_step(&task)).await {
            Ok(next) => next,
            Err(PlanTrouble::Db(DbError::Closed | DbError::Fenced { .. })) => Next::Over,
            Err(trouble) => {
                let pause = trouble.pause().max(self.backoff(task.attempts));
                self.history_trouble(&task, trouble.to_string(), pause).await
            }
        }
    }

    async fn history_trouble(&self, task: &HistoryTask, reason: String, pause: Duration) -> Next {
        tracing::warn!(
            portal = task.portal_id,
            reason,
            attempts = task.attempts,
            "history has to wait"
        );
        let noted = match task.attempts >= MOST_ATTEMPTS {
            true => self.history_is(task, HistoryState::Failed, Some(reason)).await,
            false => self.store.tried_history(task, reason).await,
        };
        if let Err(error) = noted {
            tracing::error!(%error, "the storage of history is in trouble");
        }
        Next::After(pause)
    }

    /// Notes how far a task is. What was planned before it failed is brought nevertheless.
    async fn history_is(
        &self,
        task: &HistoryTask,
        state: HistoryState,
        reason: Option<String>,
    ) -> Result<(), DbError> {
        let state = match state {
            HistoryState::Failed
                if self.store.next_batch(task.portal_id, task.kind).await?.is_some() =>
            {
                HistoryState::Sending
            }
            state => state,
        };
        self.store.set_history_state(task, state, reason, self.now()).await
    }

    async fn history_step(&self, task: &HistoryTask) -> Result<Next, PlanTrouble> {
        let inserts = self.parts.matrix.inserts_history().await?;
        let forward = task.kind == HistoryKind::Gap || !inserts;
        self.histories.set_holds(task.portal_id, task.kind, forward);
        let Some(portal) = self.parts.portals.by_id(task.portal_id).await? else {
            self.history_is(task, HistoryState::Failed, Some("no such chat".to_owned())).await?;
            return Ok(Next::Over);
        };
        let Some(room) = portal.rooms.first().cloned() else { return Ok(Next::After(LOOK_AGAIN)) };
        // Backwards, what was planned goes before more is asked for.
        if task.state == HistoryState::Sending || !forward {
            if let Some(batch) = self.store.next_batch(task.portal_id, task.kind).await? {
                return self.send_past(task, &room, batch, inserts, forward).await;
            }
            if task.state == HistoryState::Sending {
                tracing::info!(portal = portal.id, carried = task.carried, "history is there");
                self.history_is(task, HistoryState::Done, None).await?;
                return Ok(Next::Over);
            }
        }
        self.fetch_past(task, &portal, &room, inserts).await
    }

    /// Whether a row has to wait because the past of its chat goes first.
    pub(super) fn waits_for_history(&self, row: &Row, portal: i64) -> bool {
        self.histories.holds(portal) && !self.has_waited_long(row)
    }

    fn has_waited_long(&self, row: &Row) -> bool {
        self.now() >= row.accepted_at.saturating_add(LONGEST_WAIT)
    }

    /// Fills a gap where the network can show what was missed. `None`: it cannot, and words have to do.
    pub(super) async fn plan_gap(
        &self,
        row: &Row,
        portal: &Portal,
        login: &LoginId,
    ) -> Result<Option<Plan>, PlanTrouble> {
        if let Some(task) = self.store.history_task(portal.id, HistoryKind::Gap).await?
            && task.row_seq == row.seq
        {
            return Ok(match task.state {
                HistoryState::Done => {
                    let covered = self.store.covered(portal.id).await?;
                    let is_whole = covered.iter().all(|one| Some(one.from) <= task.stop_at);
                    is_whole.then(|| Plan::ignored("what was missed is there"))
                }
                HistoryState::Failed => None,
                _ => {
                    if task.state == HistoryState::Fetching && self.has_waited_long(row) {
                        let words = "it took too long".to_owned();
                        self.history_is(&task, HistoryState::Failed, Some(words)).await?;
                    }
                    self.begin_history(portal.id, HistoryKind::Gap);
                    Some(Plan::Soon(LOOK_AGAIN))
                }
            });
        }
        let client = self.parts.logins.client(login);
        let can = client.is_some_and(|client| client.history().is_some());
        let covered = self.store.covered(portal.id).await?;
        let known = covered.iter().filter(|one| !one.live).map(|one| one.to).max();
        let most = self.parts.networks.policy(&portal.key.network).catch_up_messages;
        let (true, Some(stop_at), 1..) = (can && !portal.rooms.is_empty(), known, most) else {
            return Ok(None);
        };
        let wish = HistoryWish {
            portal_id: portal.id,
            kind: HistoryKind::Gap,
            login: login.clone(),
            row_seq: row.seq,
            stop_at: Some(stop_at),
            not_before: None,
            count: i64::try_from(most).unwrap_or(i64::MAX),
        };
        self.store.want_history(wish, self.now()).await?;
        self.begin_history(portal.id, HistoryKind::Gap);
        Ok(Some(Plan::Soon(LOOK_AGAIN)))
    }

    pub(super) fn begin_history(&self, portal: i64, kind: HistoryKind) {
        if let Some(journal) = self.me.upgrade() {
            journal.work_on_history(portal, kind);
        }
    }
}
