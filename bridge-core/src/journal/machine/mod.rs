//! What happens next, as pure functions: the rows of a lane and the time go in, a move comes out;
//! a step and its outcome go in, its next state comes out. No I/O, so that a simulator can play
//! every order of events through them. The lane's worker does what they say and nothing else.

mod outcomes;

use std::collections::HashSet;

pub(crate) use self::outcomes::{
    Moment, Reconcile, StepChange, after_matrix, after_resolve, after_send, backoff, dropped_with,
    expired, millis, reconcile, row_outcome,
};

use super::{
    row::{Direction, Row, RowState},
    step::{Step, StepState},
};
use crate::ids::LoginId;

/// A row that is under way, with its steps in order.
#[derive(Clone, Debug)]
pub(crate) struct OpenRow {
    /// The row.
    pub(crate) row: Row,
    /// Its steps, by number; empty until it is planned.
    pub(crate) steps: Vec<Step>,
}

/// What the machine must know about the world.
pub(crate) struct World<'a> {
    /// The time.
    pub(crate) now: i64,
    /// How long a Matrix message may wait for its network, milliseconds.
    pub(crate) expire_after: i64,
    /// Whether a step's login can send now (or is gone for good, which sending finds out).
    pub(crate) is_connected: &'a dyn Fn(&Step) -> bool,
    /// How many steps of the lane may be open when this one is sent (itself included).
    pub(crate) max_inflight: &'a dyn Fn(&Step) -> usize,
    /// Logins with parked rows in this lane: nothing of theirs may overtake those.
    pub(crate) parked: &'a HashSet<LoginId>,
}

impl World<'_> {
    fn is_offline(&self, step: &Step) -> bool {
        let Some(login) = &step.login_id else { return false };
        self.parked.contains(login) || !(self.is_connected)(step)
    }

    fn is_expired(&self, row: &Row) -> bool {
        row.direction == Direction::FromMatrix && row.accepted_at + self.expire_after <= self.now
    }
}

/// What the lane does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// Routes and plans this row.
    Plan(i64),
    /// Plans one target that had to wait for its login.
    PlanTarget {
        /// The row.
        seq: i64,
        /// The placeholder.
        step: i64,
    },
    /// Marks and sends this step.
    Send {
        /// The row.
        seq: i64,
        /// The step.
        step: i64,
    },
    /// Finds out what became of this step.
    Reconcile {
        /// The row.
        seq: i64,
        /// The step.
        step: i64,
    },
    /// Gives up what was not sent in time.
    Expire(i64),
    /// Every step is final.
    Finish(i64),
    /// Sets the row aside until the login is connected.
    Park {
        /// The row.
        seq: i64,
        /// The login.
        login: LoginId,
    },
    /// Nothing to do before this time, or before news.
    Wait(Option<i64>),
}

/// Returns what the lane does next. `rows` are in acceptance order.
///
/// A row is looked at only if everything before it is finished, waits for a confirmation only, or
/// waits for a login that is offline; so nothing overtakes what is to be tried again.
pub(crate) fn next_move(rows: &[OpenRow], world: &World<'_>) -> Move {
    let mut until = None;
    let mut inflight = open_sends(rows, world);
    for open in rows {
        match look_at(open, world, &mut inflight, &mut until) {
            Look::Move(next) => return next,
            Look::Hold => return Move::Wait(until),
            Look::Pass => {}
        }
    }
    Move::Wait(until)
}

enum Look {
    Move(Move),
    Hold,
    Pass,
}

/// Counts what was sent and is not confirmed.
fn open_sends(rows: &[OpenRow], world: &World<'_>) -> usize {
    rows.iter()
        .flat_map(|open| &open.steps)
        .filter(|step| step.state == StepState::Awaiting && !is_due(step.deadline, world.now))
        .count()
}

fn look_at(
    open: &OpenRow,
    world: &World<'_>,
    inflight: &mut usize,
    until: &mut Option<i64>,
) -> Look {
    let seq = open.row.seq;
    match open.row.state {
        RowState::Accepted => {
            if world.is_expired(&open.row) {
                return Look::Move(Move::Expire(seq));
            }
            if !is_due(open.row.next_at, world.now) {
                sooner(until, open.row.next_at);
                return Look::Hold;
            }
            return Look::Move(Move::Plan(seq));
        }
        RowState::Planned => {}
        RowState::Reporting | RowState::Parked | RowState::Settled => return Look::Pass,
    }

    // A target that cannot go on blocks itself; the row's other targets do go on.
    let mut blocked = HashSet::new();
    let mut hold = false;
    let mut awaiting = false;
    let mut offline = None;
    for step in &open.steps {
        if step.state.is_final() || blocked.contains(&step.target()) {
            continue;
        }
        if step.state == StepState::Awaiting && !is_due(step.deadline, world.now) {
            awaiting = true;
            sooner(until, step.deadline);
            continue;
        }
        let unsent =
            matches!(step.state, StepState::Queued | StepState::Retry | StepState::Unplanned);
        if unsent && world.is_expired(&open.row) {
            return Look::Move(Move::Expire(seq));
        }
        if is_hopeless(step, world.now) {
            return Look::Move(Move::Reconcile { seq, step: step.step });
        }
        if world.is_offline(step) && world.is_expired(&open.row) {
            return Look::Move(Move::Expire(seq));
        }
        if world.is_offline(step) {
            blocked.insert(step.target());
            offline = offline.or_else(|| step.login_id.clone());
            continue;
        }
        if !is_due(step.next_at, world.now) {
            blocked.insert(step.target());
            sooner(until, step.next_at);
            hold = true;
            continue;
        }
        match step.state {
            StepState::Unplanned => {
                return Look::Move(Move::PlanTarget { seq, step: step.step });
            }
            StepState::Sending | StepState::Lost | StepState::Awaiting => {
                return Look::Move(Move::Reconcile { seq, step: step.step });
            }
            _ if *inflight >= (world.max_inflight)(step).max(1) => {
                blocked.insert(step.target());
                hold = true;
            }
            _ => return Look::Move(Move::Send { seq, step: step.step }),
        }
    }
    if hold {
        return Look::Hold;
    }
    match offline {
        // Its other targets still wait for confirmations: the row stays until they have them.
        _ if awaiting => Look::Pass,
        Some(login) => Look::Move(Move::Park { seq, login }),
        None => Look::Move(Move::Finish(seq)),
    }
}

/// Whether nobody can be asked what became of an attempt: then it need not wait for its login.
fn is_hopeless(step: &Step, now: i64) -> bool {
    let sent = matches!(step.state, StepState::Sending | StepState::Lost | StepState::Awaiting);
    sent && reconcile(step.lost_answer, step.first_sent_at, now) == Reconcile::GiveUp
}

fn is_due(at: Option<i64>, now: i64) -> bool {
    at.is_none_or(|at| at <= now)
}

fn sooner(until: &mut Option<i64>, at: Option<i64>) {
    *until = match (*until, at) {
        (Some(known), Some(at)) => Some(known.min(at)),
        (known, at) => known.or(at),
    };
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
