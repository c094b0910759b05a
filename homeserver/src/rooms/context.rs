//! What was said around an event.

use std::collections::BTreeSet;

use ruma::{
    EventId, RoomId,
    api::{
        Direction,
        client::filter::{LazyLoadOptions, RoomEventFilter},
    },
};

use super::{
    messages::{Found, Page, page},
    read,
    token::Token,
    visibility::Sight,
};
use crate::{
    error::Result,
    house::House,
    requester::Requester,
    store::{
        Reader,
        events::StoredEvent,
        rooms::Room,
        sweep::{self, Spot},
    },
};

/// An event and its surroundings.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) room: Room,
    pub(crate) sight: Sight,
    pub(crate) event: StoredEvent,
    /// Newest first.
    pub(crate) before: Vec<StoredEvent>,
    /// Oldest first.
    pub(crate) after: Vec<StoredEvent>,
    /// Where to go on backwards and forwards.
    pub(crate) start: Token,
    pub(crate) end: Token,
    /// The state after the last of the events.
    pub(crate) state: Vec<StoredEvent>,
}

/// Reads an event somebody may see, so many others around it, and the state the room was in then.
pub(crate) async fn around(
    house: &House,
    who: &Requester,
    room_id: &RoomId,
    event_id: &EventId,
    limit: usize,
    filter: &RoomEventFilter,
) -> Result<Context> {
    let (room, sight, event) = read::seen_event(house, who, room_id, event_id).await?;
    let newest = house.db.committed("events");
    let ask = |direction, from, limit| Page {
        direction,
        from: Some(Token(from)),
        to: None,
        limit,
        filter,
    };
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let (mut start, mut end) = (Token(event.position - 1), Token(event.position));
    let db = &mut &house.db;
    if limit > 1 {
        let wanted = ask(Direction::Backward, event.position - 1, limit / 2);
        let found: Found = page(db, &room, &who.user_id, &wanted, newest).await?;
        let last = found.events.last().map(|event| Token(event.position - 1));
        start = found.end.or(last).unwrap_or(start);
        before = found.events;
    }
    if limit > 0 {
        let wanted = ask(Direction::Forward, event.position, limit - limit / 2);
        let found = page(db, &room, &who.user_id, &wanted, newest).await?;
        end = found.end.unwrap_or(end);
        after = found.events;
    }
    let last = state_after(after.last().map_or(event.position, |event| event.position));
    let state = if matches!(filter.lazy_load_options, LazyLoadOptions::Enabled { .. }) {
        let spot = Spot { room_nid: room.nid, low: 0, high: last, name: "" };
        let mut state = sweep::state_without_members(db, [spot]).await?;
        let mut state = state.remove(&room.nid).unwrap_or_default();
        let events = before.iter().chain([&event]).chain(&after);
        state.extend(speakers(db, &room, events, last).await?);
        state
    } else {
        let spot = Spot { room_nid: room.nid, low: 0, high: last, name: "" };
        sweep::state(db, [spot]).await?.remove(&room.nid).unwrap_or_default()
    };
    Ok(Context { room, sight, event, before, after, start, end, state })
}

/// Returns the position whose state explains an event: its own, and now for what was inserted before everything, which
/// no state was before.
fn state_after(position: i64) -> i64 {
    if position <= 0 { i64::MAX } else { position }
}

/// Returns the member events of those who sent some events, as they were after a position.
pub(crate) async fn speakers(
    db: &mut impl Reader,
    room: &Room,
    events: impl IntoIterator<Item = &StoredEvent>,
    high: i64,
) -> Result<Vec<StoredEvent>> {
    let high = state_after(high);
    let speakers: BTreeSet<_> = events.into_iter().map(|event| event.sender.as_str()).collect();
    let spots = speakers.into_iter().map(|name| Spot { room_nid: room.nid, low: 0, high, name });
    let spots: Vec<_> = spots.collect();
    Ok(sweep::members(db, spots).await?.remove(&room.nid).unwrap_or_default())
}
