//! What of a room can be found by its words, kept up in the job in which it is said.

use ruma::{CanonicalJsonObject, CanonicalJsonValue, EventId, events::TimelineEventType};
use support_db::Tx;

use super::words_of;
use crate::{
    error::Result,
    events::{Draft, client},
    rooms::tip::Tip,
    store::{self, events::StoredEvent},
};

/// Remembers the words of a new event, if it has any that can be looked for.
pub(in crate::rooms) async fn learn(
    tx: &mut Tx,
    tip: &Tip,
    draft: &Draft,
    position: i64,
) -> Result<()> {
    let (key, field) = match (&draft.kind, draft.state_key.as_deref()) {
        (TimelineEventType::RoomMessage, None) => ("content.body", "body"),
        (TimelineEventType::RoomName, Some("")) => ("content.name", "name"),
        (TimelineEventType::RoomTopic, Some("")) => ("content.topic", "topic"),
        _ => return Ok(()),
    };
    let nid = tip.room.nid;
    if let Some((edited, words)) = edit(&draft.content)
        && let Some(event) = store::events::by_id(tx, nid, edited).await?
        && may_be_edited(&event, draft)
    {
        // Also without any word: the words before count no more.
        return Ok(store::search::add(tx, position, event.position, nid, key, &words).await?);
    }
    let words = draft.content.get(field).and_then(|text| text.as_str()).map(words_of);
    if let Some(words) = words.filter(|words| !words.is_empty()) {
        store::search::add(tx, position, position, nid, key, &words).await?;
    }
    Ok(())
}

/// Forgets the words of an event that is redacted; what an edit said gives way to what was said before.
pub(in crate::rooms) async fn forget(tx: &mut Tx, position: i64) -> Result<()> {
    Ok(store::search::forget(tx, position).await?)
}

/// Returns what an edit edits, and its new words.
fn edit(content: &CanonicalJsonObject) -> Option<(&EventId, String)> {
    let relation = object(content, "m.relates_to")?;
    if relation.get("rel_type")?.as_str()? != "m.replace" {
        return None;
    }
    let edited = <&EventId>::try_from(relation.get("event_id")?.as_str()?).ok()?;
    let new = object(content, "m.new_content")?.get("body")?.as_str()?;
    Some((edited, words_of(new)))
}

fn object<'a>(content: &'a CanonicalJsonObject, key: &str) -> Option<&'a CanonicalJsonObject> {
    match content.get(key)? {
        CanonicalJsonValue::Object(object) => Some(object),
        _ => None,
    }
}

/// People edit their own messages, and no edits.
fn may_be_edited(event: &StoredEvent, draft: &Draft) -> bool {
    let is_edit = || {
        let content = client::content(event).ok();
        let content = content.and_then(|content| serde_json::from_str(content.get()).ok());
        content.is_none_or(|content: serde_json::Value| {
            content["m.relates_to"]["rel_type"] == "m.replace"
        })
    };
    event.sender == draft.sender
        && event.kind == draft.kind.to_string()
        && event.state_key.is_none()
        && event.redacted_because.is_none()
        && !is_edit()
}
