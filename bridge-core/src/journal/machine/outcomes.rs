//! What an answer makes of a step, and what its steps make of a row. Pure.

use std::time::Duration;

use super::{
    super::{
        row::Outcome,
        step::{Step, StepState},
    },
    is_due,
};
use crate::{
    ids::RemoteMessageId,
    matrix::MatrixOutcome,
    network::{LostAnswer, SendOutcome},
};

/// What changes in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepChange {
    /// Its state from now on.
    pub(crate) state: StepState,
    /// Not before.
    pub(crate) next_at: Option<i64>,
    /// Until when a confirmation is waited for.
    pub(crate) deadline: Option<i64>,
    /// The remote message, where the network told.
    pub(crate) remote_id: Option<RemoteMessageId>,
    /// When, by the network's clock.
    pub(crate) remote_ts: Option<i64>,
    /// The Matrix event.
    pub(crate) event_id: Option<String>,
    /// In words.
    pub(crate) reason: Option<String>,
}

impl StepChange {
    /// Makes a change to a state without anything else.
    pub(crate) fn to(state: StepState) -> Self {
        Self {
            state,
            next_at: None,
            deadline: None,
            remote_id: None,
            remote_ts: None,
            event_id: None,
            reason: None,
        }
    }

    /// Adds words.
    pub(crate) fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Keeps in mind where the step stood before the attempt: if the fate of an earlier one is open,
    /// that this one was not made says nothing about that one.
    pub(crate) fn after(mut self, before: StepState) -> Self {
        let in_doubt = matches!(before, StepState::Sending | StepState::Awaiting | StepState::Lost);
        if in_doubt && matches!(self.state, StepState::Queued | StepState::Retry) {
            self.state = StepState::Lost;
        }
        self
    }

    fn not_before(mut self, at: i64) -> Self {
        self.next_at = Some(at);
        self
    }

    /// Writes the change into the step the worker holds.
    pub(crate) fn apply_to(&self, step: &mut Step) {
        step.state = self.state;
        step.next_at = self.next_at;
        step.deadline = self.deadline;
        if self.remote_id.is_some() {
            step.remote_id.clone_from(&self.remote_id);
        }
        if self.event_id.is_some() {
            step.event_id.clone_from(&self.event_id);
        }
        step.reason.clone_from(&self.reason);
    }
}

/// When an answer came, and how long the next attempt should wait at least.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The time.
    pub(crate) now: i64,
    /// The pause that suits the number of attempts, jittered.
    pub(crate) backoff: Duration,
    /// Whether the login counts as connected.
    pub(crate) connected: bool,
}

impl Moment {
    fn after(&self, pause: Duration) -> i64 {
        self.now.saturating_add(millis(pause.max(self.backoff)))
    }
}

/// Returns a duration in milliseconds.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Returns what becomes of a step after the network answered an attempt.
pub(crate) fn after_send(step: &Step, outcome: SendOutcome, moment: Moment) -> StepChange {
    match outcome {
        SendOutcome::Unknown { reason } => {
            match reconcile(step.lost_answer, step.first_sent_at, moment.now) {
                // Not `Retry`, which is for what was certainly not applied: by the time it is its
                // turn again the key may be forgotten, or the row may have expired.
                Reconcile::SendAgain => StepChange::to(StepState::Lost)
                    .not_before(moment.after(Duration::ZERO))
                    .because(reason),
                Reconcile::Ask => StepChange::to(StepState::Lost).because(reason),
                Reconcile::GiveUp => StepChange::to(StepState::Unknown).because(reason),
            }
        }
        // Nothing was sent: the step is as before, and the machine parks it.
        SendOutcome::Offline if !moment.connected => StepChange::to(StepState::Queued),
        other => settled_or_waiting(other, StepState::Retry, moment),
    }
}

/// Returns what becomes of a step after the network was asked what became of it.
pub(crate) fn after_resolve(outcome: SendOutcome, moment: Moment) -> StepChange {
    match outcome {
        SendOutcome::Unknown { reason } => StepChange::to(StepState::Unknown).because(reason),
        SendOutcome::Offline if !moment.connected => StepChange::to(StepState::Lost),
        other => settled_or_waiting(other, StepState::Lost, moment),
    }
}

/// What sending and asking have in common. `again` is the state in which an attempt that could not
/// be made waits for the next.
fn settled_or_waiting(outcome: SendOutcome, again: StepState, moment: Moment) -> StepChange {
    match outcome {
        SendOutcome::Confirmed { remote_id, timestamp } => {
            StepChange { remote_id, remote_ts: timestamp, ..StepChange::to(StepState::Sent) }
        }
        SendOutcome::AwaitEcho { within } => StepChange {
            deadline: Some(moment.now.saturating_add(millis(within))),
            ..StepChange::to(StepState::Awaiting)
        },
        SendOutcome::Retry { after, reason } => {
            StepChange::to(StepState::Retry).not_before(moment.after(after)).because(reason)
        }
        // The client knows better than the last state it reported; it will report soon.
        SendOutcome::Offline => StepChange::to(again)
            .not_before(moment.after(Duration::ZERO))
            .because("the account is not connected"),
        SendOutcome::Failed { words } => StepChange::to(StepState::Failed).because(words),
        SendOutcome::Unknown { reason } => StepChange::to(StepState::Unknown).because(reason),
    }
}

