//! What is stored, and what a worker has stored.

use super::super::outside::Place;
use super::rows::is_open;
use super::{House, Write};
use crate::journal::row::RowState;
use crate::journal::step::{Step, StepState};

impl House {
    pub(super) fn stored(&mut self, place: Place) -> Option<&mut Step> {
        let steps = &mut self.rows.get_mut(&place.0)?.steps;
        steps.iter_mut().find(|step| step.step == place.1)
    }

    pub(super) fn read_again(&mut self, lane: usize, seq: i64) {
        let Some(at) = self.held[lane].rows.iter().position(|open| open.row.seq == seq) else {
            return;
        };
        match self.rows.get(&seq) {
            Some(open) if is_open(open) => self.held[lane].rows[at] = open.clone(),
            _ => {
                self.held[lane].rows.remove(at);
            }
        }
    }

    /// Stores what a worker gathered, in one commit.
    pub(super) fn commit(&mut self, lane: usize) {
        for write in std::mem::take(&mut self.held[lane].writes) {
            self.store(lane, write);
        }
    }

    pub(super) fn store(&mut self, lane: usize, write: Write) {
        match write {
            Write::Plan(seq, steps) => {
                if let Some(open) = self.rows.get_mut(&seq) {
                    open.row.state = RowState::Planned;
                    open.steps = steps;
                }
            }
            Write::Mark(place, now) => {
                let may = [StepState::Queued, StepState::Retry, StepState::Lost];
                if let Some(step) = self.stored(place).filter(|step| may.contains(&step.state)) {
                    step.state = StepState::Sending;
                    step.attempts += 1;
                    step.first_sent_at = step.first_sent_at.or(Some(now));
                }
            }
            Write::Change(place, change) => {
                if let Some(step) = self.stored(place).filter(|step| !step.state.is_final()) {
                    change.apply_to(step);
                }
            }
            Write::Settle(seq, outcome) => {
                if let Some(open) = self.rows.get_mut(&seq) {
                    open.row.state = RowState::Settled;
                }
                self.outcomes.entry(seq).or_insert(outcome);
            }
            Write::Park(seq, login) => {
                if let Some(open) = self.rows.get_mut(&seq) {
                    open.row.state = RowState::Parked;
                    self.waits_for.insert(seq, login);
                }
            }
            Write::Unpark(login) => {
                let mine = |seq: i64| self.lane_of[&seq] == lane;
                let waiting: Vec<i64> = self
                    .waits_for
                    .iter()
                    .filter(|(seq, waits)| **waits == login && mine(**seq))
                    .map(|(seq, _)| *seq)
                    .collect();
                for seq in waiting {
                    self.waits_for.remove(&seq);
                    if let Some(open) = self.rows.get_mut(&seq) {
                        let planned = !open.steps.is_empty();
                        open.row.state =
                            if planned { RowState::Planned } else { RowState::Accepted };
                    }
                }
            }
        }
    }
}
