//! `GET /rooms/{roomId}/messages` and `GET /rooms/{roomId}/event/{eventId}`

use axum::{Router, extract::State};
use ruma::{
    api::client::{filter::LazyLoadOptions, message::get_message_events, room::get_room_event},
    serde::Raw,
};
use support_matrix_http::route;

use crate::{
    api::Authenticated,
    error::{Error, Result},
    events::client,
    house::SharedHouse,
    rooms::{
        append::not_in_room,
        context,
        messages::{Page, page},
        read,
        relations::bundle::{self, Looker, Seen},
        token::Token,
    },
    store,
};

pub(super) fn routes() -> Router<SharedHouse> {
    route(route(Router::new(), get_messages), get_event)
}

async fn get_messages(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_message_events::v3::Request,
) -> Result<get_message_events::v3::Response> {
    let mut db = &house.db;
    let refusal = || not_in_room(&who.user_id);
    let room = store::rooms::by_id(&mut db, &request.room_id).await?.ok_or_else(refusal)?;
    read::check_may_read(&mut db, &room, &who.user_id).await?;
    let wanted = Page {
        direction: request.dir,
        from: request.from.as_deref().map(Token::parse).transpose()?,
        to: request.to.as_deref().map(Token::parse).transpose()?,
        limit: usize::try_from(u64::from(request.limit)).unwrap_or(usize::MAX),
        filter: &request.filter,
    };
    let newest = house.db.committed("events");
    let found = page(&mut db, &room, &who.user_id, &wanted, newest).await?;
    let scope = who.scope();
    let looker = Looker { user_id: &who.user_id, scope: &scope, now_ms: house.clock.now_ms() };
    let seen = Seen { room_id: &room.room_id, sight: &found.sight, events: &found.events };
    let mut response = get_message_events::v3::Response::new();
    response.start = found.start.to_string();
    response.end = found.end.map(|token| token.to_string());
    let chunk = bundle::write(&mut db, looker, seen).await?;
    response.chunk = chunk.into_iter().map(Raw::from_json).collect();
    if matches!(request.filter.lazy_load_options, LazyLoadOptions::Enabled { .. }) {
        let high = found.events.iter().map(|event| event.position).max().unwrap_or_default();
        let members = context::speakers(&mut db, &room, &found.events, high).await?;
        let view = looker.view(&room.room_id);
        let members = members.iter().map(|event| client::full(event, &view).map(Raw::from_json));
        response.state = members.collect::<serde_json::Result<_>>().map_err(Error::internal)?;
    }
    Ok(response)
}

async fn get_event(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_room_event::v3::Request,
) -> Result<get_room_event::v3::Response> {
    let (room, sight, event) =
        read::seen_event(&house, &who, &request.room_id, &request.event_id).await?;
    let scope = who.scope();
    let looker = Looker { user_id: &who.user_id, scope: &scope, now_ms: house.clock.now_ms() };
    let seen = Seen { room_id: &room.room_id, sight: &sight, events: &[event] };
    let json = bundle::write(&mut &house.db, looker, seen).await?.pop();
    let json = json.ok_or_else(|| Error::internal("an event that is not written"))?;
    Ok(get_room_event::v3::Response::new(Raw::from_json(json)))
}
