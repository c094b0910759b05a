//! The profile people show in their rooms.

use ruma::{
    OwnedUserId, RoomId, UserId,
    events::{StateEventType, TimelineEventType},
};
use serde_json::Value;
use support_db::Tx;

use super::{
    append::{Appended, append_to, content, not_in_room, settle},
    tip::Tip,
};
use crate::{
    error::{Error, Result},
    events::Draft,
    house::SharedHouse,
    users::Profile,
};

/// Shows a user's current profile in one room, if it shows another. Called in the background for each room of
/// somebody whose profile changed: only the newest profile counts, so it is read here.
pub(crate) async fn refresh(house: &SharedHouse, user_id: &UserId, room_id: &RoomId) -> Result<()> {
    let profile = house.users.profile(user_id).await?;
    let now_ms = house.clock.now_ms();
    let (house, user_id, room_id) = (house.clone(), user_id.to_owned(), room_id.to_owned());
    let db = house.db.clone();
    db.write(move |tx| {
        let (house, user_id, room_id) = (house.clone(), user_id.clone(), room_id.clone());
        let profile = profile.clone();
        Box::pin(async move {
            let Some(mut tip) = Tip::take(tx, &house, &room_id).await? else { return Ok(()) };
            let result = show_profile(tx, &house, &mut tip, user_id, profile, now_ms).await;
            settle(tx, &house, tip, result).map(drop)
        })
    })
    .await
}

async fn show_profile(
    tx: &mut Tx,
    house: &SharedHouse,
    tip: &mut Tip,
    user_id: OwnedUserId,
    profile: Profile,
    now_ms: i64,
) -> Result<Appended> {
    let current = tip.state(tx, &StateEventType::RoomMember, user_id.as_str()).await?;
    let current = current.ok_or_else(|| not_in_room(&user_id))?;
    let mut shown: Value = serde_json::from_str(current.content.get()).map_err(Error::internal)?;
    if shown["membership"] != "join" {
        return Ok(Appended::Known(current.event_id.clone()));
    }
    let fields = shown.as_object_mut().ok_or_else(|| Error::internal("content is an object"))?;
    for (key, value) in [("displayname", profile.displayname), ("avatar_url", profile.avatar_url)] {
        match value {
            Some(value) => drop(fields.insert(key.to_owned(), value.into())),
            None => drop(fields.remove(key)),
        }
    }
    fields.remove("reason");
    let draft = Draft {
        sender: user_id.clone(),
        kind: TimelineEventType::RoomMember,
        state_key: Some(user_id.into()),
        content: content(shown)?,
        origin_server_ts: now_ms,
    };
    draft.check()?;
    append_to(tx, house, tip, &draft, None).await
}
