//! Prints lines as they happen, also where nobody reads as fast as messages cross.
//!
//! A thread of its own writes, because standard output may block and the bridge must not. What does not fit into the queue is left out.

use bridge_core::{Crossing, Direction, Observer};
use std::{
    io::{self, Write},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

/// Lines that wait for a reader.
const QUEUE: usize = 4096;

/// Takes lines.
#[derive(Clone)]
pub(super) struct Printer(SyncSender<String>);

impl Printer {
    pub(super) fn say(&self, line: String) {
        if self.0.try_send(line).is_err() {
            tracing::debug!("a line was not printed: nobody reads");
        }
    }
}

/// Starts printing; ends when the last [`Printer`] is gone.
pub(super) fn start() -> (Observer, Printer) {
    let (sender, lines) = sync_channel(QUEUE);
    thread::spawn(move || write_all(&lines));
    let printer = Printer(sender);
    let own = printer.clone();
    let observer: Observer = Arc::new(move |crossing: &Crossing| own.say(line(crossing)));
    (observer, printer)
}

fn write_all(lines: &Receiver<String>) {
    for line in lines {
        let mut out = io::stdout().lock();
        // Whoever closed the output wants no more of it, and the demo goes on.
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

fn line(crossing: &Crossing) -> String {
    let arrow = match crossing.direction {
        Direction::FromMatrix => "→",
        Direction::ToMatrix => "←",
    };
    let text = crossing.text.replace(['\n', '\r'], " ");
    format!("{arrow} {} {}: {text}", crossing.chat, crossing.sender)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge_core::ids::{NetworkId, RemoteChatId};

    #[test]
    fn crossing_is_one_line_with_its_arrow_and_text() {
        let crossing = Crossing {
            direction: Direction::ToMatrix,
            network: NetworkId::new("demo"),
            chat: RemoteChatId::new("town-square"),
            sender: "bob".to_owned(),
            text: "two\nlines".to_owned(),
            event_id: None,
            remote_id: None,
        };
        assert_eq!(line(&crossing), "← town-square bob: two lines");
    }
}
