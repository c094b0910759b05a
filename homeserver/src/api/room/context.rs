//! `GET /rooms/{roomId}/context/{eventId}`

use axum::{Router, extract::State};
use ruma::{api::client::context::get_context, serde::Raw};
use support_matrix_http::route;

use crate::{
    api::Authenticated,
    error::{Error, Result},
    events::client,
    house::SharedHouse,
    rooms::{
        context,
        relations::bundle::{Bundles, Looker, Seen},
    },
    store::events::StoredEvent,
};

pub(super) fn routes() -> Router<SharedHouse> {
    route(Router::new(), get)
}

async fn get(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_context::v3::Request,
) -> Result<get_context::v3::Response> {
    let limit = usize::try_from(u64::from(request.limit)).unwrap_or(usize::MAX);
    let (room_id, event_id) = (&request.room_id, &request.event_id);
    let found = context::around(&house, &who, room_id, event_id, limit, &request.filter).await?;
    let scope = who.scope();
    let looker = Looker { user_id: &who.user_id, scope: &scope, now_ms: house.clock.now_ms() };
    let room_id = &found.room.room_id;
    let sight = &found.sight;
    let event = std::slice::from_ref(&found.event);
    let seen = [&*found.before, event, &*found.after];
    let seen = seen.map(|events| Seen { room_id, sight, events });
    let bundles = Bundles::of(&mut &house.db, looker, &seen).await?;
    let view = looker.view(room_id);
    let write = |event: &StoredEvent| {
        client::with_relations(event, &view, bundles.get(&event.event_id)).map_err(Error::internal)
    };
    let all = |events: &[StoredEvent]| -> Result<Vec<_>> {
        events.iter().map(|event| write(event).map(Raw::from_json)).collect()
    };
    let state = found.state.iter().map(|event| client::full(event, &view).map(Raw::from_json));
    let mut response = get_context::v3::Response::new();
    response.start = Some(found.start.to_string());
    response.end = Some(found.end.to_string());
    response.events_before = all(&found.before)?;
    response.events_after = all(&found.after)?;
    response.event = Some(Raw::from_json(write(&found.event)?));
    response.state = state.collect::<serde_json::Result<_>>().map_err(Error::internal)?;
    Ok(response)
}
