//! Lists of what relates to an event, and of a room's threads.

use ruma::{EventId, RoomId, api::Direction};

use crate::{
    error::Result,
    house::House,
    requester::Requester,
    rooms::{read, token::Token, visibility::Sight},
    store::{self, events::StoredEvent, relations::Related, rooms::Room},
};

/// How many events a page has when nobody says, and at most.
const USUAL: usize = 20;
const MOST: usize = 200;

/// How far `recurse` goes.
pub(crate) const DEPTH: u32 = 3;

/// What to read.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) direction: Direction,
    pub(crate) from: Option<Token>,
    pub(crate) to: Option<Token>,
    pub(crate) limit: Option<usize>,
    pub(crate) recurse: bool,
    /// Empty for any.
    pub(crate) rel_type: &'a str,
    /// Empty for any.
    pub(crate) kind: &'a str,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) room: Room,
    pub(crate) sight: Sight,
    pub(crate) events: Vec<StoredEvent>,
    /// Where to go on, if there is more.
    pub(crate) next: Option<Token>,
}

/// Reads what relates to an event.
pub(crate) async fn related(
    house: &House,
    who: &Requester,
    room_id: &RoomId,
    parent_id: &EventId,
    wanted: &Wanted<'_>,
) -> Result<Found> {
    let (room, sight, _) = read::seen_event(house, who, room_id, parent_id).await?;
    let newest_first = wanted.direction == Direction::Backward;
    let depth = if wanted.recurse { i64::from(DEPTH) } else { 1 };
    let (rel_type, kind) = (wanted.rel_type, wanted.kind);
    let asked = Related { room_nid: room.nid, parent_id, depth, rel_type, kind, newest_first };
    let bound = |token: Option<Token>, otherwise| token.map_or(otherwise, |token| token.0);
    let after = |token: Option<Token>| token.map_or(i64::MIN, |token| token.0.saturating_add(1));
    let (mut low, mut high) = if newest_first {
        (after(wanted.to), bound(wanted.from, i64::MAX))
    } else {
        (after(wanted.from), bound(wanted.to, i64::MAX))
    };
    let limit = limit(wanted.limit);
    let mut found = Found { room, sight, events: Vec::new(), next: None };
    let mut last = 0;
    loop {
        // One more than there is room for tells whether there is more.
        let chunk = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let mut db = &house.db;
        let events = store::relations::related(&mut db, &asked, (low, high), chunk).await?;
        let is_all = events.len() <= limit;
        for event in events {
            if found.events.len() == limit {
                found.next = Some(Token(if newest_first { last - 1 } else { last }));
                return Ok(found);
            }
            last = event.position;
            if newest_first {
                high = last - 1;
            } else {
                low = last + 1;
            }
            if found.sight.sees(event.position) {
                found.events.push(event);
            }
        }
        if is_all {
            return Ok(found);
        }
    }
}

/// Reads the events that a room's threads begin with, the one with the newest reply first.
pub(crate) async fn threads(
    house: &House,
    who: &Requester,
    room_id: &RoomId,
    from: Option<Token>,
    most: Option<usize>,
    only_own: bool,
) -> Result<Found> {
    let mut db = &house.db;
    let refusal = || super::super::append::not_in_room(&who.user_id);
    let room = store::rooms::by_id(&mut db, room_id).await?.ok_or_else(refusal)?;
    read::check_may_read(&mut db, &room, &who.user_id).await?;
    let sight = Sight::of(&mut db, room.nid, &who.user_id).await?;
    let limit = limit(most);
    let (nid, user_id) = (room.nid, &who.user_id);
    let bounds = (sight.last(), from.map_or(i64::MAX, |token| token.0));
    let chunk = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let rows = store::relations::threads(&mut db, nid, user_id, bounds, only_own, chunk).await?;
    let next = (rows.len() > limit).then(|| Token(rows[limit - 1].0 - 1));
    let events = rows.into_iter().take(limit).map(|(_, root)| root);
    let events = events.filter(|root| sight.sees(root.position)).collect();
    Ok(Found { room, sight, events, next })
}

fn limit(wanted: Option<usize>) -> usize {
    wanted.unwrap_or(USUAL).clamp(1, MOST)
}
