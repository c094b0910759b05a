//! Restricted rooms: who is in one of the rooms they name may join, vouched for by a member who may invite.

use std::collections::HashSet;

use ruma::{OwnedUserId, RoomId, UserId, events::StateEventType};
use serde::Deserialize;
use support_db::Tx;
use support_matrix_http::MatrixError;

use super::{
    power::{self, Action},
    tip::Tip,
};
use crate::{
    error::Result,
    house::House,
    store::{self, Reader},
};

/// Who may come in.
#[derive(Debug, Deserialize)]
pub(super) struct JoinRules {
    pub(super) join_rule: String,
    #[serde(default)]
    allow: Vec<Allow>,
}

impl JoinRules {
    /// Returns the rooms whose members may come in.
    pub(super) fn rooms(&self) -> impl Iterator<Item = &RoomId> + Send {
        let allow = self.allow.iter().filter(|allow| allow.kind == "m.room_membership");
        allow.filter_map(|allow| <&RoomId>::try_from(allow.room_id.as_deref()?).ok())
    }
}

#[derive(Debug, Deserialize)]
struct Allow {
    #[serde(rename = "type")]
    kind: String,
    room_id: Option<String>,
}

/// Returns who vouches for somebody who wants to join, `None` where nobody has to.
pub(crate) async fn authoriser(
    tx: &mut Tx,
    house: &House,
    tip: &mut Tip,
    user_id: &UserId,
) -> Result<Option<OwnedUserId>> {
    let Some(rules) = tip.state(tx, &StateEventType::RoomJoinRules, "").await? else {
        return Ok(None);
    };
    let Ok(rules) = serde_json::from_str::<JoinRules>(rules.content.get()) else {
        return Ok(None);
    };
    if !matches!(rules.join_rule.as_str(), "restricted" | "knock_restricted") {
        return Ok(None);
    }
    let before = membership(tx, tip, user_id).await?;
    if matches!(before.as_deref(), Some("join" | "invite")) {
        return Ok(None);
    }
    if !is_in_one_of(tx, user_id, rules.rooms()).await? {
        let words =
            "This room is open to members of certain other rooms, and you are in none of them.";
        return Err(MatrixError::forbidden(words).into());
    }
    let mut candidates = power::named(tx, tip).await?;
    // Whom the power levels do not name has the power of everybody: where that is enough, any member will do.
    let named: HashSet<OwnedUserId> = candidates.iter().cloned().collect();
    let others = store::memberships::longest_joined(tx, tip.room.nid, named.len() + 1).await?;
    candidates.extend(others.into_iter().filter(|other| !named.contains(other)));
    for candidate in candidates {
        if candidate.server_name() == house.server_name
            && membership(tx, tip, &candidate).await?.as_deref() == Some("join")
            && power::may(tx, tip, &candidate, Action::Invite).await?
        {
            return Ok(Some(candidate));
        }
    }
    Err(MatrixError::forbidden("Nobody in this room may let you in.").into())
}

async fn membership(tx: &mut Tx, tip: &mut Tip, user_id: &UserId) -> Result<Option<String>> {
    let member = tip.state(tx, &StateEventType::RoomMember, user_id.as_str()).await?;
    Ok(member.and_then(|event| event.content_str("membership")))
}

/// Returns whether a user is in one of some rooms.
pub(super) async fn is_in_one_of<'a>(
    db: &mut impl Reader,
    user_id: &UserId,
    rooms: impl Iterator<Item = &'a RoomId> + Send,
) -> Result<bool> {
    for room_id in rooms {
        let Some(room) = store::rooms::by_id(db, room_id).await? else { continue };
        let membership = store::memberships::of_user_in(db, user_id, room.nid).await?;
        if membership.is_some_and(|membership| membership.membership == "join") {
            return Ok(true);
        }
    }
    Ok(false)
}
