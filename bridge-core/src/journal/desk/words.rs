//! The desk's answers as people read them: one line a row, and a message's journey in the order in
//! which it happened. Pure.

use std::fmt::{self, Display, Formatter};

use super::{
    shapes::{
        JournalAnswer, JournalLine, JournalNote, JournalPage, JournalPair, JournalStep,
        JournalStory, JournalTrace,
    },
    time::{span, utc},
};

/// An attempt answered within so many milliseconds is told with its answer.
const AT_ONCE: i64 = 5;

impl Display for JournalAnswer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(page) => page.fmt(f),
            Self::Story(story) => story.fmt(f),
            Self::Trace(trace) => trace.fmt(f),
            Self::Done { words, .. } => f.write_str(words),
        }
    }
}

impl Display for JournalPage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return f.write_str("Nothing is on its way, and nothing went wrong lately.");
        }
        for (number, row) in self.rows.iter().enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{row}")?;
        }
        Ok(())
    }
}

impl Display for JournalLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { id, state, kind, lane, .. } = self;
        let direction = direction(&self.direction);
        write!(f, "{id} {state} {direction}: {kind}")?;
        if let Some(sender) = &self.sender {
            write!(f, " by {sender}")?;
        }
        if !self.networks.is_empty() {
            write!(f, " ({})", self.networks.join(", "))?;
        }
        write!(f, ", lane {lane}, {} old", span(self.age_ms))?;
        if self.attempts > 0 {
            write!(f, ", tried {}", times(self.attempts))?;
        }
        if let Some(waits) = &self.waits_for {
            write!(f, ", waits for {waits}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, "; {reason}")?;
        }
        Ok(())
    }
}

impl Display for JournalTrace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, story) in self.stories.iter().enumerate() {
            let between = if number == 0 { "" } else { "\n\n" };
            write!(f, "{between}{story}")?;
        }
        if self.stories.is_empty() {
            write!(f, "Its journey is no longer kept; what is known is what it became.")?;
        }
        if !self.pairs.is_empty() {
            write!(f, "\n\nRemembered:")?;
        }
        for pair in &self.pairs {
            write!(f, "\n  {pair}")?;
        }
        Ok(())
    }
}

impl Display for JournalPair {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { network, chat, remote_id, part, room, event_id, redacted, .. } = self;
        write!(f, "{event_id} in {room} is {remote_id} in {chat} on {network}")?;
        if *part > 0 {
            write!(f, " (part {part})")?;
        }
        f.write_str(if *redacted { ", taken back" } else { "" })
    }
}

impl Display for JournalStory {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let line = &self.line;
        write!(f, "Row {}, {}: {}", line.id, direction(&line.direction), line.kind)?;
        if let Some(sender) = &line.sender {
            write!(f, " by {sender}")?;
        }
        if let Some(room) = &line.room {
            write!(f, " in {room}")?;
        }
        if let Some(event) = &line.event_id {
            write!(f, ", event {event}")?;
        }
        if let Some(remote) = &line.remote_id {
            write!(f, ", remote id {remote}")?;
        }
        write!(f, ", lane {}", line.lane)?;
        for (at, words) in self.moments() {
            write!(f, "\n  {}  {words}", utc(at))?;
        }
        for step in self.steps.iter().filter(|step| is_open(step)) {
            write!(f, "\n  {} {}", place(step.step), standing(step))?;
        }
        match &line.waits_for {
            Some(waits) => write!(f, "\n  Now: {}, waits for {waits}.", line.state),
            None => Ok(()),
        }
    }
}

