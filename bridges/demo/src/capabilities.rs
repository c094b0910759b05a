//! What a chat on the demo network can do: everything, unless the configuration says that it lacks
//! something, to show what becomes of that.

use bridge_core::network::{
    Capabilities, DeliveryFacts, Formatting, Level, Limits, MessageKind, Operation, Ordering,
};
use serde::Deserialize;

/// The command the network takes: `/toss`.
pub(crate) const COMMAND: &str = "toss";
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
    /// To keep threads.
    Threads,
    /// To pin messages.
    Pins,
    /// To show places.
    Places,
    /// To name groups, set their topics and pictures.
    Names,
    /// To remove people and keep them out, to ask them in.
    Removals,
    /// To show contacts.
    Contacts,
    /// To have messages disappear.
    Timers,
    /// To take commands.
    Commands,
    /// To end groups.
    Endings,
}

/// What the network is configured to be able to do.
#[derive(Clone, Debug)]
pub(crate) struct Able {
    pub(crate) lacks: Vec<Ability>,
    pub(crate) refuses: Vec<Ability>,
    pub(crate) largest_file: u64,
}

impl Default for Able {
    fn default() -> Self {
        Self { lacks: Vec::new(), refuses: Vec::new(), largest_file: LARGEST_FILE }
    }
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
pub(crate) fn capabilities(able: &Able) -> Capabilities {
    let delivery = DeliveryFacts {
        // A message has one number, whoever hears it.
        ids_shared: true,
        ordering: Ordering::PerChat,
        max_inflight: 1,
    };
    let limits = Limits {
        text_bytes: Some(LONGEST_TEXT),
        media_bytes: Some(able.largest_file),
        commands: vec![COMMAND.to_owned()],
        ..Limits::default()
    };
    let level = |ability| match ability {
        ability if able.refuses.contains(&ability) => Level::Rejected,
        ability if able.lacks.contains(&ability) => Level::Degraded,
        _ => Level::Full,
    };
    // There are no words for these: what the network lacks is refused.
    let state_level = |ability| match level(ability) {
        Level::Degraded => Level::Rejected,
        level => level,
    };
    let mut table = Capabilities::none(delivery)
        .with_text()
        .with_limits(limits)
        .with_formatting(Level::Full, Formatting::ALL)
        .with(Operation::Reply, level(Ability::Replies))
        .with(Operation::Edit, level(Ability::Edits))
        .with(Operation::Redaction, level(Ability::Redactions))
        .with(Operation::Reaction, level(Ability::Reactions))
        .with(Operation::Thread, level(Ability::Threads))
        .with(Operation::Pin, level(Ability::Pins))
        .with(Operation::Name, state_level(Ability::Names))
        .with(Operation::Topic, state_level(Ability::Names))
        .with(Operation::Avatar, state_level(Ability::Names))
        .with(Operation::Membership, state_level(Ability::Removals))
        .with(Operation::PowerLevels, Level::Full)
        .with(Operation::Typing, Level::Full)
        .with(Operation::Receipt, Level::Full)
        .with(Operation::Delivery, Level::Full)
        .with(Operation::Poll, Level::Degraded)
        .with(Operation::Call, Level::Degraded)
        .with(Operation::Command, level(Ability::Commands))
        .with(Operation::ChatDelete, state_level(Ability::Endings))
        .with(Operation::DisappearingTimer, level(Ability::Timers))
        .with(Operation::Message(MessageKind::Contact), level(Ability::Contacts))
        .with(Operation::Message(MessageKind::Location), level(Ability::Places));
    for kind in FILES {
        table = table.with(Operation::Message(kind), level(Ability::Files));
    }
    table
}
