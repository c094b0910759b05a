//! Several lines of one person in a row as one message, where the operator wants that: IRC knows no
//! line end, so people paste line by line.

use std::time::Duration;

use bridge_core::network::{MessageKind, RemoteEvent, RemoteEventKind, RemoteMessage};

/// Lines in one message.
const MOST_LINES: usize = 30;

/// Holds the last message of each chat for a moment.
#[derive(Debug)]
pub(crate) struct Merger {
    window_ms: i64,
    held: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    event: RemoteEvent,
    until_ms: i64,
    lines: usize,
}

impl Merger {
    pub(crate) fn new(window: Duration) -> Self {
        Self { window_ms: i64::try_from(window.as_millis()).unwrap_or(0), held: Vec::new() }
    }

    /// Takes news and returns what is to be told now, in the order of each chat.
    pub(crate) fn push(&mut self, events: Vec<RemoteEvent>, now_ms: i64) -> Vec<RemoteEvent> {
        if self.window_ms == 0 {
            return events;
        }
        let mut told = Vec::with_capacity(events.len());
        for event in events {
            let same = |held: &Held| {
                held.event.chat == event.chat && held.event.receiver == event.receiver
            };
            let at = self.held.iter().position(same);
            let Some(next) = line_of(&event) else {
                told.extend(at.map(|at| self.held.remove(at).event));
                told.push(event);
                continue;
            };
            if let Some(at) = at {
                let held = &mut self.held[at];
                if held.event.sender == event.sender && held.lines < MOST_LINES {
                    append(&mut held.event, next);
                    held.lines += 1;
                    continue;
                }
                told.push(self.held.remove(at).event);
            }
            self.held.push(Held { event, until_ms: now_ms + self.window_ms, lines: 1 });
        }
        told.extend(self.tick(now_ms));
        told
    }

    /// Returns what has waited long enough.
    pub(crate) fn tick(&mut self, now_ms: i64) -> Vec<RemoteEvent> {
        let (ready, kept) = std::mem::take(&mut self.held)
            .into_iter()
            .partition::<Vec<_>, _>(|held| held.until_ms <= now_ms);
        self.held = kept;
        ready.into_iter().map(|held| held.event).collect()
    }

    /// Returns everything.
    pub(crate) fn flush(&mut self) -> Vec<RemoteEvent> {
        self.held.drain(..).map(|held| held.event).collect()
    }

    /// Returns when the next one has waited long enough, Unix milliseconds.
    pub(crate) fn next_deadline(&self) -> Option<i64> {
        self.held.iter().map(|held| held.until_ms).min()
    }
}

/// Returns the message of an event that may stand in a row.
fn line_of(event: &RemoteEvent) -> Option<&RemoteMessage> {
    match &event.kind {
        RemoteEventKind::Message(message)
            if message.content.kind == MessageKind::Text && message.reply_to.is_none() =>
        {
            Some(message)
        }
        _ => None,
    }
}

fn append(event: &mut RemoteEvent, next: &RemoteMessage) {
    let RemoteEventKind::Message(message) = &mut event.kind else { return };
    let (text, more) = (&mut message.content.text, &next.content.text);
    if text.html.is_some() || more.html.is_some() {
        let html = text.html.take().unwrap_or_else(|| escaped(&text.plain));
        let next = more.html.clone().unwrap_or_else(|| escaped(&more.plain));
        text.html = Some(format!("{html}<br>{next}"));
    }
    text.plain.push('\n');
    text.plain.push_str(&more.plain);
    for person in &next.content.mentions.people {
        if !message.content.mentions.people.contains(person) {
            message.content.mentions.people.push(person.clone());
        }
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('\n', "<br>")
}

#[cfg(test)]
mod tests {
    use bridge_core::{
        ids::{RemoteChatId, RemoteUserId},
        network::{MessageContent, RemoteSender},
    };

    use super::*;

    fn said(chat: &str, nick: &str, text: &str) -> RemoteEvent {
        let message = RemoteMessage::new(MessageContent::text(text));
        let mut event =
            RemoteEvent::new(RemoteChatId::new(chat), RemoteEventKind::Message(message));
        event.sender =
            Some(RemoteSender { user: RemoteUserId::new(nick), is_me: false, profile: None });
        event
    }

    fn texts(events: &[RemoteEvent]) -> Vec<&str> {
        let text = |event| line_of(event).expect("a line").content.text.plain.as_str();
        events.iter().map(text).collect()
    }

    #[test]
    fn lines_of_one_person_in_a_row_are_one_message() {
        let mut merger = Merger::new(Duration::from_millis(500));
        let first = vec![said("#a", "bob", "1"), said("#b", "bob", "x"), said("#a", "bob", "2")];
        assert!(merger.push(first, 0).is_empty());
        assert_eq!(merger.next_deadline(), Some(500));
        let told = merger.push(vec![said("#a", "carol", "3")], 100);
        assert_eq!(texts(&told), ["1\n2"]);
        assert_eq!(texts(&merger.tick(500)), ["x"]);
        assert_eq!(texts(&merger.flush()), ["3"]);
    }

    #[test]
    fn without_a_window_nothing_waits() {
        let mut merger = Merger::new(Duration::ZERO);
        assert_eq!(texts(&merger.push(vec![said("#a", "bob", "1")], 0)), ["1"]);
    }
}
