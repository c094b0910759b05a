//! What events say of other events: reactions, edits, threads and references.
//!
//! A relation is remembered with the event itself ([`remember`]) and forgotten when that is redacted. What is told
//! with an event of those that relate to it is its [`bundle`]; whole lists are read [`page`] by page.

pub(crate) mod bundle;
pub(crate) mod page;

use ruma::{CanonicalJsonObject, CanonicalJsonValue, EventId, events::TimelineEventType};
use support_db::Tx;
use support_matrix_http::MatrixError;

use super::tip::Tip;
use crate::{
    error::Result,
    events::Draft,
    store::{self, relations::NewRelation},
};

/// The longest name of a kind of relation.
const LONGEST: usize = 255;

/// What the content of an event says of another one.
#[derive(Debug)]
struct Said<'a> {
    parent_id: &'a EventId,
    rel_type: &'a str,
    key: Option<&'a str>,
}

impl<'a> Said<'a> {
    /// Reads `m.relates_to`. What is not formed as the specification has it is nobody's relation, and so is an
    /// edit without new content, unless that is encrypted: it could replace nothing.
    fn of(draft: &'a Draft) -> Option<Self> {
        if draft.state_key.is_some() {
            return None;
        }
        let relates_to = object(&draft.content, "m.relates_to")?;
        let parent_id = <&EventId>::try_from(text(relates_to, "event_id")?).ok()?;
        let rel_type = text(relates_to, "rel_type")?;
        let is_encrypted = draft.kind == TimelineEventType::RoomEncrypted;
        let says_nothing = rel_type == "m.replace"
            && !is_encrypted
            && object(&draft.content, "m.new_content").is_none();
        if says_nothing || parent_id.as_str().len() > LONGEST || rel_type.len() > LONGEST {
            return None;
        }
        let key = if rel_type == "m.annotation" { text(relates_to, "key") } else { None };
        Some(Self { parent_id, rel_type, key })
    }
}

fn object<'a>(content: &'a CanonicalJsonObject, key: &str) -> Option<&'a CanonicalJsonObject> {
    match content.get(key)? {
        CanonicalJsonValue::Object(object) => Some(object),
        _ => None,
    }
}

/// Reads a text; one with a zero in it PostgreSQL could not hold.
fn text<'a>(content: &'a CanonicalJsonObject, key: &str) -> Option<&'a str> {
    content.get(key)?.as_str().filter(|text| !text.contains('\0'))
}

/// Refuses to say the same of an event twice, and to begin a thread in the middle of something.
pub(super) async fn check(tx: &mut Tx, tip: &Tip, draft: &Draft) -> Result<()> {
    let Some(said) = Said::of(draft) else { return Ok(()) };
    let bad = |errcode: &str, words: &str| {
        MatrixError::new(http::StatusCode::BAD_REQUEST, errcode, words)
    };
    let nid = tip.room.nid;
    if let Some(key) = said.key {
        let (parent, sender, kind) = (said.parent_id, &draft.sender, draft.kind.to_string());
        if store::relations::is_annotated(tx, nid, parent, sender, &kind, key).await? {
            let words = "You have annotated this event with the same key before.";
            return Err(bad("M_DUPLICATE_ANNOTATION", words).into());
        }
    }
    if said.rel_type == "m.thread" && store::relations::is_child(tx, nid, said.parent_id).await? {
        let words = "A thread cannot begin with an event that relates to another one.";
        return Err(bad("M_UNKNOWN", words).into());
    }
    Ok(())
}

/// Remembers what an event that was just written says of another one.
pub(super) async fn remember(tx: &mut Tx, tip: &Tip, draft: &Draft, position: i64) -> Result<()> {
    let Some(said) = Said::of(draft) else { return Ok(()) };
    let relation = NewRelation {
        child: position,
        room_nid: tip.room.nid,
        parent_id: said.parent_id,
        rel_type: said.rel_type,
        kind: &draft.kind.to_string(),
        sender: &draft.sender,
        key: said.key,
    };
    Ok(store::relations::insert(tx, &relation).await?)
}
