//! `GET /rooms/{roomId}/messages`, `GET /rooms/{roomId}/event/{eventId}` and `GET /rooms/{roomId}/context/{eventId}`

use std::collections::BTreeSet;

use axum::{Router, extract::State};
use ruma::{
    api::{
        Direction,
        client::{
            context::get_context, filter::LazyLoadOptions, message::get_message_events,
            room::get_room_event,
        },
    },
    serde::Raw,
};
use support_matrix_http::route;

use crate::{
    api::Authenticated,
    error::{Error, Result},
    events::client::{self, View},
    house::SharedHouse,
    rooms::{
        append::not_in_room,
        messages::{Page, page},
        read::{self, Access},
        token::Token,
    },
    store::{self, events::StoredEvent},
};

pub(super) fn routes() -> Router<SharedHouse> {
    route(route(route(Router::new(), get_messages), get_event), context)
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
    let view = View {
        room_id: &room.room_id,
        with_room_id: true,
        now_ms: house.clock.now_ms(),
        viewer: Some((&who.user_id, &scope)),
    };
    let mut response = get_message_events::v3::Response::new();
    response.start = found.start.to_string();
    response.end = found.end.map(|token| token.to_string());
    let chunk = found.events.iter().map(|event| client::full(event, &view).map(Raw::from_json));
    response.chunk = chunk.collect::<serde_json::Result<_>>().map_err(Error::internal)?;
    if matches!(request.filter.lazy_load_options, LazyLoadOptions::Enabled { .. }) {
        let speakers: BTreeSet<_> = found.events.iter().map(|event| &event.sender).collect();
        for user_id in speakers {
            let kind = "m.room.member";
            let member = store::state::current(&mut db, room.nid, kind, user_id.as_str()).await?;
            if let Some(member) = member {
                let json = client::full(&member, &view).map_err(Error::internal)?;
                response.state.push(Raw::from_json(json));
            }
        }
    }
    Ok(response)
}

async fn get_event(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_room_event::v3::Request,
) -> Result<get_room_event::v3::Response> {
    let event = read::event(&house, &who, &request.room_id, &request.event_id).await?;
    let scope = who.scope();
    let view = View {
        room_id: &request.room_id,
        with_room_id: true,
        now_ms: house.clock.now_ms(),
        viewer: Some((&who.user_id, &scope)),
    };
    let json = client::full(&event, &view).map_err(Error::internal)?;
    Ok(get_room_event::v3::Response::new(Raw::from_json(json)))
}

async fn context(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_context::v3::Request,
) -> Result<get_context::v3::Response> {
    let event = read::event(&house, &who, &request.room_id, &request.event_id).await?;
    let mut db = &house.db;
    let refusal = || not_in_room(&who.user_id);
    let room = store::rooms::by_id(&mut db, &request.room_id).await?.ok_or_else(refusal)?;
    let newest = house.db.committed("events");
    let limit = usize::try_from(u64::from(request.limit)).unwrap_or(usize::MAX);
    let page_from = |direction, from| Page {
        direction,
        from: Some(Token(from)),
        to: None,
        limit: limit.div_ceil(2),
        filter: &request.filter,
    };
    let user_id = &who.user_id;
    let before = page_from(Direction::Backward, event.position - 1);
    let before = page(&mut db, &room, user_id, &before, newest).await?;
    let after = page_from(Direction::Forward, event.position);
    let after = page(&mut db, &room, user_id, &after, newest).await?;
    let scope = who.scope();
    let view = View {
        room_id: &room.room_id,
        with_room_id: true,
        now_ms: house.clock.now_ms(),
        viewer: Some((user_id, &scope)),
    };
    let write = |event: &StoredEvent| client::full(event, &view).map_err(Error::internal);
    let all = |events: &[StoredEvent]| -> Result<Vec<_>> {
        events.iter().map(|event| write(event).map(Raw::from_json)).collect()
    };
    let access = Access::of(&mut db, &request.room_id, user_id).await?;
    let state = access.state(&mut db).await?;
    let mut response = get_context::v3::Response::new();
    response.start = Some(before.end.unwrap_or(before.start).to_string());
    response.end = Some(after.end.unwrap_or(after.start).to_string());
    response.events_before = all(&before.events)?;
    response.events_after = all(&after.events)?;
    response.event = Some(Raw::from_json(write(&event)?));
    response.state =
        state.iter().map(|event| write(event).map(Raw::from_json)).collect::<Result<_>>()?;
    Ok(response)
}
