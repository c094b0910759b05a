//! The moves of a lane's worker: planning, sending, finding out, ending. Each changes what the
//! worker holds and gathers what is to be committed.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use support_db::DbError;

use super::worker::{Over, Worker};
use crate::{
    ids::LoginId,
    journal::{
        deliver::Delivered,
        machine::{self, Reconcile, StepChange, millis},
        plan::{Plan, PlanTrouble},
        row::{Direction, Outcome, Row, RowState},
        step::{MatrixCall, NewStep, Step, StepState, StepWork},
        store::Write,
    },
    metrics::{RowLabels, StepLabels},
};

/// How soon a row is planned again whose login came back while it was planned.
const CAME_BACK: Duration = Duration::from_millis(50);

/// How many rows are planned ahead of their turn.
const AHEAD: usize = 31;

impl Worker<'_> {
    pub(super) async fn plan(&mut self, seq: i64, target: Option<i64>) -> Result<(), Over> {
        // What planning looks up must be stored, also what this lane has just done.
        if looks_back(&self.row(seq).row) {
            self.commit().await?;
        }
        let open = self.row(seq);
        let planned = match self.journal.plan(open, target).await {
            Ok(plan) => plan,
            Err(trouble) => return self.plan_later(seq, &trouble),
        };
        match planned {
            Plan::Steps(steps) => self.store_plan(seq, steps, target),
            Plan::Done { outcome, reason, report } => {
                self.settle(seq, outcome, reason, report);
            }
            Plan::Wait(login) => {
                if !self.parked.contains(&login) && self.journal.can_send(&login) {
                    let at = self.journal.now() + millis(CAME_BACK);
                    self.row_mut(seq).row.next_at = Some(at);
                    return Ok(());
                }
                self.park(seq, login).await?;
            }
            Plan::Soon(pause) => {
                let at = self.journal.now() + millis(pause);
                self.row_mut(seq).row.next_at = Some(at);
            }
        }
        Ok(())
    }

    fn plan_later(&mut self, seq: i64, trouble: &PlanTrouble) -> Result<(), Over> {
        if matches!(trouble, PlanTrouble::Db(DbError::Closed | DbError::Fenced { .. })) {
            return Err(Over);
        }
        let attempts = self.row(seq).row.attempts;
        let pause = trouble.pause().max(self.journal.backoff(attempts));
        let next_at = self.journal.now() + millis(pause);
        let reason = trouble.to_string();
        tracing::warn!(lane = self.lane, row = seq, attempts, reason, "planning is tried again");
        let row = &mut self.row_mut(seq).row;
        row.next_at = Some(next_at);
        row.attempts += 1;
        self.writes.push(Write::Later { seq, next_at, reason });
        Ok(())
    }

    fn store_plan(&mut self, seq: i64, steps: Vec<NewStep>, replaces: Option<i64>) {
        self.writes.push(Write::Plan { seq, steps: steps.clone(), replaces });
        let open = self.row_mut(seq);
        open.row.state = RowState::Planned;
        open.row.next_at = None;
        open.steps.retain(|step| Some(step.step) != replaces);
        open.steps.extend(steps.into_iter().map(|new| Step::stored(seq, new)));
        open.steps.sort_by_key(|step| step.step);
    }

    pub(super) async fn send(&mut self, seq: i64, step: i64) -> Result<(), Over> {
        let attempt = self.step(seq, step).clone();
        self.take_turn(&attempt).await?;
        let now = self.journal.now();
        let marked = self.needs_mark(&attempt);
        let mark = self.writes.len();
        if marked {
            self.writes.push(Write::Mark { seq, step, now });
            if matches!(attempt.work, Some(StepWork::Command)) {
                self.writes.push(Write::Wipe { seq });
            }
        }
        if self.writes.iter().any(Write::precedes_attempts) {
            self.plan_ahead(seq).await;
            let plan = self.writes.iter().position(
                |write| matches!(write, Write::Plan { seq: planned, .. } if *planned == seq),
            );
            let touched = self.commit().await?;
            let in_vain = |write: usize| touched.get(write) == Some(&0);
            if (marked && in_vain(mark)) || plan.is_some_and(in_vain) {
                // It was taken back or out meanwhile.
                return self.read_again(seq).await;
            }
        }
        let held = self.step_mut(seq, step);
        held.state = StepState::Sending;
        held.attempts += 1;
        held.first_sent_at = held.first_sent_at.or(Some(now));
        let before = attempt.state;
        let attempt = held.clone();
        let mut delivered = self.journal.deliver(self.row(seq), &attempt).await;
        delivered.change = delivered.change.after(before);
        self.take_result(seq, step, delivered);
        self.commit_if_many().await
    }

    /// Plans rows behind one that is about to be sent, so that a burst shares one commit. Only what
    /// depends on nothing that is still to happen: messages of people, behind messages of people.
    /// Towards a homeserver that forgets transactions each send is marked by a commit of its own anyway.
    async fn plan_ahead(&mut self, seq: i64) {
        let is_plain = |work: Option<&StepWork>| {
            matches!(work, Some(StepWork::Matrix(MatrixCall::Event { file: None, .. })))
        };
        let sent = self.row(seq);
        if !self.journal.parts.matrix.idempotent_for_good()
            || sent.row.direction != Direction::ToMatrix
            || !sent.steps.iter().all(|step| is_plain(step.work.as_ref()))
        {
            return;
        }
        let behind = self.rows.iter().skip_while(|open| open.row.seq != seq).skip(1);
        let plannable = behind.take_while(|open| {
            let row = &open.row;
            row.state == RowState::Accepted && row.next_at.is_none() && !looks_back(row)
        });
        let ahead: Vec<i64> = plannable.take(AHEAD).map(|open| open.row.seq).collect();
        for next in ahead {
            // Whatever is not simply steps is looked at again when its turn comes.
            let Ok(Plan::Steps(steps)) = self.journal.plan(self.row(next), None).await else {
                return;
            };
            let plain = steps.iter().all(|step| is_plain(Some(&step.work)));
            self.store_plan(next, steps, None);
            if !plain {
                return;
            }
        }
    }

    /// Waits until the network's rate allows the step. A crash meanwhile finds it unsent; what is
    /// known already is not kept waiting.
    async fn take_turn(&mut self, step: &Step) -> Result<(), Over> {
        let (Some(login), Some(StepWork::Network { portal, step: remote, .. })) =
            (&step.login_id, &step.work)
        else {
            return Ok(());
        };
        let Some(client) = self.journal.parts.logins.client(login) else { return Ok(()) };
        let turn = AssertUnwindSafe(client.turn(portal, remote)).catch_unwind();
        let mut turn = std::pin::pin!(turn);
        let waited = match futures_util::poll!(turn.as_mut()) {
            std::task::Poll::Ready(result) => result,
            std::task::Poll::Pending => {
                self.commit().await?;
                turn.await
            }
        };
        if waited.is_err() {
            tracing::error!(%login, "a bridge panicked while a step waited for its turn");
        }
        Ok(())
    }

    fn needs_mark(&self, step: &Step) -> bool {
        match &step.work {
            Some(StepWork::Network { .. } | StepWork::Command) => true,
            Some(StepWork::Matrix(call)) => {
                call.is_timeline() && !self.journal.parts.matrix.idempotent_for_good()
            }
            Some(StepWork::Nothing) | None => false,
        }
    }

    pub(super) async fn reconcile(&mut self, seq: i64, step: i64) -> Result<(), Over> {
        self.commit().await?;
        let lost = self.step(seq, step).clone();
        // What may be repeated is repeated at once: later its key may be forgotten.
        if matches!(lost.work, Some(StepWork::Network { .. }))
            && machine::reconcile(lost.lost_answer, lost.first_sent_at, self.journal.now())
                == Reconcile::SendAgain
        {
            let change = StepChange::to(StepState::Lost);
            change.apply_to(self.step_mut(seq, step));
            self.writes.push(Write::Change { seq, step, change, attempts: 0, memory: None });
            return self.send(seq, step).await;
        }
        let delivered = self.journal.find_out(self.row(seq), &lost).await;
        self.take_result(seq, step, delivered);
        self.commit_if_many().await
    }

    fn take_result(&mut self, seq: i64, step: i64, delivered: Delivered) {
        let Delivered { change, further, room_step } = delivered;
        let open = self.row(seq);
        let held = self.step(seq, step);
        let memory = self.journal.memory(&open.row, held, &change);
        self.journal.parts.metrics.step(&step_labels(held, change.state));
        let dropped = if change.state == StepState::Failed {
            machine::dropped_with(held, &open.steps)
        } else {
            Vec::new()
        };
        if change.state.is_final() && change.state != StepState::Sent {
            tracing::info!(
                lane = self.lane, row = seq, step, network = ?held.network.as_ref().map(ToString::to_string),
                state = change.state.as_str(), "a step was not carried"
            );
        }
        let (portal_id, attempts) = (held.portal_id, held.attempts);
        let now = self.journal.now();
        if let (StepState::Sent, Some(room_step), Some(portal_id)) =
            (change.state, room_step, portal_id)
        {
            self.writes.push(Write::Remember { portal_id, step: room_step, now });
        }
        change.apply_to(self.step_mut(seq, step));
        self.writes.push(Write::Change { seq, step, change, attempts, memory });
        for step in dropped {
            let change = StepChange::to(StepState::Failed)
                .because("not sent, because the part before it failed");
            change.apply_to(self.step_mut(seq, step));
            self.writes.push(Write::Change { seq, step, change, attempts: 0, memory: None });
        }
        if !further.is_empty() {
            self.store_plan(seq, further, None);
        }
    }

    pub(super) fn expire(&mut self, seq: i64) {
        const WORDS: &str = "The network could not be reached in time.";
        let open = self.row(seq);
        if open.row.state == RowState::Accepted {
            return self.settle(seq, Outcome::Expired, Some(WORDS.to_owned()), true);
        }
        let now = self.journal.now();
        let over =
            open.steps.iter().filter_map(|step| Some((step.step, machine::expired(step, now)?)));
        for (step, state) in over.collect::<Vec<_>>() {
            let change = StepChange::to(state).because(WORDS);
            change.apply_to(self.step_mut(seq, step));
            self.writes.push(Write::Change { seq, step, change, attempts: 0, memory: None });
        }
    }

    pub(super) fn finish(&mut self, seq: i64) {
        let open = self.row(seq);
        let (outcome, reason) = machine::row_outcome(&open.steps);
        let report = self.journal.wants_report(open, outcome);
        if outcome == Outcome::Sent {
            self.journal.observe(open);
        }
        self.settle(seq, outcome, reason, report);
    }

    fn settle(&mut self, seq: i64, outcome: Outcome, reason: Option<String>, report: bool) {
        let state = if report { RowState::Reporting } else { RowState::Settled };
        let now = self.journal.now();
        let row = &self.row(seq).row;
        tracing::debug!(
            lane = self.lane,
            row = seq,
            direction = row.direction.as_str(),
            kind = row.kind,
            outcome = outcome.as_str(),
            waited_ms = now - row.accepted_at,
            "a row is final"
        );
        let labels = RowLabels {
            direction: row.direction.as_str(),
            kind: metric_kind(&row.kind),
            outcome: outcome.as_str(),
        };
        let waited = Duration::from_millis(u64::try_from(now - row.accepted_at).unwrap_or(0));
        self.journal.parts.metrics.row(labels, waited);
        self.writes.push(Write::Settle { seq, state, outcome, reason, now });
        self.rows.retain(|open| open.row.seq != seq);
    }

    pub(super) async fn park(&mut self, seq: i64, login: LoginId) -> Result<(), Over> {
        tracing::debug!(lane = self.lane, row = seq, %login, "a row waits for its login");
        self.writes.push(Write::Park { seq, login: login.clone() });
        self.rows.retain(|open| open.row.seq != seq);
        let first = self.parked.insert(login.clone());
        if first {
            self.commit().await?;
            // Whoever tells of connected logins looks at stored rows: it may have looked before.
            if self.journal.can_send(&login) {
                self.unpark(login).await?;
            }
        }
        Ok(())
    }
}

