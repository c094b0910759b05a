//! Who is in a room: join, knock, leave, invite, kick, ban, unban, forget.

use ruma::{
    OwnedUserId, RoomId, UserId,
    events::{StateEventType, TimelineEventType},
};
use serde_json::{Value, json};
use support_db::Tx;
use support_matrix_http::MatrixError;

use super::{
    append::{Appended, append_to, content, not_in_room, settle},
    restricted,
    tip::Tip,
    upgrade,
};
use crate::{
    error::{Error, Result},
    events::Draft,
    house::SharedHouse,
    requester::Requester,
    store,
    users::Profile,
};

/// What somebody does to a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Join,
    Knock,
    Leave,
    Invite,
    Kick,
    Ban,
    Unban,
}

impl Change {
    fn membership(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Knock => "knock",
            Self::Leave | Self::Kick | Self::Unban => "leave",
            Self::Invite => "invite",
            Self::Ban => "ban",
        }
    }
}

/// Changes a membership.
pub(crate) async fn change(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    target: &UserId,
    change: Change,
    reason: Option<String>,
) -> Result<()> {
    if change == Change::Invite {
        check_invitee(house, target).await?;
    }
    let profile = match change {
        Change::Join | Change::Knock | Change::Invite => house.users.profile(target).await?,
        _ => Profile::default(),
    };
    let step = Step {
        sender: who.user_id.clone(),
        target: target.to_owned(),
        change,
        content: member_content(change.membership(), profile, reason, false),
        now_ms: house.clock.now_ms(),
    };
    write(house, room_id, step).await
}

/// Lets a user leave a room whose account is closed, whatever he is to it.
pub(crate) async fn leave_as(
    house: &SharedHouse,
    user_id: &UserId,
    room_id: &RoomId,
) -> Result<()> {
    let step = Step {
        sender: user_id.to_owned(),
        target: user_id.to_owned(),
        change: Change::Leave,
        content: member_content("leave", Profile::default(), None, false),
        now_ms: house.clock.now_ms(),
    };
    write(house, room_id, step).await
}

async fn write(house: &SharedHouse, room_id: &RoomId, step: Step) -> Result<()> {
    let (house, room_id) = (house.clone(), room_id.to_owned());
    let db = house.db.clone();
    db.write(move |tx| {
        let (house, room_id, step) = (house.clone(), room_id.clone(), step.clone());
        Box::pin(async move { step.take(tx, &house, &room_id).await })
    })
    .await
}

/// Makes sure that an invitation reaches somebody: an account of this server, if need be one that an
/// application service makes when it is asked. Not to be called in a write job.
pub(crate) async fn check_invitee(house: &SharedHouse, target: &UserId) -> Result<()> {
    if target.server_name() != house.server_name {
        let words = format!("{target} lives on another server, and this server does not federate.");
        return Err(MatrixError::forbidden(words).into());
    }
    if house.users.exists(target).await? || house.appservices.ensure_user(target).await? {
        return Ok(());
    }
    Err(MatrixError::not_found(format!("There is no user {target} on this server.")).into())
}

/// Writes the content of a member event.
pub(crate) fn member_content(
    membership: &str,
    profile: Profile,
    reason: Option<String>,
    is_direct: bool,
) -> Value {
    let mut content = json!({ "membership": membership });
    if let Some(displayname) = profile.displayname {
        content["displayname"] = displayname.into();
    }
    if let Some(avatar_url) = profile.avatar_url {
        content["avatar_url"] = avatar_url.into();
    }
    if let Some(reason) = reason {
        content["reason"] = reason.into();
    }
    if is_direct {
        content["is_direct"] = true.into();
    }
    content
}

/// One change, as a write job carries it.
#[derive(Debug, Clone)]
struct Step {
    sender: OwnedUserId,
    target: OwnedUserId,
    change: Change,
    content: Value,
    now_ms: i64,
}

