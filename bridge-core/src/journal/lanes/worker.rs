//! The worker of one lane: reads its rows page by page and does what the machine says, one move
//! after the other. What it wants durable it gathers, and commits together before the next attempt
//! leaves the house or before it waits.

use std::{
    collections::{BTreeSet, HashSet},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use support_db::DbError;

use super::Signal;
use crate::{
    ids::LoginId,
    journal::{
        Journal,
        machine::{self, Moment, Move, OpenRow, World, millis},
        row::RowState,
        step::{Step, StepState, StepWork},
        store::Write,
    },
};

/// How many rows are read at once.
const PAGE: i64 = 32;
/// How many changes are gathered at most before they are committed.
const GATHERED: usize = 128;

/// The database is closed or taken over: nothing more can be done here.
pub(super) struct Over;

/// Works on a lane until it is empty.
pub(super) async fn run(journal: Arc<Journal>, lane: String, signal: Arc<Signal>) {
    let mut crashes = 0;
    loop {
        let mut worker = Worker::new(&journal, &lane, &signal);
        match AssertUnwindSafe(worker.work()).catch_unwind().await {
            Ok(Ok(())) => return,
            Ok(Err(Over)) => {
                journal.lanes.lock().remove(&lane);
                return;
            }
            // The rows are where they were; a lane must not end because one of them is strange.
            Err(_) => {
                crashes += 1;
                tracing::error!(lane, crashes, "a lane's worker panicked and starts again");
                journal.parts.clock.sleep(machine::backoff(crashes)).await;
            }
        }
    }
}

pub(super) struct Worker<'j> {
    pub(super) journal: &'j Arc<Journal>,
    pub(super) lane: &'j str,
    signal: &'j Signal,
    /// Rows under way, in order.
    pub(super) rows: Vec<OpenRow>,
    /// Every row up to here was read.
    read_to: i64,
    /// Whether there may be more to read.
    more: bool,
    /// Logins with parked rows in this lane.
    pub(super) parked: HashSet<LoginId>,
    /// What is to be committed.
    pub(super) writes: Vec<Write>,
}

impl<'j> Worker<'j> {
    fn new(journal: &'j Arc<Journal>, lane: &'j str, signal: &'j Signal) -> Self {
        Self {
            journal,
            lane,
            signal,
            rows: Vec::new(),
            read_to: 0,
            more: true,
            parked: HashSet::new(),
            writes: Vec::new(),
        }
    }

    async fn work(&mut self) -> Result<(), Over> {
        let parked = self.read(|journal, lane| async move { journal.store.parked_in(&lane).await });
        self.parked = parked.await?.into_iter().collect();
        // A login may have come back before this worker could hear of it.
        for login in self.parked.clone() {
            if self.journal.can_send(&login) {
                self.unpark(login).await?;
            }
        }
        loop {
            self.hear().await?;
            self.read_more().await?;
            let next = self.next_move();
            match next {
                Move::Wait(until) => {
                    self.commit().await?;
                    if self.rows.is_empty()
                        && !self.more
                        && self.journal.lanes.retire(self.lane, self.signal)
                    {
                        return Ok(());
                    }
                    if !self.wait(until).await {
                        self.journal.lanes.retire(self.lane, self.signal);
                        return Ok(());
                    }
                }
                // Boxed: a lane waits most of the time, and should not hold room for all that a move needs.
                next => Box::pin(self.make(next)).await?,
            }
        }
    }

    /// Takes the news in.
    async fn hear(&mut self) -> Result<(), Over> {
        let unheard = self.signal.take();
        self.more |= unheard.rows;
        if !unheard.changed.is_empty() {
            // What was changed behind our back is read only after what we know is stored.
            self.commit().await?;
            for seq in unheard.changed {
                self.read_again(seq).await?;
            }
            if !self.parked.is_empty() {
                // A parked row may have been taken out: nothing waits behind one that is gone.
                let parked =
                    self.read(|journal, lane| async move { journal.store.parked_in(&lane).await });
                self.parked = parked.await?.into_iter().collect();
            }
        }
        for login in unheard.logins {
            self.unpark(login).await?;
        }
        Ok(())
    }

    pub(super) async fn read_again(&mut self, seq: i64) -> Result<(), Over> {
        let Some(place) = self.rows.iter().position(|open| open.row.seq == seq) else {
            return Ok(());
        };
        let row = self.read(move |journal, _| async move { journal.store.open_row(seq).await });
        match row.await? {
            Some(row) if matches!(row.row.state, RowState::Accepted | RowState::Planned) => {
                self.rows[place] = row;
            }
            _ => {
                self.rows.remove(place);
            }
        }
        Ok(())
    }

    /// Puts a login's rows back in their places and reads the lane from its start.
    pub(super) async fn unpark(&mut self, login: LoginId) -> Result<(), Over> {
        self.parked.remove(&login);
        self.writes.push(Write::Unpark { lane: self.lane.to_owned(), login });
        self.commit().await?;
        self.rows.clear();
        self.read_to = 0;
        self.more = true;
        Ok(())
    }

    async fn read_more(&mut self) -> Result<(), Over> {
        if !self.more || self.rows.len() >= PAGE as usize {
            return Ok(());
        }
        let after = self.read_to;
        let page = self
            .read(move |journal, lane| async move { journal.store.page(&lane, after, PAGE).await })
            .await?;
        self.more = page.len() == PAGE as usize;
        if let Some(last) = page.last() {
            self.read_to = last.row.seq;
        }
        self.rows.extend(page);
        Ok(())
    }