/// How the fate of a step is found out whose answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reconcile {
    /// Sending it again cannot do harm.
    SendAgain,
    /// The network can be asked.
    Ask,
    /// It cannot be known.
    GiveUp,
}

/// Returns how the fate of a step is found out whose answer was lost.
pub(crate) fn reconcile(lost: LostAnswer, first_sent_at: Option<i64>, now: i64) -> Reconcile {
    match lost {
        LostAnswer::Natural => Reconcile::SendAgain,
        // A tenth of the window is left for the way there and for clocks that disagree.
        LostAnswer::ClientKey { window_ms }
            if first_sent_at.is_none_or(|first| now < first + window_ms / 10 * 9) =>
        {
            Reconcile::SendAgain
        }
        LostAnswer::EchoMatch | LostAnswer::HistoryMatch | LostAnswer::Barrier => Reconcile::Ask,
        LostAnswer::ClientKey { .. } | LostAnswer::None => Reconcile::GiveUp,
    }
}

/// Returns what becomes of a step after the homeserver answered. `repeatable`: sending the same
/// again under the same key is known to do no harm.
pub(crate) fn after_matrix(outcome: MatrixOutcome, repeatable: bool, moment: Moment) -> StepChange {
    match outcome {
        MatrixOutcome::Done { event_id } => {
            StepChange { event_id: Some(event_id), ..StepChange::to(StepState::Sent) }
        }
        MatrixOutcome::Retry { after, reason } => {
            StepChange::to(StepState::Retry).not_before(moment.after(after)).because(reason)
        }
        MatrixOutcome::Refused { errcode, words } => {
            StepChange::to(StepState::Failed).because(format!("{words} ({errcode})"))
        }
        MatrixOutcome::Unknown { reason } => {
            let state = if repeatable { StepState::Retry } else { StepState::Lost };
            StepChange::to(state).not_before(moment.after(Duration::ZERO)).because(reason)
        }
    }
}

/// Returns how a step ends when its row has waited too long; `None` if it is final or may still
/// be confirmed.
pub(crate) fn expired(step: &Step, now: i64) -> Option<StepState> {
    match step.state {
        StepState::Queued | StepState::Retry | StepState::Unplanned => Some(StepState::Expired),
        StepState::Awaiting if !is_due(step.deadline, now) => None,
        StepState::Sending | StepState::Lost | StepState::Awaiting => Some(StepState::Unknown),
        _ => None,
    }
}

/// Returns which further steps end because this one failed: a plan is not continued with a hole
/// in it. Steps of other targets go on, and so do calls to the homeserver.
pub(crate) fn dropped_with(failed: &Step, steps: &[Step]) -> Vec<i64> {
    if failed.login_id.is_none() {
        return Vec::new();
    }
    steps
        .iter()
        .filter(|step| step.target() == failed.target() && step.step > failed.step)
        .filter(|step| matches!(step.state, StepState::Queued | StepState::Retry))
        .map(|step| step.step)
        .collect()
}

/// Returns what became of a row: the worst of its steps, and that step's words.
pub(crate) fn row_outcome(steps: &[Step]) -> (Outcome, Option<String>) {
    let worst = steps.iter().map(|step| (step_outcome(step.state), step)).fold(
        (Outcome::Ignored, None),
        |(worst, words), (outcome, step)| {
            if outcome > worst { (outcome, step.reason.clone()) } else { (worst, words) }
        },
    );
    let sent = steps.iter().filter(|step| step.state == StepState::Sent).count();
    match worst {
        (Outcome::Sent | Outcome::Ignored, _) => (worst.0, None),
        (outcome, words) if sent > 0 => {
            let words = words.unwrap_or_default();
            (outcome, Some(format!("{words} ({sent} of {} parts were carried.)", steps.len())))
        }
        worst => worst,
    }
}

fn step_outcome(state: StepState) -> Outcome {
    match state {
        StepState::Sent => Outcome::Sent,
        StepState::Failed => Outcome::Failed,
        StepState::Expired => Outcome::Expired,
        StepState::Ignored => Outcome::Ignored,
        StepState::Unknown
        | StepState::Queued
        | StepState::Sending
        | StepState::Awaiting
        | StepState::Retry
        | StepState::Lost
        | StepState::Unplanned => Outcome::Unknown,
    }
}

/// Returns the pause before the next attempt: half a second, doubling to half a minute.
pub(crate) fn backoff(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(0, 7)).expect("clamped to 0..=7");
    (Duration::from_millis(500) * 2_u32.pow(doublings)).min(Duration::from_secs(30))
}
