//! Appending: the one place where an event enters a room. It runs inside a write job, so everything that
//! follows from an event (state, memberships, its transaction id, the queues of application services) is
//! durable with it or not at all.

use std::sync::Arc;

use ruma::{OwnedEventId, OwnedUserId, RoomId, UserId, events::TimelineEventType};
use sha2::{Digest, Sha256};
use support_db::Tx;
use support_matrix_http::MatrixError;

use super::{
    auth::{self, AuthEvents},
    directory, redact, relations, search,
    tip::Tip,
};
use crate::{
    appservice::EventFacts,
    error::{Error, Result},
    events::{Built, Draft, EventError, Place, build, canonical_value},
    house::SharedHouse,
    push,
    store::{
        self,
        events::{NewEvent, Txn},
    },
};

/// What became of a draft.
#[derive(Debug, Clone)]
pub(crate) enum Appended {
    /// A new event.
    New(OwnedEventId),
    /// An event that was there before: the same transaction id, or the same state again.
    Known(OwnedEventId),
}

impl Appended {
    pub(crate) fn into_event_id(self) -> OwnedEventId {
        match self {
            Self::New(event_id) | Self::Known(event_id) => event_id,
        }
    }
}

/// Hashes what makes a transaction id one: who (see `Requester::scope`), where, which path, which id.
pub(crate) fn txn(scope: &str, room_id: &RoomId, path: &str, id: &str) -> Txn {
    let mut hash = Sha256::new();
    for part in [scope, room_id.as_str(), path, id] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut key = [0; 16];
    key.copy_from_slice(&hash.finalize()[..16]);
    Txn { id: id.to_owned(), key }
}

/// Appends one event to a room that exists.
pub(crate) async fn append(
    tx: &mut Tx,
    house: &SharedHouse,
    room_id: &RoomId,
    draft: &Draft,
    txn: Option<&Txn>,
) -> Result<Appended> {
    let Some(mut tip) = Tip::take(tx, house, room_id).await? else {
        return known_or(tx, txn, not_in_room(&draft.sender)).await;
    };
    let appended = append_to(tx, house, &mut tip, draft, txn).await;
    match settle(tx, house, tip, appended) {
        Err(Error::Matrix(error)) => known_or(tx, txn, error).await,
        settled => settled,
    }
}

/// Gives a tip back after [`append_to`], or after a refusal before it.
pub(crate) fn settle(
    tx: &mut Tx,
    house: &SharedHouse,
    tip: Tip,
    appended: Result<Appended>,
) -> Result<Appended> {
    match &appended {
        Ok(Appended::New(_)) => tip.put_forward(tx, house),
        Ok(Appended::Known(_)) | Err(Error::Matrix(_)) => tip.put_back(house),
        // The tip may be half moved: it is read again.
        Err(_) => {}
    }
    appended
}

/// Appends one event to a tip in hand. After an error other than [`Error::Matrix`] the tip must not be used.
pub(crate) async fn append_to(
    tx: &mut Tx,
    house: &SharedHouse,
    tip: &mut Tip,
    draft: &Draft,
    txn: Option<&Txn>,
) -> Result<Appended> {
    tip.trim();
    let replaces = match &draft.state_key {
        Some(state_key) => tip.state(tx, &draft.kind.to_string().into(), state_key).await?,
        None => None,
    };
    if let Some(current) = &replaces
        && current.sender == draft.sender
        && serde_json::from_str::<ruma::CanonicalJsonObject>(current.content.get())
            .is_ok_and(|content| content == draft.content)
    {
        return Ok(Appended::Known(current.event_id.clone()));
    }
    relations::check(tx, tip, draft).await?;
    let built = build_allowed(tx, house, tip, draft).await?;
    let redaction = redact::prepare(tx, tip, draft).await?;
    push::audience::ensure(tx, tip).await?;
    let replaces = replaces.map(|event| event.position);
    let Some(position) = write(tx, tip, draft, &built, replaces, txn).await? else {
        // Only here, because a repeated transaction id is rare: nothing was written and nothing moved.
        let key = &txn.expect("only a transaction id can be known").key;
        let known = store::events::by_txn(tx, key).await?;
        return known.map(Appended::Known).ok_or_else(|| Error::internal("a lost transaction id"));
    };
    search::learn(tx, tip, draft, position).await?;
    relations::remember(tx, tip, draft, position).await?;
    if let Some(redaction) = redaction {
        redaction.apply(tx, tip, position).await?;
    }
    push::note(tx, house, tip, &built.pdu, position).await?;
    announce(tx, house, tip, &built, position).await?;
    Ok(Appended::New(built.pdu.event_id))
}

async fn build_allowed(
    tx: &mut Tx,
    house: &SharedHouse,
    tip: &mut Tip,
    draft: &Draft,
) -> Result<Built> {
    let content = serde_json::value::to_raw_value(&draft.content).map_err(Error::internal)?;
    let auth = AuthEvents::select(tx, tip, draft, &content).await?;
    let prev_events: Vec<_> = tip.newest.iter().cloned().collect();
    let is_create = draft.kind == TimelineEventType::RoomCreate;
    let makes_room_id = is_create && !tip.rules.event_format.require_room_create_room_id;
    let place = Place {
        room_id: (!makes_room_id).then_some(&*tip.room.room_id),
        prev_events: &prev_events,
        auth_events: &auth.ids(),
        depth: tip.depth + 1,
    };
    let built = build(draft, &place, &tip.rules, &house.server_name, house.keys.pair())?;
    auth::check(tip, &auth, &built.pdu)?;
    Ok(built)
}

