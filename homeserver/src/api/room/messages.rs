//! `GET /rooms/{roomId}/messages` and `GET /rooms/{roomId}/event/{eventId}`

use std::collections::BTreeSet;

use axum::{Router, extract::State};
use ruma::{
    api::client::{
        filter::LazyLoadOptions, message::get_message_events, room::get_room_event,
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
        read,
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
