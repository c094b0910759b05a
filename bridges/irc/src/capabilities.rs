//! What a chat on IRC can do.

use bridge_core::network::{Capabilities, DeliveryFacts, Level, Limits, Operation, Ordering};

use crate::connection::Session;

/// Makes the table for a chat as the session stands. Before the first connection the session is
/// the default one, whose limits are the tightest.
pub(crate) fn capabilities(session: &Session, target: &str, is_channel: bool) -> Capabilities {
    let delivery = DeliveryFacts {
        // Known from the first id heard on: until then one login listens, which is safe either way.
        ids_shared: is_channel && session.has_msgids,
        ordering: Ordering::PerAccount,
        // A line's confirmation takes one round trip; pacing is slower than that.
        max_inflight: 1,
    };
    let limits = Limits {
        text_bytes: Some(session.budget(target, 0).as_bytes()),
        topic_bytes: session.rules.topiclen,
        ..Limits::default()
    };
    let table = Capabilities::none(delivery)
        .with_text()
        .with_limits(limits)
        .with(Operation::Typing, Level::Dropped)
        .with(Operation::Receipt, Level::Dropped);
    if !is_channel {
        return table;
    }
    table.with(Operation::Topic, Level::Full).with(Operation::Membership, Level::Partial)
}