/// Writes the event and the state that follows from it, and moves the tip. `None` means that the transaction
/// id is known.
async fn write(
    tx: &mut Tx,
    tip: &mut Tip,
    draft: &Draft,
    built: &Built,
    replaces: Option<i64>,
    txn: Option<&Txn>,
) -> Result<Option<i64>> {
    let position = match tip.newest {
        Some(_) => tx.next_position("events"),
        // The create event's position was taken to number the room.
        None => tip.room.nid,
    };
    let kind = draft.kind.to_string();
    let membership = membership_of(draft);
    let event = NewEvent {
        position,
        event_id: &built.pdu.event_id,
        room_nid: tip.room.nid,
        kind: &kind,
        state_key: draft.state_key.as_deref(),
        sender: draft.sender.as_str(),
        depth: tip.depth + 1,
        origin_server_ts: draft.origin_server_ts,
        state_group: match (&draft.state_key, tip.group) {
            (None, Some(group)) => group.id,
            _ => position,
        },
        replaces,
        membership,
        txn,
        json: &built.json,
    };
    if !store::events::insert(tx, &event).await? {
        return Ok(None);
    }
    tip.newest = Some(built.pdu.event_id.clone());
    tip.depth += 1;
    if let Some(state_key) = &draft.state_key {
        let nid = tip.room.nid;
        store::state::set_current(tx, nid, &kind, state_key, position).await?;
        let is_new_key = replaces.is_none();
        let group =
            store::state::add_group(tx, nid, tip.group, &kind, state_key, position, is_new_key)
                .await?;
        tip.group = Some(group);
        if let Some(membership) = membership {
            set_membership(tx, tip, state_key, membership, position).await?;
        }
        let mut pdu = built.pdu.clone();
        pdu.position = position;
        tip.set_state((kind, state_key.clone()), Arc::new(pdu));
        directory::keep_open(tx, tip, draft).await?;
    }
    Ok(Some(position))
}

async fn set_membership(
    tx: &mut Tx,
    tip: &mut Tip,
    user_id: &str,
    membership: &str,
    position: i64,
) -> Result<()> {
    let before = tip
        .known_state(&"m.room.member".into(), user_id)
        .and_then(|event| event.content_str("membership"));
    let before = before.as_deref();
    store::memberships::set(tx, user_id, tip.room.nid, membership, position).await?;
    let change = |what: &str| i64::from(membership == what) - i64::from(before == Some(what));
    let (joined, invited) = (change("join"), change("invite"));
    if (joined, invited) != (0, 0) {
        store::rooms::count(tx, tip.room.nid, joined, invited).await?;
        tip.room.joined_count += joined;
        tip.room.invited_count += invited;
    }
    Ok(())
}

/// Tells everybody who waits: application services in their queues now, long polls once it is durable.
async fn announce(
    tx: &mut Tx,
    house: &SharedHouse,
    tip: &Tip,
    built: &Built,
    position: i64,
) -> Result<()> {
    let event = &built.pdu;
    let kind = event.kind.to_string();
    let member = (kind == "m.room.member").then(|| event.content_str("membership")).flatten();
    let facts = EventFacts {
        position,
        room_id: &tip.room.room_id,
        sender: &event.sender,
        kind: &kind,
        state_key: event.state_key.as_deref(),
        membership: member.as_deref(),
        told: None,
    };
    house.appservices.enqueue(tx, &facts).await?;
    let target = member.is_some().then(|| event.state_key.clone()).flatten();
    let target: Option<OwnedUserId> = target.and_then(|user| UserId::parse(user).ok());
    let (house, room_nid) = (Arc::clone(house), tip.room.nid);
    let has_joined = member.as_deref() == Some("join");
    tx.after_commit(move || {
        if has_joined && let Some(target) = &target {
            house.presence.met(target);
        }
        house.sync.wake_room(room_nid, target.as_deref());
    });
    Ok(())
}

fn membership_of(draft: &Draft) -> Option<&str> {
    if draft.kind != TimelineEventType::RoomMember || draft.state_key.is_none() {
        return None;
    }
    draft.content.get("membership")?.as_str()
}

/// Answers a refused draft: if its transaction id was used before, with what came of it then.
async fn known_or(tx: &mut Tx, txn: Option<&Txn>, error: MatrixError) -> Result<Appended> {
    if let Some(txn) = txn
        && let Some(event_id) = store::events::by_txn(tx, &txn.key).await?
    {
        return Ok(Appended::Known(event_id));
    }
    Err(error.into())
}

/// What somebody hears who is not in the room, whether it exists or not.
pub(crate) fn not_in_room(user_id: &UserId) -> MatrixError {
    MatrixError::forbidden(format!("{user_id} is not in this room."))
}

impl From<EventError> for Error {
    fn from(error: EventError) -> Self {
        match error {
            EventError::TooLarge(words) => {
                let mut error = MatrixError::too_large();
                error.message = words;
                error.into()
            }
            EventError::BadJson(words) => MatrixError::bad_json(words).into(),
        }
    }
}

/// Makes canonical content of a value of ours.
pub(crate) fn content(value: serde_json::Value) -> Result<ruma::CanonicalJsonObject> {
    match canonical_value(value)? {
        ruma::CanonicalJsonValue::Object(object) => Ok(object),
        _ => Err(Error::internal("content is an object")),
    }
}