impl JournalStory {
    /// Returns what happened, in order.
    fn moments(&self) -> Vec<(i64, String)> {
        let line = &self.line;
        let mut moments = vec![(line.accepted_at, self.acceptance())];
        let mut at = |at: Option<i64>, words: String| moments.extend(at.map(|at| (at, words)));
        at(self.planned_at, format!("planned: {}", parts(self.steps.len())));
        at(self.parked_at, "set aside until its login is connected".to_owned());
        at(self.resumed_at, "put back in its place".to_owned());
        for step in &self.steps {
            let answered = step.answered_at;
            if let Some(first) = step.first_sent_at
                && answered.is_none_or(|answered| answered - first > AT_ONCE)
            {
                at(Some(first), format!("{} first tried", place(step.step)));
            }
            if let Some(last) = step.last_sent_at.filter(|last| Some(*last) != step.first_sent_at) {
                at(Some(last), format!("{} last tried", place(step.step)));
            }
            let noted = |note: &JournalNote| {
                note.step == Some(step.step) && Some(note.at) == answered && note.what == step.state
            };
            if !is_open(step) && !self.notes.iter().any(noted) {
                at(answered.or(self.planned_at), ending(step));
            }
        }
        for note in &self.notes {
            at(Some(note.at), noted(note));
        }
        let outcome = self.outcome.as_deref().unwrap_or("settled");
        let why = match &line.reason {
            Some(reason) if outcome != "sent" => format!("settled: {outcome}: {reason}"),
            _ => format!("settled: {outcome}"),
        };
        at(self.settled_at, why);
        if let Some(again) = self.again_as {
            at(self.settled_at, format!("carried again as row {again}"));
        }
        moments.sort_by_key(|(at, _)| *at);
        moments
    }

    fn acceptance(&self) -> String {
        let mut words = match self.again_of {
            Some(first) => format!("taken up again, since row {first} ended badly"),
            None => "accepted".to_owned(),
        };
        if let Some(login) = &self.login {
            words.push_str(&format!(", heard by {login}"));
        }
        if !self.witnesses.is_empty() {
            words.push_str(&format!(", and by {}", self.witnesses.join(", ")));
        }
        words
    }
}

fn direction(direction: &str) -> &str {
    match direction {
        "from_matrix" => "from Matrix",
        "to_matrix" => "to Matrix",
        other => other,
    }
}

/// Names a step as people count: targets and parts from one.
fn place(step: i64) -> String {
    let (target, part) = (step / 10_000, step % 10_000);
    match target {
        0 => format!("part {}", part + 1),
        _ => format!("part {}.{}", target + 1, part + 1),
    }
}

fn parts(count: usize) -> String {
    match count {
        1 => "1 part".to_owned(),
        _ => format!("{count} parts"),
    }
}

fn times(count: i64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    }
}

fn is_open(step: &JournalStep) -> bool {
    !matches!(step.state.as_str(), "sent" | "failed" | "unknown" | "expired" | "ignored")
}

/// Where a step goes.
fn target(step: &JournalStep) -> String {
    let mut words = match (&step.room, &step.chat, &step.network) {
        (Some(room), ..) => format!(" to {room}"),
        (None, Some(chat), Some(network)) => format!(" to {chat} on {network}"),
        (None, None, Some(network)) => format!(" to {network}"),
        (None, ..) => String::new(),
    };
    if let Some(login) = &step.login {
        words.push_str(&format!(" by {login}"));
    }
    words
}

/// How a step ended.
fn ending(step: &JournalStep) -> String {
    let JournalStep { operation, state, attempts, .. } = step;
    let mut words = format!("{} ({operation}{}): {state}", place(step.step), target(step));
    if step.room.is_none()
        && let Some(id) = &step.remote_id
    {
        words.push_str(&format!(" as {id}"));
    }
    if let Some(id) = &step.event_id {
        words.push_str(&format!(" as {id}"));
    }
    if *attempts > 1 {
        words.push_str(&format!(", tried {}", times(*attempts)));
    }
    if let Some(reason) = &step.reason {
        words.push_str(&format!(": {reason}"));
    }
    words
}

/// Where a step stands that has not ended.
fn standing(step: &JournalStep) -> String {
    let JournalStep { operation, state, attempts, .. } = step;
    let mut words = format!("({operation}{}) is {state}", target(step));
    if *attempts > 0 {
        words.push_str(&format!(", tried {}", times(*attempts)));
    }
    if let Some(at) = step.next_at {
        words.push_str(&format!(", again at {}", utc(at)));
    }
    if let Some(until) = step.deadline {
        words.push_str(&format!(", to be confirmed until {}", utc(until)));
    }
    words
}

