//! Typing, receipts and read markers. The fully-read marker is kept, as account data of the room. Who types
//! and who has read how far is accepted and not passed on yet: nothing is promised about either.

use axum::{Router, extract::State};
use ruma::{
    EventId, RoomId,
    api::client::{
        read_marker::set_read_marker,
        receipt::create_receipt::{self, v3::ReceiptType},
        typing::create_typing_event,
    },
};
use serde_json::{json, value::to_raw_value};
use support_matrix_http::{MatrixError, route};

use crate::{
    api::Authenticated,
    error::{Error, Result},
    house::SharedHouse,
    requester::Requester,
    rooms::read,
};

pub(super) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), typing);
    let router = route(router, receipt);
    route(router, read_marker)
}

async fn typing(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: create_typing_event::v3::Request,
) -> Result<create_typing_event::v3::Response> {
    if request.user_id != who.user_id {
        return Err(MatrixError::forbidden("You can only type yourself.").into());
    }
    read::check_joined(&house, &who.user_id, &request.room_id).await?;
    Ok(create_typing_event::v3::Response::new())
}

async fn receipt(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: create_receipt::v3::Request,
) -> Result<create_receipt::v3::Response> {
    match request.receipt_type {
        ReceiptType::FullyRead => {
            read::check_joined(&house, &who.user_id, &request.room_id).await?;
            set_fully_read(&house, &who, &request.room_id, &request.event_id).await?;
        }
        ReceiptType::Read | ReceiptType::ReadPrivate => {
            read::check_joined(&house, &who.user_id, &request.room_id).await?;
        }
        _ => return Err(MatrixError::invalid_param("There is no such kind of receipt.").into()),
    }
    Ok(create_receipt::v3::Response::new())
}

async fn read_marker(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: set_read_marker::v3::Request,
) -> Result<set_read_marker::v3::Response> {
    read::check_joined(&house, &who.user_id, &request.room_id).await?;
    if let Some(event_id) = &request.fully_read {
        set_fully_read(&house, &who, &request.room_id, event_id).await?;
    }
    Ok(set_read_marker::v3::Response::new())
}

async fn set_fully_read(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    event_id: &EventId,
) -> Result<()> {
    let content = to_raw_value(&json!({ "event_id": event_id })).map_err(Error::internal)?;
    let (shared, user_id) = (house.clone(), who.user_id.clone());
    let wake = move || shared.sync.wake_user(&user_id);
    house.users.put_account_data(&who.user_id, Some(room_id), "m.fully_read", content, wake).await
}
