//! The shape clients and application services see: without hashes and signatures, with an id and an
//! `unsigned` part that tells what belongs to the event.

use ruma::{RoomId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::store::events::{StoredEvent, Txn};

/// For whom an event is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) room_id: &'a RoomId,
    /// `/sync` leaves the room out, because it groups by room.
    pub(crate) with_room_id: bool,
    pub(crate) now_ms: i64,
    /// Who looks, and the scope of his transaction ids: a device sees its own ids again.
    pub(crate) viewer: Option<(&'a UserId, &'a str)>,
}

/// The fields of a stored event that clients see.
#[derive(Deserialize)]
struct Stored<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
    #[serde(default)]
    redacts: Option<String>,
}

#[derive(Serialize)]
struct ClientEvent<'a> {
    content: &'a RawValue,
    event_id: &'a str,
    origin_server_ts: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_id: Option<&'a str>,
    sender: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_key: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'a str,
    unsigned: Unsigned<'a>,
}

#[derive(Serialize, Default)]
struct Unsigned<'a> {
    age: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_sender: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces_state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted_because: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invite_room_state: Option<&'a [Box<RawValue>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    knock_room_state: Option<&'a [Box<RawValue>]>,
    #[serde(rename = "m.relations", skip_serializing_if = "Option::is_none")]
    relations: Option<&'a RawValue>,
}

/// What belongs into `unsigned` and comes from elsewhere than the event.
#[derive(Debug, Default)]
struct Extra<'a> {
    relations: Option<&'a RawValue>,
    room_state: Option<&'a [Box<RawValue>]>,
}

/// An event without anything a stranger should not see.
#[derive(Serialize)]
struct Stripped<'a> {
    content: &'a RawValue,
    sender: &'a str,
    state_key: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
}

/// Writes an event for a client.
pub(crate) fn full(event: &StoredEvent, view: &View<'_>) -> serde_json::Result<Box<RawValue>> {
    write(event, view, &Extra::default())
}

/// Writes an event for a client, with what is told of events that relate to it.
pub(crate) fn with_relations(
    event: &StoredEvent,
    view: &View<'_>,
    relations: Option<&RawValue>,
) -> serde_json::Result<Box<RawValue>> {
    write(event, view, &Extra { relations, room_state: None })
}

/// Writes an event as servers tell it to each other, with its id and what belongs to it for this viewer.
pub(crate) fn as_stored(
    event: &StoredEvent,
    view: &View<'_>,
    relations: Option<&RawValue>,
) -> serde_json::Result<Box<RawValue>> {
    let mut raw: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&event.json)?;
    let full = with_relations(event, view, relations)?;
    let mut full: serde_json::Map<String, serde_json::Value> = serde_json::from_str(full.get())?;
    for key in ["event_id", "unsigned"] {
        raw.extend(full.remove_entry(key));
    }
    to_raw_value(&raw)
}

/// Writes an event for an application service, which learns from an invitation or a knock what the room is like.
pub(crate) fn with_room_state(
    event: &StoredEvent,
    view: &View<'_>,
    stripped: &[Box<RawValue>],
) -> serde_json::Result<Box<RawValue>> {
    write(event, view, &Extra { relations: None, room_state: Some(stripped) })
}

/// Writes a state event for somebody who is only invited.
pub(crate) fn stripped(event: &StoredEvent) -> serde_json::Result<Box<RawValue>> {
    let stored: Stored<'_> = serde_json::from_str(&event.json)?;
    to_raw_value(&Stripped {
        content: stored.content,
        sender: event.sender.as_str(),
        state_key: event.state_key.as_deref().unwrap_or_default(),
        kind: &event.kind,
    })
}

/// Returns the content alone.
pub(crate) fn content(event: &StoredEvent) -> serde_json::Result<Box<RawValue>> {
    content_of(&event.json)
}

/// Returns the content of a stored event's JSON.
pub(crate) fn content_of(json: &str) -> serde_json::Result<Box<RawValue>> {
    let stored: Stored<'_> = serde_json::from_str(json)?;
    Ok(stored.content.to_owned())
}

