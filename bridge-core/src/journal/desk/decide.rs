//! What may be done about a row, and what becomes of it then. Pure.

use crate::journal::{
    machine::{OpenRow, StepChange},
    row::{Direction, Outcome, RowState},
    step::{Step, StepState},
    store::Change,
};

/// What a step that was not sent is told to be.
const DROPPED: &str = "An operator took it out of the journal.";
/// What a step is told to be whose attempt had no answer.
const IN_DOUBT: &str = "an operator took it out of the journal while its answer was still to come";

/// Decides how a row is run again. `again`: the row that carries it again already.
pub(super) fn retry(open: &OpenRow, again: Option<i64>, even_if_doubled: bool) -> Change {
    let (row, steps) = (&open.row, &open.steps);
    let refused = |words: &str| Change::Refused(words.to_owned());
    match row.state {
        RowState::Accepted | RowState::Planned | RowState::Parked => return Change::Now,
        RowState::Reporting | RowState::Settled => {}
    }
    if let Some(again) = again {
        return Change::Refused(format!("it is carried again already, as row {again}"));
    }
    match row.outcome {
        Some(Outcome::Sent) => return refused("it was carried; there is nothing to run again"),
        Some(Outcome::Ignored) | None => {
            let why = row.reason.as_deref().unwrap_or("nobody wants it");
            return Change::Refused(format!("it was left out by rule: {why}"));
        }
        Some(Outcome::Dropped | Outcome::Expired | Outcome::Unknown | Outcome::Failed) => {}
    }
    if row.direction == Direction::ToMatrix {
        return refused(
            "what a network said is wiped when it is settled, so it cannot be shown again; it can still be read there",
        );
    }
    if steps.iter().any(|step| step.operation == "command") {
        return refused(
            "a command is never carried out twice; give it again if it is still needed",
        );
    }
    if row.event_id.is_none() || row.room_id.is_none() {
        return refused("it is no event that could be asked for again");
    }
    let in_doubt = row.outcome == Some(Outcome::Unknown)
        || steps.iter().any(|step| step.state == StepState::Unknown);
    if in_doubt && !even_if_doubled {
        return refused(
            "it may be on the other side already, and would be there twice; look there first, and say `--even-if-doubled` if it is to be sent all the same",
        );
    }
    Change::Again
}

/// Decides what becomes of a row that is taken out.
pub(super) fn drop(open: &OpenRow) -> Change {
    let (row, steps) = (&open.row, &open.steps);
    match row.state {
        RowState::Accepted | RowState::Planned | RowState::Parked => {}
        RowState::Reporting | RowState::Settled => {
            let outcome = row.outcome.map_or("final", Outcome::as_str);
            return Change::Refused(format!("it is settled: {outcome}"));
        }
    }
    let changes: Vec<(i64, StepChange)> =
        steps.iter().filter_map(|step| Some((step.step, dropped(step)?))).collect();
    let in_doubt = changes.iter().any(|(_, change)| change.state == StepState::Unknown)
        || steps.iter().any(|step| step.state == StepState::Unknown);
    let sent = steps.iter().filter(|step| step.state == StepState::Sent).count();
    let (outcome, mut reason) = match in_doubt {
        true => (Outcome::Unknown, IN_DOUBT.to_owned()),
        false => (Outcome::Dropped, DROPPED.to_owned()),
    };
    if sent > 0 {
        reason.push_str(&format!(" ({sent} of {} parts were carried.)", steps.len()));
    }
    let about_members = row.kind == "m.room.member";
    let tell = row.direction == Direction::FromMatrix && !about_members;
    Change::Drop { steps: changes, outcome, reason, tell }
}

fn dropped(step: &Step) -> Option<StepChange> {
    match step.state {
        StepState::Queued | StepState::Retry | StepState::Unplanned => {
            Some(StepChange::to(StepState::Ignored).because(DROPPED))
        }
        StepState::Sending | StepState::Awaiting | StepState::Lost => {
            Some(StepChange::to(StepState::Unknown).because(IN_DOUBT))
        }
        _ => None,
    }
}
