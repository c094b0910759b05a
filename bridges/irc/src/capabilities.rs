//! What a chat on IRC can do.

use bridge_core::network::{
    Capabilities, DeliveryFacts, Formatting, Level, Limits, MessageKind, Operation, Ordering,
};

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
    let offered = |there: bool, otherwise: Level| if there { Level::Full } else { otherwise };
    // Whatever refers to a message needs its id.
    let answers = session.has_msgids && session.has_client_tag("draft/reply");
    let reactions =
        answers && session.has_client_tag("draft/react") && session.has_client_tag("draft/unreact");
    let redaction = session.has("draft/message-redaction") || session.has("message-redaction");
    let typing = session.has_client_tag("typing");
    let mut table = Capabilities::none(delivery)
        .with_text()
        .with_limits(limits)
        // All else has a readable form: lists with bullets, quotes with `>`, links with their address.
        .with_formatting(Level::Partial, Formatting::ALL)
        .with_formatting(
            Level::Full,
            [
                Formatting::Bold,
                Formatting::Italic,
                Formatting::Underline,
                Formatting::Strikethrough,
                Formatting::InlineCode,
                Formatting::Foreground,
                Formatting::Background,
            ],
        )
        .with(Operation::Mention, Level::Full)
        .with(Operation::Edit, Level::Degraded)
        .with(Operation::Redaction, offered(redaction, Level::Degraded))
        .with(Operation::Reaction, offered(reactions, Level::Degraded))
        .with(Operation::Typing, offered(typing, Level::Dropped))
        .with(Operation::Receipt, Level::Dropped);
    if answers {
        table = table.with(Operation::Reply, Level::Full);
    }
    // There are no files on IRC: they become links.
    for kind in [
        MessageKind::Image,
        MessageKind::Video,
        MessageKind::Audio,
        MessageKind::Voice,
        MessageKind::File,
        MessageKind::Sticker,
        MessageKind::Location,
    ] {
        table = table.with(Operation::Message(kind), Level::Degraded);
    }
    if !is_channel {
        return table;
    }
    table
        .with(Operation::Topic, Level::Full)
        .with(Operation::Membership, Level::Partial)
        .with(Operation::PowerLevels, Level::Partial)
}