impl Step {
    async fn take(self, tx: &mut Tx, house: &SharedHouse, room_id: &RoomId) -> Result<()> {
        let Some(mut tip) = Tip::take(tx, house, room_id).await? else {
            return Err(match self.change {
                Change::Join | Change::Knock => {
                    MatrixError::not_found("There is no such room on this server.")
                }
                _ => not_in_room(&self.sender),
            }
            .into());
        };
        let result = self.append(tx, house, &mut tip).await;
        settle(tx, house, tip, result).map(drop)
    }

    async fn append(mut self, tx: &mut Tx, house: &SharedHouse, tip: &mut Tip) -> Result<Appended> {
        let target = self.target.as_str();
        let current = tip.state(tx, &StateEventType::RoomMember, target).await?;
        let before = current.as_ref().and_then(|event| event.content_str("membership"));
        let before = before.as_deref().unwrap_or("none");
        if let Some(current) = current
            && self.changes_nothing(before)
        {
            return Ok(Appended::Known(current.event_id.clone()));
        }
        self.check(before)?;
        if self.change == Change::Join
            && let Some(authoriser) = restricted::authoriser(tx, house, tip, &self.target).await?
        {
            self.content["join_authorised_via_users_server"] = authoriser.as_str().into();
        }
        let draft = Draft {
            sender: self.sender,
            kind: TimelineEventType::RoomMember,
            state_key: Some(self.target.into()),
            content: content(self.content)?,
            origin_server_ts: self.now_ms,
        };
        draft.check()?;
        let appended = append_to(tx, house, tip, &draft, None).await?;
        if self.change == Change::Join && matches!(appended, Appended::New(_)) {
            upgrade::carry_over(tx, house, tip, &draft.sender).await?;
        }
        Ok(appended)
    }

    /// Who repeats a call because the answer was lost is told that it worked.
    fn changes_nothing(&self, before: &str) -> bool {
        match self.change {
            Change::Join => before == "join",
            Change::Knock => before == "knock",
            Change::Leave => before == "leave",
            _ => false,
        }
    }

    /// What the rules would allow and still makes no sense.
    fn check(&self, before: &str) -> Result<()> {
        let target = &self.target;
        let refusal = match self.change {
            Change::Leave if before == "none" => not_in_room(target),
            Change::Kick if !matches!(before, "join" | "invite" | "knock") => not_in_room(target),
            Change::Unban if before != "ban" => {
                MatrixError::forbidden(format!("{target} is not banned from this room."))
            }
            Change::Invite if before == "join" => {
                MatrixError::forbidden(format!("{target} is in this room already."))
            }
            Change::Invite if before == "ban" => {
                MatrixError::forbidden(format!("{target} is banned from this room."))
            }
            Change::Join | Change::Knock if before == "ban" => {
                MatrixError::forbidden("You are banned from this room.")
            }
            Change::Knock if before == "join" => {
                MatrixError::forbidden("You are in this room already.")
            }
            Change::Knock if before == "invite" => {
                MatrixError::forbidden("You are invited to this room: you may join it at once.")
            }
            _ => return Ok(()),
        };
        Err(refusal.into())
    }
}

/// Forgets a room that the user has left: it is not shown again.
pub(crate) async fn forget(house: &SharedHouse, user_id: &UserId, room_id: &RoomId) -> Result<()> {
    let (user_id, room_id) = (user_id.to_owned(), room_id.to_owned());
    house
        .db
        .write(move |tx| {
            let (user_id, room_id) = (user_id.clone(), room_id.clone());
            Box::pin(async move {
                let refusal = || MatrixError::not_found("You were never in this room.");
                let room = store::rooms::by_id(tx, &room_id).await?.ok_or_else(refusal)?;
                if store::memberships::forget(tx, &user_id, room.nid).await? {
                    return Ok(());
                }
                match store::memberships::of_user_in(tx, &user_id, room.nid).await? {
                    None => Err(Error::from(refusal())),
                    Some(_) => Err(MatrixError::new(
                        http::StatusCode::BAD_REQUEST,
                        "M_UNKNOWN",
                        "Leave the room before you forget it.",
                    )
                    .into()),
                }
            })
        })
        .await
}
