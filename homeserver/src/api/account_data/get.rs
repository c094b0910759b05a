//! `GET /_matrix/client/v3/user/{userId}/account_data/{type}` and `.../rooms/{roomId}/account_data/{type}`

use axum::extract::State;
use ruma::{
    api::client::config::{
        get_global_account_data::v3 as global, get_room_account_data::v3 as room,
    },
    push::Ruleset,
    serde::Raw,
};
use support_matrix_http::MatrixError;

use crate::{api::Authenticated, error::Result, house::SharedHouse, push::rules};

fn missing() -> MatrixError {
    MatrixError::not_found("There is no account data of this type.")
}

/// Returns account data of the account.
pub(super) async fn get_global(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: global::Request,
) -> Result<global::Response> {
    who.must_be(&request.user_id)?;
    let kind = request.event_type.to_string();
    let content = house.users.get_account_data(&who.user_id, None, &kind).await?;
    if content.is_none() && kind == rules::KIND {
        let defaults = rules::content(&Ruleset::server_default(&who.user_id))?;
        return Ok(global::Response::new(Raw::from_json(defaults)));
    }
    Ok(global::Response::new(Raw::from_json(content.ok_or_else(missing)?)))
}

/// Returns account data of a room.
pub(super) async fn get_room(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: room::Request,
) -> Result<room::Response> {
    who.must_be(&request.user_id)?;
    let kind = request.event_type.to_string();
    let room_id = Some(&*request.room_id);
    let content = house.users.get_account_data(&who.user_id, room_id, &kind).await?;
    Ok(room::Response::new(Raw::from_json(content.ok_or_else(missing)?)))
}