fn write(
    event: &StoredEvent,
    view: &View<'_>,
    extra: &Extra<'_>,
) -> serde_json::Result<Box<RawValue>> {
    let stored: Stored<'_> = serde_json::from_str(&event.json)?;
    let replaced = event.replaced.as_ref();
    let prev_content = replaced
        .map(|replaced| serde_json::from_str::<Stored<'_>>(&replaced.json))
        .transpose()?
        .map(|replaced| replaced.content);
    let redaction =
        (event.kind == "m.room.redaction").then(|| both_redacts(&stored)).transpose()?;
    let (redacts, content) = redaction.unwrap_or_default();
    let is_knock = event.membership.as_deref() == Some("knock");
    to_raw_value(&ClientEvent {
        content: content.as_deref().unwrap_or(stored.content),
        event_id: event.event_id.as_str(),
        origin_server_ts: event.origin_server_ts,
        room_id: view.with_room_id.then_some(view.room_id.as_str()),
        sender: event.sender.as_str(),
        state_key: event.state_key.as_deref(),
        kind: &event.kind,
        unsigned: Unsigned {
            age: view.now_ms.saturating_sub(event.origin_server_ts).max(0),
            transaction_id: own_txn(event, view, redacts.as_deref()),
            prev_content,
            prev_sender: replaced.map(|replaced| replaced.sender.as_str()),
            replaces_state: replaced.map(|replaced| replaced.event_id.as_str()),
            redacted_because: redacted_because(event, view)?,
            invite_room_state: extra.room_state.filter(|_| !is_knock),
            knock_room_state: extra.room_state.filter(|_| is_knock),
            relations: extra.relations,
        },
        redacts,
    })
}

/// Older clients look for what a redaction redacts beside its content, newer ones in it. Both find it.
fn both_redacts(
    stored: &Stored<'_>,
) -> serde_json::Result<(Option<String>, Option<Box<RawValue>>)> {
    let mut content: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(stored.content.get())?;
    if let Some(redacts) = content.get("redacts") {
        return Ok((redacts.as_str().map(str::to_owned), None));
    }
    let Some(redacts) = &stored.redacts else { return Ok((None, None)) };
    content.insert("redacts".to_owned(), redacts.as_str().into());
    Ok((Some(redacts.clone()), Some(to_raw_value(&content)?)))
}

/// Returns the transaction id if it was the one who looks that sent it. The stored hash knows who that was.
fn own_txn<'e>(event: &'e StoredEvent, view: &View<'_>, redacts: Option<&str>) -> Option<&'e str> {
    let (user_id, scope) = view.viewer?;
    let Txn { id, key } = event.txn.as_ref()?;
    if event.sender != *user_id {
        return None;
    }
    let is_own = |path: &str| crate::rooms::append::txn(scope, view.room_id, path, id).key == *key;
    let sent = is_own(&crate::rooms::send::txn_path(&event.kind));
    let redacted = || redacts.is_some_and(|target| is_own(&crate::rooms::redact::txn_path(target)));
    (sent || redacted()).then_some(id)
}

fn redacted_because(
    event: &StoredEvent,
    view: &View<'_>,
) -> serde_json::Result<Option<Box<RawValue>>> {
    #[derive(Deserialize)]
    struct Because<'a> {
        #[serde(borrow)]
        content: &'a RawValue,
        sender: String,
        origin_server_ts: i64,
        #[serde(default)]
        redacts: Option<String>,
    }
    let Some((event_id, json)) = &event.redacted_because else { return Ok(None) };
    let because: Because<'_> = serde_json::from_str(json)?;
    let stored = Stored { content: because.content, redacts: because.redacts };
    let (redacts, content) = both_redacts(&stored)?;
    to_raw_value(&ClientEvent {
        content: content.as_deref().unwrap_or(because.content),
        event_id: event_id.as_str(),
        origin_server_ts: because.origin_server_ts,
        redacts,
        room_id: Some(view.room_id.as_str()),
        sender: &because.sender,
        state_key: None,
        kind: "m.room.redaction",
        unsigned: Unsigned {
            age: view.now_ms.saturating_sub(because.origin_server_ts).max(0),
            ..Unsigned::default()
        },
    })
    .map(Some)
}
