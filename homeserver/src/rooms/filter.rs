//! Filters of `/sync` and `/messages`: which events of a room somebody wants to see.

use ruma::{
    RoomId,
    api::client::filter::{RoomEventFilter, UrlFilter},
};

use crate::store::events::StoredEvent;

/// Returns whether a filter lets an event of a room through.
pub(crate) fn wants(filter: &RoomEventFilter, room_id: &RoomId, event: &StoredEvent) -> bool {
    wants_room(filter, room_id)
        && wants_type(filter, &event.kind)
        && filter.senders.as_ref().is_none_or(|senders| senders.contains(&event.sender))
        && !filter.not_senders.contains(&event.sender)
        && wants_url(filter, event)
}

/// Returns whether a filter lets a room through.
pub(crate) fn wants_room(filter: &RoomEventFilter, room_id: &RoomId) -> bool {
    filter.rooms.as_ref().is_none_or(|rooms| rooms.iter().any(|id| id == room_id))
        && !filter.not_rooms.iter().any(|id| id == room_id)
}

/// Returns whether a filter lets a type of event through.
pub(crate) fn wants_type(filter: &RoomEventFilter, kind: &str) -> bool {
    filter.types.as_ref().is_none_or(|types| types.iter().any(|pattern| matches(pattern, kind)))
        && !filter.not_types.iter().any(|pattern| matches(pattern, kind))
}

/// Returns whether a filter lets an event through because it has an address, or has none.
pub(crate) fn wants_url(filter: &RoomEventFilter, event: &StoredEvent) -> bool {
    let Some(wanted) = &filter.url_filter else { return true };
    let has_url = crate::events::client::content(event)
        .ok()
        .and_then(|content| serde_json::from_str::<serde_json::Value>(content.get()).ok())
        .is_some_and(|content| content.get("url").is_some_and(serde_json::Value::is_string));
    has_url == matches!(wanted, UrlFilter::EventsWithUrl)
}

/// Compares a type with a pattern in which `*` stands for anything.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_a_dot_for_itself() {
        for (pattern, text, expected) in [
            ("m.room.message", "m.room.message", true),
            ("m.room.message", "m.room.messages", false),
            ("m.room.*", "m.room.topic", true),
            ("m.room.*", "m_room.topic", false),
            ("*", "anything", true),
            ("m.*.key", "m.a.b.key", true),
            ("m.*.key", "m.key", false),
            ("a*a", "a", false),
            ("*b*", "abc", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
