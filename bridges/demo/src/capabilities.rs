//! What a chat on the demo network can do.

use bridge_core::network::{Capabilities, DeliveryFacts, Limits, Ordering};

/// The longest message the network takes, in bytes.
pub(crate) const LONGEST_TEXT: usize = 2000;

/// Makes the table; it is the same for every chat.
pub(crate) fn capabilities() -> Capabilities {
    let delivery = DeliveryFacts {
        // A message has one number, whoever hears it.
        ids_shared: true,
        ordering: Ordering::PerChat,
        max_inflight: 1,
    };
    let limits = Limits { text_bytes: Some(LONGEST_TEXT), ..Limits::default() };
    Capabilities::none(delivery).with_text().with_limits(limits)
}
