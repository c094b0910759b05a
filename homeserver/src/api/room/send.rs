//! `PUT /rooms/{roomId}/send/{eventType}/{txnId}` and `PUT /rooms/{roomId}/redact/{eventId}/{txnId}`

use axum::{Router, extract::State};
use ruma::api::client::{message::send_message_event, redact::redact_event};
use support_matrix_http::route;

use crate::{
    api::paced::{Messages, Paced},
    error::Result,
    house::SharedHouse,
    rooms::{redact, send},
    users::check_opaque,
};

pub(super) fn routes() -> Router<SharedHouse> {
    route(route(Router::new(), send_message), redact_event)
}

async fn send_message(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Messages>,
    request: send_message_event::v3::Request,
) -> Result<send_message_event::v3::Response> {
    check_opaque("transaction id", request.txn_id.as_str())?;
    let time = send::time(&house, &who, request.timestamp);
    let kind = request.event_type.to_string().into();
    let txn_id = request.txn_id.as_str();
    let content = request.body.json();
    let event_id =
        send::message(&house, &who, &request.room_id, kind, txn_id, content, time).await?;
    Ok(send_message_event::v3::Response::new(event_id))
}

async fn redact_event(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Messages>,
    request: redact_event::v3::Request,
) -> Result<redact_event::v3::Response> {
    let txn_id = request.txn_id.as_str();
    check_opaque("transaction id", txn_id)?;
    let (room_id, target) = (&request.room_id, &request.event_id);
    let appended = redact::redact(&house, &who, room_id, target, txn_id, request.reason).await?;
    Ok(redact_event::v3::Response::new(appended.into_event_id()))
}