    fn next_move(&self) -> Move {
        let journal = self.journal;
        let world = World {
            now: journal.now(),
            expire_after: millis(journal.options.expire_after),
            is_connected: &|step| journal.can_send_step(step),
            max_inflight: &|step| journal.max_inflight(step),
            parked: &self.parked,
        };
        machine::next_move(&self.rows, &world)
    }

    /// Waits for news or the time. Returns false when the lanes are drained and nothing is under
    /// way that would still end by itself.
    async fn wait(&self, until: Option<i64>) -> bool {
        let clock = &self.journal.parts.clock;
        if self.journal.lanes.is_draining() {
            let steps = self.rows.iter().flat_map(|open| &open.steps);
            if !steps.into_iter().any(|step| step.state == StepState::Awaiting) {
                return false;
            }
        }
        match until {
            None => self.signal.wake.notified().await,
            Some(until) => {
                let rest = u64::try_from(until - self.journal.now()).unwrap_or(0);
                tokio::select! {
                    () = self.signal.wake.notified() => {}
                    () = clock.sleep(Duration::from_millis(rest)) => {}
                }
            }
        }
        true
    }

    async fn make(&mut self, next: Move) -> Result<(), Over> {
        match next {
            Move::Plan(seq) => self.plan(seq, None).await,
            Move::PlanTarget { seq, step } => self.plan(seq, Some(step)).await,
            Move::Send { seq, step } => self.send(seq, step).await,
            Move::Reconcile { seq, step } => self.reconcile(seq, step).await,
            Move::Expire(seq) => {
                self.expire(seq);
                Ok(())
            }
            Move::Finish(seq) => {
                self.finish(seq);
                self.commit_if_many().await
            }
            Move::Park { seq, login } => self.park(seq, login).await,
            Move::Wait(_) => Ok(()),
        }
    }

    pub(super) async fn commit_if_many(&mut self) -> Result<(), Over> {
        if self.writes.len() >= GATHERED {
            self.commit().await?;
        }
        Ok(())
    }

    /// Commits what was gathered. Storage in trouble holds the lane, it does not lose results.
    pub(super) async fn commit(&mut self) -> Result<Vec<u64>, Over> {
        if self.writes.is_empty() {
            return Ok(Vec::new());
        }
        let writes: Arc<[Write]> = std::mem::take(&mut self.writes).into();
        let mut attempts = 0;
        loop {
            match self.journal.store.apply(Arc::clone(&writes), self.journal.now()).await {
                Ok(touched) => {
                    let reports = writes.iter().filter_map(|write| match write {
                        Write::Settle { seq, state: RowState::Reporting, .. } => Some(*seq),
                        _ => None,
                    });
                    self.journal.reporter.add(reports.collect::<BTreeSet<_>>());
                    return Ok(touched);
                }
                Err(DbError::Closed | DbError::Fenced { .. }) => return Err(Over),
                Err(error) => self.trouble(&error, &mut attempts).await,
            }
        }
    }

    async fn read<T, F, R>(&self, read: F) -> Result<T, Over>
    where
        F: Fn(Arc<Journal>, String) -> R,
        R: Future<Output = Result<T, DbError>>,
    {
        let mut attempts = 0;
        loop {
            match read(Arc::clone(self.journal), self.lane.to_owned()).await {
                Ok(found) => return Ok(found),
                Err(DbError::Closed | DbError::Fenced { .. }) => return Err(Over),
                Err(error) => self.trouble(&error, &mut attempts).await,
            }
        }
    }

    async fn trouble(&self, error: &DbError, attempts: &mut i64) {
        tracing::error!(lane = self.lane, %error, attempts, "the journal's storage is in trouble");
        self.journal.parts.clock.sleep(self.journal.backoff(*attempts)).await;
        *attempts += 1;
    }

    pub(super) fn row(&self, seq: i64) -> &OpenRow {
        let row = self.rows.iter().find(|open| open.row.seq == seq);
        row.expect("moves are about rows the worker holds")
    }

    pub(super) fn row_mut(&mut self, seq: i64) -> &mut OpenRow {
        let row = self.rows.iter_mut().find(|open| open.row.seq == seq);
        row.expect("moves are about rows the worker holds")
    }

    pub(super) fn step(&self, seq: i64, step: i64) -> &Step {
        let step = self.row(seq).steps.iter().find(|held| held.step == step);
        step.expect("moves are about steps the worker holds")
    }

    pub(super) fn step_mut(&mut self, seq: i64, step: i64) -> &mut Step {
        let step = self.row_mut(seq).steps.iter_mut().find(|held| held.step == step);
        step.expect("moves are about steps the worker holds")
    }
}

impl Journal {
    /// Returns the jittered pause before the next attempt.
    pub(in crate::journal) fn backoff(&self, attempts: i64) -> Duration {
        self.parts.random.jitter(machine::backoff(attempts), 0.2)
    }

    /// Returns the moment an answer came.
    pub(in crate::journal) fn moment(&self, step: &Step) -> Moment {
        Moment {
            now: self.now(),
            backoff: self.backoff(step.attempts),
            connected: step.login_id.as_ref().is_none_or(|login| self.can_send(login)),
        }
    }

    fn max_inflight(&self, step: &Step) -> usize {
        let (Some(login), Some(StepWork::Network { portal, .. })) = (&step.login_id, &step.work)
        else {
            return usize::MAX;
        };
        let client = self.parts.logins.client(login);
        client.map_or(1, |client| client.capabilities(portal).delivery.max_inflight.max(1))
    }
}
