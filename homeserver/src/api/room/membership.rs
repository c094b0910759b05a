//! Who comes and who goes: join, knock, leave, forget, invite, kick, ban, unban.

use axum::{Router, extract::State};
use ruma::{
    OwnedRoomAliasId, OwnedRoomId, OwnedRoomOrAliasId, RoomId, UserId,
    api::client::{
        knock::knock_room,
        membership::{
            ban_user, forget_room, invite_user, join_room_by_id, join_room_by_id_or_alias,
            kick_user, leave_room, unban_user,
        },
    },
};
use support_matrix_http::{MatrixError, route};

use crate::{
    api::{
        Authenticated,
        paced::{Invites, Joins, Messages, Paced},
    },
    error::Result,
    house::SharedHouse,
    requester::Requester,
    rooms::{
        aliases,
        membership::{self, Change},
    },
};

pub(super) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), join);
    let router = route(router, join_by_id_or_alias);
    let router = route(router, knock);
    let router = route(router, leave);
    let router = route(router, forget);
    let router = route(router, invite);
    let router = route(router, kick);
    let router = route(router, ban);
    route(router, unban)
}

async fn join(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Joins>,
    request: join_room_by_id::v3::Request,
) -> Result<join_room_by_id::v3::Response> {
    change_own(&house, &who, &request.room_id, Change::Join, request.reason).await?;
    Ok(join_room_by_id::v3::Response::new(request.room_id))
}

async fn join_by_id_or_alias(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Joins>,
    request: join_room_by_id_or_alias::v3::Request,
) -> Result<join_room_by_id_or_alias::v3::Response> {
    let room_id = find(&house, request.room_id_or_alias).await?;
    change_own(&house, &who, &room_id, Change::Join, request.reason).await?;
    Ok(join_room_by_id_or_alias::v3::Response::new(room_id))
}

/// Of the servers to ask (`via`) this one is the only one.
async fn knock(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Joins>,
    request: knock_room::v3::Request,
) -> Result<knock_room::v3::Response> {
    let room_id = find(&house, request.room_id_or_alias).await?;
    change_own(&house, &who, &room_id, Change::Knock, request.reason).await?;
    Ok(knock_room::v3::Response::new(room_id))
}

async fn leave(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Messages>,
    request: leave_room::v3::Request,
) -> Result<leave_room::v3::Response> {
    change_own(&house, &who, &request.room_id, Change::Leave, request.reason).await?;
    Ok(leave_room::v3::Response::new())
}

async fn forget(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: forget_room::v3::Request,
) -> Result<forget_room::v3::Response> {
    membership::forget(&house, &who.user_id, &request.room_id).await?;
    Ok(forget_room::v3::Response::new())
}

async fn invite(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Invites>,
    request: invite_user::v3::Request,
) -> Result<invite_user::v3::Response> {
    let invite_user::v3::InvitationRecipient::UserId(recipient) = request.recipient else {
        let words = "Invitations by e-mail or telephone number need an identity server.";
        return Err(MatrixError::forbidden(words).into());
    };
    let (target, reason) = (&recipient.user_id, recipient.reason);
    change(&house, &who, &request.room_id, target, Change::Invite, reason).await?;
    Ok(invite_user::v3::Response::new())
}

async fn kick(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Messages>,
    request: kick_user::v3::Request,
) -> Result<kick_user::v3::Response> {
    change(&house, &who, &request.room_id, &request.user_id, Change::Kick, request.reason).await?;
    Ok(kick_user::v3::Response::new())
}

async fn ban(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Messages>,
    request: ban_user::v3::Request,
) -> Result<ban_user::v3::Response> {
    change(&house, &who, &request.room_id, &request.user_id, Change::Ban, request.reason).await?;
    Ok(ban_user::v3::Response::new())
}

async fn unban(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Messages>,
    request: unban_user::v3::Request,
) -> Result<unban_user::v3::Response> {
    change(&house, &who, &request.room_id, &request.user_id, Change::Unban, request.reason).await?;
    Ok(unban_user::v3::Response::new())
}

async fn change_own(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    step: Change,
    reason: Option<String>,
) -> Result<()> {
    change(house, who, room_id, &who.user_id, step, reason).await
}

async fn change(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    target: &UserId,
    step: Change,
    reason: Option<String>,
) -> Result<()> {
    membership::change(house, who, room_id, target, step, reason).await
}

/// Finds the room a path names by id or alias.
pub(super) async fn find(house: &SharedHouse, named: OwnedRoomOrAliasId) -> Result<OwnedRoomId> {
    match OwnedRoomId::try_from(named) {
        Ok(room_id) => Ok(room_id),
        Err(alias) => {
            let alias: OwnedRoomAliasId = alias;
            aliases::resolve(house, &alias).await
        }
    }
}
