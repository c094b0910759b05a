//! Turns a draft into a signed event: canonical JSON, content hash, signature, and the reference hash that
//! is its id.

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, EventId, MilliSecondsSinceUnixEpoch, OwnedEventId,
    OwnedRoomId, OwnedUserId, RoomId, ServerName, UInt,
    events::TimelineEventType,
    room_version_rules::RoomVersionRules,
    signatures::{Ed25519KeyPair, JsonError, hash_and_sign_event, reference_hash},
};
use serde_json::value::RawValue;

use super::{
    EventError, Pdu,
    limits::{check_event, check_identifier},
};

/// What somebody wants to say, before it has a place in a room.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) sender: OwnedUserId,
    pub(crate) kind: TimelineEventType,
    /// Present for state, absent for messages.
    pub(crate) state_key: Option<String>,
    pub(crate) content: CanonicalJsonObject,
    /// When it was said, in milliseconds since 1970.
    pub(crate) origin_server_ts: i64,
}

impl Draft {
    /// Refuses what is too long before any work is spent on it.
    pub(crate) fn check(&self) -> Result<(), EventError> {
        check_identifier("sender", self.sender.as_str())?;
        check_identifier("event type", &self.kind.to_string())?;
        check_identifier("state key", self.state_key.as_deref().unwrap_or_default())
    }
}

/// Where in the room's history an event goes, and what allows it.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// Absent only for the create event of a version that makes the room id from it.
    pub(crate) room_id: Option<&'a RoomId>,
    pub(crate) prev_events: &'a [OwnedEventId],
    pub(crate) auth_events: &'a [OwnedEventId],
    pub(crate) depth: i64,
}

/// A finished event: what is stored, and what the rules judge.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) pdu: Pdu,
    pub(crate) json: String,
}

/// Hashes and signs. Versions before 11 carry what a redaction redacts beside the content, not in it.
pub(crate) fn build(
    draft: &Draft,
    place: &Place<'_>,
    rules: &RoomVersionRules,
    server_name: &ServerName,
    key: &Ed25519KeyPair,
) -> Result<Built, EventError> {
    let mut object = CanonicalJsonObject::new();
    let mut content = draft.content.clone();
    let redacts = take_redacts(&draft.kind, rules, &mut content, &mut object);
    if let Some(room_id) = place.room_id {
        object.insert("room_id".to_owned(), text(room_id.as_str()));
    }
    if let Some(state_key) = &draft.state_key {
        object.insert("state_key".to_owned(), text(state_key));
    }
    object.insert("type".to_owned(), text(&draft.kind.to_string()));
    object.insert("sender".to_owned(), text(draft.sender.as_str()));
    object.insert("content".to_owned(), CanonicalJsonValue::Object(content));
    object.insert("origin_server_ts".to_owned(), integer(draft.origin_server_ts)?);
    object.insert("depth".to_owned(), integer(place.depth)?);
    object.insert("prev_events".to_owned(), ids(place.prev_events));
    object.insert("auth_events".to_owned(), ids(place.auth_events));

    hash_and_sign_event(server_name.as_str(), key, &mut object, &rules.redaction)
        .map_err(json_error)?;
    let event_id = reference_hash(&object, rules).map_err(json_error)?;
    let event_id = EventId::parse(format!("${event_id}")).expect("a hash makes an event id");
    let json = to_json(&object)?;
    check_event(&json)?;
    let content = object.remove("content").expect("it was put in above");
    let pdu = Pdu {
        event_id,
        position: 0,
        room_id: place.room_id.map(ToOwned::to_owned),
        sender: draft.sender.clone(),
        origin_server_ts: milliseconds(draft.origin_server_ts),
        kind: draft.kind.clone(),
        state_key: draft.state_key.clone(),
        content: RawValue::from_string(to_json(&content)?).expect("canonical JSON is JSON"),
        prev_events: place.prev_events.to_vec(),
        auth_events: place.auth_events.to_vec(),
        redacts,
    };
    Ok(Built { pdu, json })
}

/// Returns the room id that the create event of a version like 12 makes.
pub(crate) fn room_id_of(create: &EventId) -> OwnedRoomId {
    let hash = create.as_str().trim_start_matches('$');
    RoomId::new_v2(hash).expect("a reference hash makes a room id")
}

fn take_redacts(
    kind: &TimelineEventType,
    rules: &RoomVersionRules,
    content: &mut CanonicalJsonObject,
    object: &mut CanonicalJsonObject,
) -> Option<OwnedEventId> {
    if *kind != TimelineEventType::RoomRedaction {
        return None;
    }
    let redacts = content.get("redacts")?.as_str()?.to_owned();
    if !rules.redaction.content_field_redacts {
        let redacts = content.remove("redacts").expect("it was found above");
        object.insert("redacts".to_owned(), redacts);
    }
    OwnedEventId::try_from(redacts).ok()
}

fn text(text: &str) -> CanonicalJsonValue {
    CanonicalJsonValue::String(text.to_owned())
}

fn ids(ids: &[OwnedEventId]) -> CanonicalJsonValue {
    CanonicalJsonValue::Array(ids.iter().map(|id| text(id.as_str())).collect())
}

fn integer(number: i64) -> Result<CanonicalJsonValue, EventError> {
    let number = ruma::Int::try_from(number)
        .map_err(|_| EventError::BadJson("A number is out of range.".to_owned()))?;
    Ok(CanonicalJsonValue::Integer(number))
}

fn milliseconds(ms: i64) -> MilliSecondsSinceUnixEpoch {
    MilliSecondsSinceUnixEpoch(UInt::try_from(ms).unwrap_or_default())
}

fn to_json(value: &impl serde::Serialize) -> Result<String, EventError> {
    serde_json::to_string(value).map_err(|error| EventError::BadJson(format!("{error}.")))
}

fn json_error(error: JsonError) -> EventError {
    match error {
        JsonError::PduTooLarge => {
            EventError::TooLarge("The event is longer than 65535 bytes.".to_owned())
        }
        other => EventError::BadJson(format!("{other}.")),
    }
}
