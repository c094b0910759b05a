//! What a chat on the demo network can do: everything, unless the configuration says that it lacks
//! something, to show what becomes of that.

use bridge_core::network::{
    Capabilities, DeliveryFacts, Level, Limits, MessageKind, Operation, Ordering,
};
use serde::Deserialize;

/// The longest message the network takes, in bytes.
pub(crate) const LONGEST_TEXT: usize = 2000;
/// The largest file the network takes where nothing else is configured, in bytes.
pub(crate) const LARGEST_FILE: u64 = 10 * 1024 * 1024;

/// Something the network can be made to lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// To say which message is answered.
    Replies,
    /// To change messages.
    Edits,
    /// To take messages back.
    Redactions,
    /// To react.
    Reactions,
    /// To show files.
    Files,
}

const FILES: [MessageKind; 6] = [
    MessageKind::Image,
    MessageKind::Video,
    MessageKind::Audio,
    MessageKind::Voice,
    MessageKind::File,
    MessageKind::Sticker,
];

/// Makes the table; it is the same for every chat.
pub(crate) fn capabilities(lacks: &[Ability], largest_file: u64) -> Capabilities {
    let delivery = DeliveryFacts {
        // A message has one number, whoever hears it.
        ids_shared: true,
        ordering: Ordering::PerChat,
        max_inflight: 1,
    };
    let limits = Limits {
        text_bytes: Some(LONGEST_TEXT),
        media_bytes: Some(largest_file),
        ..Limits::default()
    };
    let level = |ability| if lacks.contains(&ability) { Level::Degraded } else { Level::Full };
    let mut table = Capabilities::none(delivery)
        .with_text()
        .with_limits(limits)
        .with(Operation::Reply, level(Ability::Replies))
        .with(Operation::Edit, level(Ability::Edits))
        .with(Operation::Redaction, level(Ability::Redactions))
        .with(Operation::Reaction, level(Ability::Reactions))
        .with(Operation::PowerLevels, Level::Full)
        .with(Operation::Poll, Level::Degraded)
        .with(Operation::Message(MessageKind::Location), Level::Degraded);
    for kind in FILES {
        table = table.with(Operation::Message(kind), level(Ability::Files));
    }
    table
}
