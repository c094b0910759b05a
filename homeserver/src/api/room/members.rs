//! `/rooms/{roomId}/members`, `/rooms/{roomId}/joined_members`, `/joined_rooms` and `/rooms/{roomId}/aliases`

use std::collections::BTreeMap;

use axum::{Router, extract::State};
use ruma::{
    RoomAliasId, UserId,
    api::client::{
        membership::{get_member_events, joined_members, joined_rooms},
        room::aliases,
    },
    events::room::member::MembershipState,
    serde::Raw,
};
use serde::Deserialize;
use support_matrix_http::{MatrixError, route};

use crate::{
    api::Authenticated,
    error::{Error, Result},
    events::client::{self, View},
    house::SharedHouse,
    rooms::{
        read::{self, Access},
        token::Token,
    },
    store::{self, events::StoredEvent},
};

const MEMBERSHIPS: [&str; 5] = ["invite", "join", "knock", "leave", "ban"];

pub(super) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), members);
    let router = route(router, joined);
    let router = route(router, rooms);
    route(router, aliases)
}

async fn members(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_member_events::v3::Request,
) -> Result<get_member_events::v3::Response> {
    let named = [&request.membership, &request.not_membership];
    if named.into_iter().flatten().any(|named| !MEMBERSHIPS.contains(&named.as_str())) {
        return Err(MatrixError::invalid_param("There is no such membership.").into());
    }
    let at = request.at.as_deref().map(Token::parse).transpose()?;
    let mut db = &house.db;
    let access = Access::of(&mut db, &request.room_id, &who.user_id).await?;
    let events = access.members(&mut db, at).await?;
    let now_ms = house.clock.now_ms();
    let view = View { room_id: &request.room_id, with_room_id: true, now_ms, viewer: None };
    let is = |event: &StoredEvent, wanted: &MembershipState| {
        event.membership.as_deref() == Some(wanted.as_str())
    };
    let chunk = events
        .iter()
        .filter(|event| request.membership.as_ref().is_none_or(|wanted| is(event, wanted)))
        .filter(|event| !request.not_membership.as_ref().is_some_and(|not| is(event, not)))
        .map(|event| client::full(event, &view).map(Raw::from_json))
        .collect::<serde_json::Result<_>>()
        .map_err(Error::internal)?;
    Ok(get_member_events::v3::Response::new(chunk))
}

async fn joined(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: joined_members::v3::Request,
) -> Result<joined_members::v3::Response> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(default)]
        displayname: Option<String>,
        #[serde(default)]
        avatar_url: Option<String>,
    }
    let room = read::check_joined(&house, &who.user_id, &request.room_id).await?;
    let events = store::state::current_of_type(&mut &house.db, room.nid, "m.room.member").await?;
    let mut joined = BTreeMap::new();
    for event in events.iter().filter(|event| event.membership.as_deref() == Some("join")) {
        let content = client::content(event).map_err(Error::internal)?;
        let mut member = joined_members::v3::RoomMember::new();
        if let Ok(content) = serde_json::from_str::<Content>(content.get()) {
            member.display_name = content.displayname;
            member.avatar_url = content.avatar_url.map(Into::into);
        }
        if let Ok(user_id) = UserId::parse(event.state_key.as_deref().unwrap_or_default()) {
            joined.insert(user_id, member);
        }
    }
    Ok(joined_members::v3::Response::new(joined))
}

async fn rooms(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    _request: joined_rooms::v3::Request,
) -> Result<joined_rooms::v3::Response> {
    Ok(joined_rooms::v3::Response::new(read::joined_rooms(&house, &who.user_id).await?))
}

async fn aliases(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: aliases::v3::Request,
) -> Result<aliases::v3::Response> {
    let mut db = &house.db;
    Access::of(&mut db, &request.room_id, &who.user_id).await?;
    let names = store::aliases::of_room(&mut db, &request.room_id).await?;
    let names = names.into_iter().filter_map(|name| RoomAliasId::parse(name).ok());
    Ok(aliases::v3::Response::new(names.collect()))
}
