//! `GET /rooms/{roomId}/relations/{eventId}`, the same of one kind and type, and `GET /rooms/{roomId}/threads`

use axum::{
    Router,
    extract::{Request, State},
    middleware::map_request,
};
use ruma::{
    EventId, RoomId, UInt,
    api::client::{
        relations::{
            get_relating_events, get_relating_events_with_rel_type,
            get_relating_events_with_rel_type_and_event_type,
        },
        threads::get_threads::{self, v1::IncludeThreads},
    },
    serde::Raw,
};
use serde_json::value::RawValue;
use support_matrix_http::{MatrixError, route};

use crate::{
    api::Authenticated,
    error::Result,
    house::SharedHouse,
    requester::Requester,
    rooms::{
        relations::{
            bundle::{self, Looker, Seen},
            page::{self, Found, Wanted},
        },
        token::Token,
    },
};

pub(super) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), all);
    let router = route(router, of_kind);
    let router = route(router, of_kind_and_type);
    // Of all threads, unless something else is asked for; ruma knows of no such default.
    let threads = route(Router::new(), threads).layer(map_request(with_include));
    router.merge(threads)
}

async fn with_include(mut request: Request) -> Request {
    let query = request.uri().query().unwrap_or_default();
    if !query.split('&').any(|pair| pair.starts_with("include=")) {
        let path = format!("{}?include=all&{query}", request.uri().path());
        if let Ok(uri) = path.parse() {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// What the three requests for relations answer alike.
struct Page {
    chunk: Vec<Box<RawValue>>,
    next: Option<String>,
    depth: Option<UInt>,
}

/// The parts that the three requests for relations have in common, as [`Wanted`].
macro_rules! wanted {
    ($request:ident, $rel_type:expr, $kind:expr) => {
        Wanted {
            direction: $request.dir,
            from: token($request.from.as_deref())?,
            to: token($request.to.as_deref())?,
            limit: limit($request.limit),
            recurse: $request.recurse,
            rel_type: $rel_type,
            kind: $kind,
        }
    };
}

async fn all(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_relating_events::v1::Request,
) -> Result<get_relating_events::v1::Response> {
    let wanted = wanted!(request, "", "");
    let page = read(&house, &who, &request.room_id, &request.event_id, &wanted).await?;
    let chunk = page.chunk.into_iter().map(Raw::from_json).collect();
    let mut response = get_relating_events::v1::Response::new(chunk);
    (response.next_batch, response.prev_batch) = (page.next, request.from);
    response.recursion_depth = page.depth;
    Ok(response)
}

async fn of_kind(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_relating_events_with_rel_type::v1::Request,
) -> Result<get_relating_events_with_rel_type::v1::Response> {
    let wanted = wanted!(request, request.rel_type.as_str(), "");
    let page = read(&house, &who, &request.room_id, &request.event_id, &wanted).await?;
    let chunk = page.chunk.into_iter().map(Raw::from_json).collect();
    let mut response = get_relating_events_with_rel_type::v1::Response::new(chunk);
    (response.next_batch, response.prev_batch) = (page.next, request.from);
    response.recursion_depth = page.depth;
    Ok(response)
}

async fn of_kind_and_type(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_relating_events_with_rel_type_and_event_type::v1::Request,
) -> Result<get_relating_events_with_rel_type_and_event_type::v1::Response> {
    let kind = request.event_type.to_string();
    let wanted = wanted!(request, request.rel_type.as_str(), &kind);
    let page = read(&house, &who, &request.room_id, &request.event_id, &wanted).await?;
    let chunk = page.chunk.into_iter().map(Raw::from_json).collect();
    let mut response = get_relating_events_with_rel_type_and_event_type::v1::Response::new(chunk);
    (response.next_batch, response.prev_batch) = (page.next, request.from);
    response.recursion_depth = page.depth;
    Ok(response)
}

async fn threads(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_threads::v1::Request,
) -> Result<get_threads::v1::Response> {
    let from = token(request.from.as_deref())?;
    let only_own = match request.include {
        IncludeThreads::All => false,
        IncludeThreads::Participated => true,
        _ => {
            let words = "`include` is `all` or `participated`.";
            return Err(MatrixError::invalid_param(words).into());
        }
    };
    let room_id = &request.room_id;
    let found = page::threads(&house, &who, room_id, from, limit(request.limit), only_own).await?;
    let chunk = write(&house, &who, &found).await?;
    let chunk = chunk.into_iter().map(Raw::from_json).collect();
    let mut response = get_threads::v1::Response::new(chunk);
    response.next_batch = found.next.map(|token| token.to_string());
    Ok(response)
}

async fn read(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    parent_id: &EventId,
    wanted: &Wanted<'_>,
) -> Result<Page> {
    let found = page::related(house, who, room_id, parent_id, wanted).await?;
    Ok(Page {
        chunk: write(house, who, &found).await?,
        next: found.next.map(|token| token.to_string()),
        depth: wanted.recurse.then(|| page::DEPTH.into()),
    })
}

async fn write(house: &SharedHouse, who: &Requester, found: &Found) -> Result<Vec<Box<RawValue>>> {
    let scope = who.scope();
    let looker = Looker { user_id: &who.user_id, scope: &scope, now_ms: house.clock.now_ms() };
    let seen = Seen { room_id: &found.room.room_id, sight: &found.sight, events: &found.events };
    bundle::write(&mut &house.db, looker, seen).await
}

fn token(text: Option<&str>) -> Result<Option<Token>> {
    Ok(text.map(Token::parse).transpose()?)
}

fn limit(limit: Option<UInt>) -> Option<usize> {
    limit.map(|limit| usize::try_from(u64::from(limit)).unwrap_or(usize::MAX))
}
