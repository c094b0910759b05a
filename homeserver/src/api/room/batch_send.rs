//! `POST /unstable/com.beeper.backfill/rooms/{roomId}/batch_send`, as bridges of the mautrix family ask it where
//! `/versions` names `com.beeper.batch_sending`.

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::post,
};
use bytes::Bytes;
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use support_matrix_http::MatrixError;

use crate::{
    api::paced::{Messages, Paced},
    error::Result,
    events::{Draft, canonical_object},
    house::SharedHouse,
    rooms::history::{self, Batch, Given},
};

const PATH: &str = "/_matrix/client/unstable/com.beeper.backfill/rooms/{room_id}/batch_send";

pub(super) fn routes() -> Router<SharedHouse> {
    Router::new().route(PATH, post(batch_send))
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    forward: bool,
    #[serde(default)]
    forward_if_no_messages: bool,
    #[serde(default)]
    send_notification: bool,
    #[serde(default)]
    mark_read_by: Option<String>,
    events: Vec<Event>,
}

/// An event as clients see it; what else is in it is not ours to believe.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    sender: OwnedUserId,
    #[serde(default)]
    event_id: Option<String>,
    #[serde(default)]
    state_key: Option<String>,
    #[serde(default)]
    origin_server_ts: Option<i64>,
    content: Box<RawValue>,
}

async fn batch_send(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Messages>,
    Path(room_id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>> {
    let room_id = OwnedRoomId::try_from(room_id)
        .map_err(|_| MatrixError::invalid_param("This is not a room id."))?;
    serde_json::from_slice::<&RawValue>(&body).map_err(|_| MatrixError::not_json())?;
    let body: Body = serde_json::from_slice(&body)
        .map_err(|error| MatrixError::bad_json(format!("The request does not fit: {error}.")))?;
    let now = house.clock.now_ms();
    let batch = body.batch(now)?;
    let event_ids = history::insert(&house, &who, &room_id, batch).await?;
    Ok(Json(json!({ "event_ids": event_ids })))
}

impl Body {
    fn batch(self, now: i64) -> Result<Batch> {
        let mark_read_by = self.mark_read_by.filter(|user_id| !user_id.is_empty());
        let mark_read_by = mark_read_by
            .map(OwnedUserId::try_from)
            .transpose()
            .map_err(|_| MatrixError::invalid_param("`mark_read_by` is not a user id."))?;
        Ok(Batch {
            forward: self.forward,
            forward_if_no_messages: self.forward_if_no_messages,
            send_notification: self.send_notification,
            mark_read_by,
            events: self.events.into_iter().map(|event| event.given(now)).collect::<Result<_>>()?,
        })
    }
}

impl Event {
    fn given(self, now: i64) -> Result<Given> {
        let event_id = self.event_id.filter(|event_id| !event_id.is_empty());
        let event_id = event_id
            .map(OwnedEventId::try_from)
            .transpose()
            .map_err(|_| MatrixError::invalid_param("`event_id` is not an event id."))?;
        let draft = Draft {
            sender: self.sender,
            kind: self.kind.into(),
            state_key: self.state_key,
            content: canonical_object(&self.content)?,
            origin_server_ts: self.origin_server_ts.unwrap_or(now),
        };
        Ok(Given { event_id, draft })
    }
}
