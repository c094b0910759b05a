//! `GET /v1/room_summary/{roomIdOrAlias}`

use axum::{Router, extract::State};
use ruma::{
    api::client::room::get_summary::v1::{Request, Response},
    events::room::member::MembershipState,
};
use support_matrix_http::{MatrixError, route};

use super::membership::find;
use crate::{
    api::auth::Perhaps, error::Result, house::SharedHouse, rooms::summary::Summary, store,
};

pub(super) fn routes() -> Router<SharedHouse> {
    route(Router::new(), get_summary)
}

async fn get_summary(
    State(house): State<SharedHouse>,
    Perhaps(who): Perhaps,
    request: Request,
) -> Result<Response> {
    let not_found = || MatrixError::not_found("There is no such room, or you may not see it.");
    let room_id = find(&house, request.room_id_or_alias).await?;
    let mut db = &house.db;
    let room = store::rooms::by_id(&mut db, &room_id).await?.ok_or_else(not_found)?;
    let summary = Summary::of(&mut db, room).await?;
    let user_id = who.as_ref().map(|who| &*who.user_id);
    if !summary.may_be_seen(&mut db, user_id).await? {
        return Err(not_found().into());
    }
    let membership = match user_id {
        None => None,
        Some(user_id) => {
            let own = store::memberships::of_user_in(&mut db, user_id, summary.room.nid).await?;
            Some(own.map_or(MembershipState::Leave, |own| own.membership.into()))
        }
    };
    let mut response = Response::new(summary.told);
    response.membership = membership;
    Ok(response)
}
