//! Redaction: what is left of an event once somebody took it back, by the rules of its room's version.

use ruma::{
    CanonicalJsonObject, OwnedEventId, canonical_json::redact_in_place, events::TimelineEventType,
    room_version_rules::RoomVersionRules,
};

use super::{Draft, EventError};

/// Returns what an event wants to redact, wherever its version puts that.
pub(crate) fn redacts_of(draft: &Draft) -> Option<OwnedEventId> {
    if draft.kind != TimelineEventType::RoomRedaction {
        return None;
    }
    draft.content.get("redacts")?.as_str()?.try_into().ok()
}

/// Strips a stored event. Its hash, and so its id, stays what it was.
pub(crate) fn strip(json: &str, rules: &RoomVersionRules) -> Result<String, EventError> {
    let bad = |error: &dyn std::fmt::Display| EventError::BadJson(format!("{error}."));
    let mut event: CanonicalJsonObject = serde_json::from_str(json).map_err(|error| bad(&error))?;
    redact_in_place(&mut event, &rules.redaction, None).map_err(|error| bad(&error))?;
    serde_json::to_string(&event).map_err(|error| bad(&error))
}
