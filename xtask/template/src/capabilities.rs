//! What a chat can do. The core refuses, converts or degrades everything else, and tells the sender.

use bridge_core::network::{
    Capabilities, DeliveryFacts, Level, Limits, MessageKind, Operation, Ordering,
};

/// The longest message the network takes, in bytes.
pub(crate) const LONGEST_TEXT: usize = 2000;

/// Makes the table; it is the same for every chat.
pub(crate) fn capabilities() -> Capabilities {
    let delivery = DeliveryFacts { ids_shared: true, ordering: Ordering::PerChat, max_inflight: 1 };
    let limits = Limits { text_bytes: Some(LONGEST_TEXT), ..Limits::default() };
    Capabilities::none(delivery)
        .with_limits(limits)
        .with(Operation::Message(MessageKind::Text), Level::Full)
        .with(Operation::Message(MessageKind::Notice), Level::Degraded)
        .with(Operation::Message(MessageKind::Emote), Level::Degraded)
}