fn noted(note: &JournalNote) -> String {
    let JournalNote { what, words, .. } = note;
    match (what.as_str(), note.step) {
        ("planning", _) => format!("could not be planned: {words}"),
        ("retried", _) => format!("set going again {words}"),
        ("dropped", _) => format!("taken out {words}"),
        ("retry", Some(step)) => {
            format!("{} could not be sent, to be tried again: {words}", place(step))
        }
        ("lost", Some(step)) => format!("{} lost its answer: {words}", place(step)),
        (what, Some(step)) => format!("{} {what}: {words}", place(step)),
        (what, None) => format!("{what}: {words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story() -> JournalStory {
        JournalStory {
            line: JournalLine {
                id: 12,
                direction: "from_matrix".to_owned(),
                state: "retry".to_owned(),
                kind: "m.room.message".to_owned(),
                lane: "m:!r:x".to_owned(),
                networks: vec!["libera".to_owned()],
                room: Some("!r:x".to_owned()),
                event_id: Some("$e".to_owned()),
                sender: Some("@alice:x".to_owned()),
                attempts: 3,
                accepted_at: 1000,
                age_ms: 200_000,
                waits_for: Some("the next attempt at 1970-01-01 00:03:30.000 UTC".to_owned()),
                reason: Some("busy".to_owned()),
                ..JournalLine::default()
            },
            planned_at: Some(1020),
            steps: vec![
                JournalStep {
                    operation: "message".to_owned(),
                    state: "sent".to_owned(),
                    network: Some("libera".to_owned()),
                    chat: Some("#rust".to_owned()),
                    login: Some("libera-1".to_owned()),
                    attempts: 1,
                    first_sent_at: Some(1030),
                    last_sent_at: Some(1030),
                    answered_at: Some(1240),
                    remote_id: Some("m17".to_owned()),
                    ..JournalStep::default()
                },
                JournalStep {
                    step: 1,
                    operation: "message".to_owned(),
                    state: "retry".to_owned(),
                    network: Some("libera".to_owned()),
                    attempts: 3,
                    first_sent_at: Some(1250),
                    last_sent_at: Some(9000),
                    answered_at: Some(9001),
                    next_at: Some(210_000),
                    ..JournalStep::default()
                },
            ],
            notes: vec![JournalNote {
                at: 9001,
                step: Some(1),
                what: "retry".to_owned(),
                words: "busy".to_owned(),
            }],
            ..JournalStory::default()
        }
    }

    #[test]
    fn journey_is_told_in_the_order_in_which_it_happened() {
        let told = story().to_string();
        let expected = "\
Row 12, from Matrix: m.room.message by @alice:x in !r:x, event $e, lane m:!r:x
  1970-01-01 00:00:01.000 UTC  accepted
  1970-01-01 00:00:01.020 UTC  planned: 2 parts
  1970-01-01 00:00:01.030 UTC  part 1 first tried
  1970-01-01 00:00:01.240 UTC  part 1 (message to #rust on libera by libera-1): sent as m17
  1970-01-01 00:00:01.250 UTC  part 2 first tried
  1970-01-01 00:00:09.000 UTC  part 2 last tried
  1970-01-01 00:00:09.001 UTC  part 2 could not be sent, to be tried again: busy
  part 2 (message to libera) is retry, tried 3 times, again at 1970-01-01 00:03:30.000 UTC
  Now: retry, waits for the next attempt at 1970-01-01 00:03:30.000 UTC.";
        assert_eq!(told, expected);
    }

    #[test]
    fn list_has_a_line_for_each_row() {
        let page = JournalPage { rows: vec![story().line], next: None };
        assert_eq!(
            page.to_string(),
            "12 retry from Matrix: m.room.message by @alice:x (libera), lane m:!r:x, 3 min old, tried 3 times, waits for the next attempt at 1970-01-01 00:03:30.000 UTC; busy"
        );
        assert!(JournalPage::default().to_string().starts_with("Nothing is on its way"));
    }
}
