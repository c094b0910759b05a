//! Sending messages and setting state.

use ruma::{
    CanonicalJsonObject, MilliSecondsSinceUnixEpoch, OwnedEventId, RoomId, UInt, UserId,
    events::{StateEventType, TimelineEventType},
};
use serde_json::value::RawValue;

use super::{
    append::{self, append},
    membership, validate,
};
use crate::{
    error::Result,
    events::{Draft, canonical_object},
    house::SharedHouse,
    requester::Requester,
    store::events::Txn,
};

/// Returns the time an event is said to be of: now, or what an application service says.
pub(crate) fn time(
    house: &SharedHouse,
    who: &Requester,
    wish: Option<MilliSecondsSinceUnixEpoch>,
) -> i64 {
    let now_ms = house.clock.now_ms();
    let now = MilliSecondsSinceUnixEpoch(UInt::try_from(now_ms).unwrap_or_default());
    i64::from(who.timestamp(wish, now).0)
}

/// Sends a message event. The same transaction id gives the same event, for good.
pub(crate) async fn message(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    kind: TimelineEventType,
    txn_id: &str,
    content: &RawValue,
    origin_server_ts: i64,
) -> Result<OwnedEventId> {
    let content = canonical_object(content)?;
    validate::message(&kind, &content)?;
    let txn = append::txn(&who.scope(), room_id, &txn_path(&kind.to_string()), txn_id);
    let sender = who.user_id.clone();
    let draft = Draft { sender, kind, state_key: None, content, origin_server_ts };
    write(house, room_id, draft, Some(txn)).await
}

/// The path that the transaction id of a message belongs to.
pub(crate) fn txn_path(kind: &str) -> String {
    format!("send/{kind}")
}

/// Sets a piece of state. Setting what is already set changes nothing.
pub(crate) async fn state(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    kind: &StateEventType,
    state_key: String,
    content: &RawValue,
    origin_server_ts: i64,
) -> Result<OwnedEventId> {
    let content = canonical_object(content)?;
    validate::state(kind, &content)?;
    match kind {
        StateEventType::RoomMember => check_member(house, &state_key, &content).await?,
        StateEventType::RoomCanonicalAlias => {
            validate::canonical_alias(house, room_id, &content).await?;
        }
        _ => {}
    }
    let draft = Draft {
        sender: who.user_id.clone(),
        kind: kind.to_string().into(),
        state_key: Some(state_key),
        content,
        origin_server_ts,
    };
    write(house, room_id, draft, None).await
}

async fn check_member(
    house: &SharedHouse,
    state_key: &str,
    content: &CanonicalJsonObject,
) -> Result<()> {
    let invites = content.get("membership").and_then(|value| value.as_str()) == Some("invite");
    match <&UserId>::try_from(state_key) {
        Ok(target) if invites => membership::check_invitee(house, target).await,
        _ => Ok(()),
    }
}

async fn write(
    house: &SharedHouse,
    room_id: &RoomId,
    draft: Draft,
    txn: Option<Txn>,
) -> Result<OwnedEventId> {
    draft.check()?;
    let work = std::sync::Arc::new((house.clone(), room_id.to_owned(), draft, txn));
    let appended = house
        .db
        .write(move |tx| {
            let work = work.clone();
            Box::pin(async move {
                let (house, room_id, draft, txn) = &*work;
                append(tx, house, room_id, draft, txn.as_ref()).await
            })
        })
        .await?;
    Ok(appended.into_event_id())
}
