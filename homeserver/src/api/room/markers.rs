//! Typing, receipts and read markers. The fully-read marker is kept as account data of the room.

use axum::{Router, extract::State};
use ruma::{
    EventId, RoomId,
    api::client::{
        read_marker::set_read_marker,
        receipt::create_receipt::{self, v3::ReceiptType},
        typing::create_typing_event::{self, v3::Typing},
    },
};
use serde_json::{json, value::to_raw_value};
use support_matrix_http::{MatrixError, route};

use crate::{
    api::paced::{Paced, Signals},
    error::{Error, Result},
    house::SharedHouse,
    presence,
    requester::Requester,
    rooms::{
        read,
        receipts::{self, Audience},
        typing,
    },
    users::check_opaque,
};

pub(super) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), set_typing);
    let router = route(router, receipt);
    route(router, read_marker)
}

async fn set_typing(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: create_typing_event::v3::Request,
) -> Result<create_typing_event::v3::Response> {
    if request.user_id != who.user_id {
        return Err(MatrixError::forbidden("You can only type yourself.").into());
    }
    let lasts = match request.state {
        Typing::Yes(info) => Some(info.timeout),
        Typing::No => None,
    };
    typing::set(&house, &who, &request.room_id, lasts).await?;
    presence::acted(&house, &who);
    Ok(create_typing_event::v3::Response::new())
}

async fn receipt(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: create_receipt::v3::Request,
) -> Result<create_receipt::v3::Response> {
    match request.receipt_type {
        ReceiptType::FullyRead => {
            if request.thread.as_str().is_some() {
                let words = "`m.fully_read` is for the whole room, not for a thread.";
                return Err(MatrixError::invalid_param(words).into());
            }
            read::check_joined(&house, &who.user_id, &request.room_id).await?;
            set_fully_read(&house, &who, &request.room_id, &request.event_id).await?;
        }
        ReceiptType::Read | ReceiptType::ReadPrivate => {
            let thread = request.thread.as_str().unwrap_or_default();
            check_opaque("thread's id", thread)?;
            if request.thread.as_str().is_some_and(str::is_empty) {
                return Err(MatrixError::invalid_param("The thread's id is empty.").into());
            }
            let audience = match request.receipt_type {
                ReceiptType::Read => Audience::Room,
                _ => Audience::Reader,
            };
            let (room_id, event_id) = (&request.room_id, &request.event_id);
            receipts::set(&house, &who, room_id, event_id, audience, thread).await?;
        }
        _ => return Err(MatrixError::invalid_param("There is no such kind of receipt.").into()),
    }
    presence::acted(&house, &who);
    Ok(create_receipt::v3::Response::new())
}

async fn read_marker(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: set_read_marker::v3::Request,
) -> Result<set_read_marker::v3::Response> {
    read::check_joined(&house, &who.user_id, &request.room_id).await?;
    if let Some(event_id) = &request.fully_read {
        set_fully_read(&house, &who, &request.room_id, event_id).await?;
    }
    let receipts = [
        (&request.read_receipt, Audience::Room),
        (&request.private_read_receipt, Audience::Reader),
    ];
    for (event_id, audience) in receipts {
        if let Some(event_id) = event_id {
            receipts::set(&house, &who, &request.room_id, event_id, audience, "").await?;
        }
    }
    presence::acted(&house, &who);
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
