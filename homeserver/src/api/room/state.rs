//! `/rooms/{roomId}/state` and `/rooms/{roomId}/state/{eventType}/{stateKey}`

use axum::{Router, extract::State};
use ruma::{
    api::client::state::{
        get_state_event_for_key::{self, v3::StateEventFormat},
        get_state_events, send_state_event,
    },
    serde::Raw,
};
use support_matrix_http::{MatrixError, route};

use crate::{
    api::{
        Authenticated,
        paced::{Messages, Paced},
    },
    error::{Error, Result},
    events::client::{self, View},
    house::SharedHouse,
    rooms::{read::Access, send},
};

pub(super) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), send_state);
    let router = route(router, get_one);
    route(router, get_all)
}

async fn send_state(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Messages>,
    request: send_state_event::v3::Request,
) -> Result<send_state_event::v3::Response> {
    let time = send::time(&house, &who, request.timestamp);
    let (room_id, kind, state_key) = (&request.room_id, &request.event_type, request.state_key);
    let content = request.body.json();
    let event_id = send::state(&house, &who, room_id, kind, state_key, content, time).await?;
    Ok(send_state_event::v3::Response::new(event_id))
}

async fn get_one(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_state_event_for_key::v3::Request,
) -> Result<get_state_event_for_key::v3::Response> {
    let whole = match request.format {
        StateEventFormat::Event => true,
        StateEventFormat::Content => false,
        _ => return Err(MatrixError::invalid_param("`format` is `content` or `event`.").into()),
    };
    let mut db = &house.db;
    let access = Access::of(&mut db, &request.room_id, &who.user_id).await?;
    let kind = request.event_type.to_string();
    let event = access.state_event(&mut db, &kind, &request.state_key).await?;
    let event = event.ok_or_else(|| MatrixError::not_found("There is no such state."))?;
    let json = if whole {
        client::full(&event, &view(&request.room_id, house.clock.now_ms()))
    } else {
        client::content(&event)
    };
    Ok(get_state_event_for_key::v3::Response::new(json.map_err(Error::internal)?))
}

async fn get_all(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_state_events::v3::Request,
) -> Result<get_state_events::v3::Response> {
    let mut db = &house.db;
    let access = Access::of(&mut db, &request.room_id, &who.user_id).await?;
    let view = view(&request.room_id, house.clock.now_ms());
    let state = access.state(&mut db).await?;
    let state = state.iter().map(|event| client::full(event, &view).map(Raw::from_json));
    let state = state.collect::<serde_json::Result<_>>().map_err(Error::internal)?;
    Ok(get_state_events::v3::Response::new(state))
}

fn view(room_id: &ruma::RoomId, now_ms: i64) -> View<'_> {
    View { room_id, with_room_id: true, now_ms, viewer: None }
}
