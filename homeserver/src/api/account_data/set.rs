//! `PUT /_matrix/client/v3/user/{userId}/account_data/{type}` and `.../rooms/{roomId}/account_data/{type}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use ruma::{
    RoomId,
    api::client::config::{
        set_global_account_data::v3 as global, set_room_account_data::v3 as room,
    },
};
use serde_json::value::RawValue;
use support_matrix_http::MatrixError;

use crate::{
    api::paced::{Paced, Signals},
    error::Result,
    house::SharedHouse,
    requester::Requester,
    users::check_opaque,
};

/// Kinds that other endpoints look after.
const OURS: &[&str] = &["m.fully_read", "m.push_rules"];

/// Writes account data of the account.
pub(super) async fn set_global(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: global::Request,
) -> Result<global::Response> {
    who.must_be(&request.user_id)?;
    let kind = request.event_type.to_string();
    set(&house, &who, None, &kind, request.data.into_json()).await?;
    Ok(global::Response::new())
}

/// Writes account data of a room.
pub(super) async fn set_room(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: room::Request,
) -> Result<room::Response> {
    who.must_be(&request.user_id)?;
    let kind = request.event_type.to_string();
    set(&house, &who, Some(&request.room_id), &kind, request.data.into_json()).await?;
    Ok(room::Response::new())
}

async fn set(
    house: &SharedHouse,
    who: &Requester,
    room_id: Option<&RoomId>,
    kind: &str,
    content: Box<RawValue>,
) -> Result<()> {
    check_opaque("type", kind)?;
    if OURS.contains(&kind) {
        return Err(MatrixError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "M_BAD_JSON",
            "The server writes this account data itself.",
        )
        .into());
    }
    if !content.get().trim_start().starts_with('{') {
        return Err(MatrixError::bad_json("Account data has to be an object.").into());
    }
    let (waiters, user_id) = (Arc::clone(house), who.user_id.clone());
    let wake = move || waiters.sync.wake_user(&user_id);
    house.users.put_account_data(&who.user_id, room_id, kind, content, wake).await
}
