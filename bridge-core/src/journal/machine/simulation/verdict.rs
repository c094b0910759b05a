//! What must be true when everything has come to its end.

use std::collections::BTreeMap;

use super::house::House;
use super::outside::Place;
use crate::journal::row::{Direction, Outcome};
use crate::journal::step::StepState;
use crate::network::LostAnswer;

pub(super) fn judge(house: &House) -> Result<(), String> {
    everything_was_taken_in_once(house)?;
    every_row_has_its_true_outcome(house)?;
    nothing_is_done_twice(house)?;
    everything_is_in_its_place(house)
}

fn everything_was_taken_in_once(house: &House) -> Result<(), String> {
    let mut events: BTreeMap<&str, usize> = BTreeMap::new();
    for open in house.rows.values() {
        if let Some(event) = &open.row.event_id {
            *events.entry(event).or_default() += 1;
        }
    }
    let sent = usize::try_from(house.homeserver.sent).unwrap_or(0);
    if events.len() != sent {
        return Err(format!("people sent {sent} events, {} were taken in", events.len()));
    }
    if let Some((event, count)) = events.iter().find(|(_, count)| **count > 1) {
        return Err(format!("{event} was taken in {count} times"));
    }
    let heard: Vec<usize> = house.heard.values().copied().collect();
    let mut once = heard.clone();
    once.sort_unstable();
    once.dedup();
    if once.len() != house.network.said || heard.len() != once.len() {
        return Err(format!("{} things were said, heard were {heard:?}", house.network.said));
    }
    Ok(())
}

fn every_row_has_its_true_outcome(house: &House) -> Result<(), String> {
    for (seq, open) in &house.rows {
        let outcome = *house.outcomes.get(seq).ok_or(format!("row {seq} has no outcome"))?;
        for step in &open.steps {
            let place = (*seq, step.step);
            let there = house.network.has(place) || house.homeserver.has(place);
            let wrong = match step.state {
                StepState::Sent if !there => Some("is called sent, and is not there"),
                StepState::Failed | StepState::Expired if there => {
                    Some("is called not sent, and is there")
                }
                StepState::Unknown if !doubtful(house, place) && house.deaths == 0 => {
                    Some("is called unknown, and was never in doubt")
                }
                state if !state.is_final() => Some("has no end"),
                _ => None,
            };
            if let Some(wrong) = wrong {
                return Err(format!("row {seq}, step {}: {wrong}: {step:#?}", step.step));
            }
        }
        if outcome == Outcome::Sent && open.steps.iter().any(|step| step.state != StepState::Sent) {
            return Err(format!("row {seq} is called sent, and not all of it is"));
        }
    }
    Ok(())
}

fn doubtful(house: &House, place: Place) -> bool {
    house.network.doubtful.contains(&place)
}

fn nothing_is_done_twice(house: &House) -> Result<(), String> {
    let mut counts: BTreeMap<Place, usize> = BTreeMap::new();
    let done = house.network.applied.iter().map(|applied| applied.place);
    for place in done.chain(house.homeserver.events.iter().map(|(_, place)| *place)) {
        *counts.entry(place).or_default() += 1;
    }
    match counts.iter().find(|(_, count)| **count > 1) {
        Some((place, count)) => Err(format!("{place:?} was done {count} times")),
        None => Ok(()),
    }
}

/// On the network each login's words in a lane are in the order they were accepted in, on Matrix each
/// lane's.
fn everything_is_in_its_place(house: &House) -> Result<(), String> {
    let mut last: BTreeMap<(usize, usize), Place> = BTreeMap::new();
    for applied in &house.network.applied {
        let lost = house.rows[&applied.place.0].steps.iter();
        let natural = lost.clone().any(|step| step.lost_answer == LostAnswer::Natural);
        let before = last.insert((applied.lane, applied.login), applied.place);
        if let Some(before) = before.filter(|before| *before > applied.place && !natural) {
            return Err(format!("{:?} came after {before:?}: {applied:?}", applied.place));
        }
    }
    let mut last: BTreeMap<usize, Place> = BTreeMap::new();
    for (lane, place) in &house.homeserver.events {
        let before = last.insert(*lane, *place);
        if let Some(before) = before.filter(|before| before > place) {
            return Err(format!("in lane {lane} {place:?} came after {before:?}"));
        }
    }
    let to_matrix = house.rows.values().filter(|open| open.row.direction == Direction::ToMatrix);
    let lost = to_matrix.filter(|open| house.outcomes[&open.row.seq] != Outcome::Sent).count();
    match lost {
        0 => Ok(()),
        lost => Err(format!("{lost} things from the network never came to Matrix")),
    }
}
