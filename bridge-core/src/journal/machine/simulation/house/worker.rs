//! What a worker does: the moves of the machine, carried out on what is stored.

use std::collections::HashSet;
use std::time::Duration;

use support_clock::Random as _;

use super::super::super::{
    Moment, Move, OpenRow, Reconcile, StepChange, World, after_matrix, after_resolve, after_send,
    backoff, dropped_with, expired, next_move, reconcile, row_outcome,
};
use super::super::outside::{Applied, Place};
use super::rows::{is_open, login_number, matrix_step, remote_step};
use super::{Broken, EXPIRE, FROM_MATRIX, Held, House, INFLIGHT, LOGINS, Write, login};
use crate::journal::row::{Outcome, RowState};
use crate::journal::step::{Step, StepState};

impl House {
    /// A worker makes one move. False when it has nothing to do now.
    pub(super) fn work(&mut self, lane: usize) -> Result<bool, String> {
        self.read(lane);
        let held = &self.held[lane];
        let online = self.online;
        let nobody = HashSet::new();
        let overtakes = self.is(Broken::Overtake);
        let world = World {
            now: self.now,
            expire_after: EXPIRE,
            is_connected: &|step| {
                let logins = (0..LOGINS).filter(|number| online[*number]);
                step.login_id.as_ref().is_none_or(|id| logins.map(login).any(|on| on == *id))
            },
            max_inflight: &|step| if step.login_id.is_some() { INFLIGHT } else { usize::MAX },
            parked: if overtakes { &nobody } else { &held.parked },
        };
        let next = next_move(&held.rows, &world);
        match next {
            Move::Wait(until) => {
                self.commit(lane);
                self.wake_at = match (self.wake_at, until) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
                return Ok(false);
            }
            Move::Plan(seq) => self.plan(lane, seq),
            Move::PlanTarget { .. } => return Err("a target was left unplanned".to_owned()),
            Move::Send { seq, step } => self.send(lane, (seq, step)),
            Move::Reconcile { seq, step } => self.find_out(lane, (seq, step)),
            Move::Expire(seq) => self.expire(lane, seq),
            Move::Finish(seq) => {
                let (outcome, _) = row_outcome(&self.open(lane, seq).steps);
                self.settle(lane, seq, outcome);
            }
            Move::Park { seq, login } => {
                let held = &mut self.held[lane];
                held.writes.push(Write::Park(seq, login.clone()));
                held.rows.retain(|open| open.row.seq != seq);
                if held.parked.insert(login) {
                    self.commit(lane);
                }
            }
        }
        if self.dies() {
            self.die();
        } else if self.random.below(3) == 0 {
            self.commit(lane);
        }
        Ok(true)
    }

    /// A worker that wakes up reads its lane from the start, later what is new.
    pub(super) fn read(&mut self, lane: usize) {
        if !self.held[lane].awake {
            let mine = self.waits_for.iter().filter(|(seq, _)| self.lane_of[*seq] == lane);
            let parked = mine.map(|(_, login)| login.clone()).collect();
            self.held[lane] = Held { awake: true, parked, ..Held::default() };
        }
        let after = self.held[lane].read_to;
        let fresh: Vec<OpenRow> = self
            .rows
            .range(after + 1..)
            .filter(|(seq, open)| self.lane_of[*seq] == lane && is_open(open))
            .map(|(_, open)| open.clone())
            .collect();
        if let Some(last) = fresh.last() {
            self.held[lane].read_to = last.row.seq;
            self.held[lane].rows.extend(fresh);
        }
    }

    pub(super) fn open(&self, lane: usize, seq: i64) -> &OpenRow {
        let mut rows = self.held[lane].rows.iter();
        rows.find(|open| open.row.seq == seq).expect("moves are about rows that are held")
    }

    pub(super) fn step(&mut self, lane: usize, place: Place) -> &mut Step {
        let mut rows = self.held[lane].rows.iter_mut();
        let open = rows.find(|open| open.row.seq == place.0).expect("the row is held");
        let mut steps = open.steps.iter_mut();
        steps.find(|step| step.step == place.1).expect("the step is held")
    }

    /// The same row is planned the same way, however often.
    pub(super) fn plan(&mut self, lane: usize, seq: i64) {
        let steps: Vec<Step> = (0..1 + seq % 3)
            .map(|number| match lane < FROM_MATRIX {
                true => remote_step(seq, number, lane),
                false => matrix_step(seq, number),
            })
            .collect();
        let held = &mut self.held[lane];
        held.writes.push(Write::Plan(seq, steps.clone()));
        let open = held.rows.iter_mut().find(|open| open.row.seq == seq);
        let open = open.expect("moves are about rows that are held");
        open.row.state = RowState::Planned;
        open.steps = steps;
    }