/// Matrix knows any number of event types, and the figures must not.
fn metric_kind(kind: &str) -> &'static str {
    const KINDS: [(&str, &str); 17] = [
        ("m.room.message", "message"),
        ("m.sticker", "message"),
        ("m.reaction", "reaction"),
        ("m.room.redaction", "redaction"),
        ("m.room.member", "membership"),
        ("m.room.topic", "topic"),
        ("m.room.power_levels", "power_levels"),
        ("message", "message"),
        ("edit", "edit"),
        ("redaction", "redaction"),
        ("reaction", "reaction"),
        ("reaction_remove", "redaction"),
        ("topic", "topic"),
        ("chat_info", "chat_info"),
        ("membership", "membership"),
        ("power_levels", "power_levels"),
        ("gap", "gap"),
    ];
    KINDS.iter().find(|(known, _)| *known == kind).map_or("other", |(_, name)| name)
}

fn step_labels(step: &Step, state: StepState) -> StepLabels {
    let target = match &step.work {
        Some(StepWork::Network { .. }) => "network",
        Some(StepWork::Matrix(_)) => "matrix",
        Some(StepWork::Command) => "command",
        Some(StepWork::Nothing) | None => "nothing",
    };
    let network = step.network.as_ref().map(ToString::to_string).unwrap_or_default();
    StepLabels { target, network, state: state.as_str() }
}

/// Whether planning a row depends on what was bridged before it.
fn looks_back(row: &Row) -> bool {
    let mentions = |word: &str| row.payload.as_ref().is_some_and(|payload| payload.contains(word));
    match row.direction {
        Direction::FromMatrix => {
            row.payload.is_none()
                || row.kind == "m.room.redaction"
                || row.kind == "m.room.pinned_events"
                || mentions("m.relates_to")
        }
        Direction::ToMatrix => {
            row.kind != "message" || mentions("\"reply_to\"") || mentions("\"thread\"")
        }
    }
}