    pub(super) fn moment(&self, step: &Step) -> Moment {
        let connected = step
            .login_id
            .as_ref()
            .is_none_or(|id| (0..LOGINS).any(|number| self.online[number] && login(number) == *id));
        let backoff: Duration = self.random.jitter(backoff(step.attempts), 0.2);
        Moment { now: self.now, backoff, connected }
    }

    pub(super) fn send(&mut self, lane: usize, place: Place) {
        let attempt = self.step(lane, place).clone();
        let to_network = attempt.login_id.is_some();
        if (to_network || !self.for_good) && !self.is(Broken::NoMark) {
            let now = self.now;
            self.held[lane].writes.push(Write::Mark(place, now));
            self.commit(lane);
            if self.stored(place).is_none_or(|step| step.state != StepState::Sending) {
                // Something else became of it meanwhile.
                return self.read_again(lane, place.0);
            }
        }
        if self.dies() {
            return self.die();
        }
        let now = self.now;
        let before = attempt.state;
        let held = self.step(lane, place);
        held.state = StepState::Sending;
        held.attempts += 1;
        held.first_sent_at = held.first_sent_at.or(Some(now));
        let attempt = held.clone();
        self.note(place);
        let change = match login_number(&attempt) {
            Some(login) => {
                let what = Applied { lane, login, place };
                let lost = attempt.lost_answer;
                let outcome = self.network.send(&self.random, self.calm, now, what, lost);
                after_send(&attempt, outcome, self.moment(&attempt))
            }
            None => {
                let outcome =
                    self.homeserver.send(&self.random, self.calm, lane, place, self.for_good);
                after_matrix(outcome, self.for_good, self.moment(&attempt))
            }
        };
        if self.dies() {
            return self.die();
        }
        self.take(lane, place, change.after(before));
    }

    pub(super) fn find_out(&mut self, lane: usize, place: Place) {
        self.commit(lane);
        let lost = self.step(lane, place).clone();
        self.note((place, "?"));
        let change = match lost.login_id {
            Some(_) if self.is(Broken::SendAgain) => StepChange::to(StepState::Retry),
            Some(_) => match reconcile(lost.lost_answer, lost.first_sent_at, self.now) {
                Reconcile::SendAgain => {
                    let change = StepChange::to(StepState::Lost);
                    change.apply_to(self.step(lane, place));
                    self.held[lane].writes.push(Write::Change(place, change));
                    return self.send(lane, place);
                }
                Reconcile::GiveUp => StepChange::to(StepState::Unknown),
                Reconcile::Ask => {
                    let outcome = self.network.resolve(&self.random, self.calm, place);
                    after_resolve(outcome, self.moment(&lost))
                }
            },
            // It is looked for in the room; what is not there was never taken.
            None if !self.for_good && self.homeserver.has(place) => StepChange::to(StepState::Sent),
            None => StepChange::to(StepState::Retry),
        };
        self.take(lane, place, change);
    }

    pub(super) fn take(&mut self, lane: usize, place: Place, mut change: StepChange) {
        let step = self.step(lane, place).clone();
        let again = reconcile(step.lost_answer, step.first_sent_at, self.now);
        if self.is(Broken::ForgetDoubt)
            && change.state == StepState::Lost
            && again == Reconcile::SendAgain
        {
            change.state = StepState::Retry;
        }
        let dropped = match change.state {
            StepState::Failed => dropped_with(&step, &self.open(lane, place.0).steps),
            _ => Vec::new(),
        };
        change.apply_to(self.step(lane, place));
        self.held[lane].writes.push(Write::Change(place, change));
        for number in dropped {
            let change = StepChange::to(StepState::Failed).because("the part before it failed");
            change.apply_to(self.step(lane, (place.0, number)));
            self.held[lane].writes.push(Write::Change((place.0, number), change));
        }
    }

    pub(super) fn expire(&mut self, lane: usize, seq: i64) {
        let open = self.open(lane, seq);
        if open.row.state == RowState::Accepted {
            return self.settle(lane, seq, Outcome::Expired);
        }
        let over = open.steps.iter().filter_map(|step| Some((step.step, expired(step, self.now)?)));
        for (number, state) in over.collect::<Vec<_>>() {
            let change = StepChange::to(state).because("too late");
            change.apply_to(self.step(lane, (seq, number)));
            self.held[lane].writes.push(Write::Change((seq, number), change));
        }
    }

    pub(super) fn settle(&mut self, lane: usize, seq: i64, outcome: Outcome) {
        self.note((seq, outcome.as_str()));
        let held = &mut self.held[lane];
        held.writes.push(Write::Settle(seq, outcome));
        held.rows.retain(|open| open.row.seq != seq);
    }
}
