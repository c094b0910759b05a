//! Reading rooms: their state and members, single events, and what an application service is sent.

use std::collections::{BTreeSet, HashMap};

use ruma::{EventId, OwnedRoomId, RoomId, UserId};
use serde_json::value::RawValue;
use support_db::DbError;
use support_matrix_http::MatrixError;

use super::{append::not_in_room, token::Token, visibility::Sight};
use crate::{
    error::{Error, Result},
    events::client::{self, View},
    house::House,
    requester::Requester,
    store::{
        self, Reader,
        events::{Side, StoredEvent, Timed},
        rooms::Room,
    },
};

/// A room as somebody may see it: as it is, or as it was when he left.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) room: Room,
    /// The state group to read; `None` is the current state.
    group: Option<i64>,
}

impl Access {
    /// Finds a room somebody may look into: as a member, as one who left, or because everybody may.
    pub(crate) async fn of(
        db: &mut impl Reader,
        room_id: &RoomId,
        user_id: &UserId,
    ) -> Result<Self> {
        let refusal = || Error::from(not_in_room(user_id));
        let room = store::rooms::by_id(db, room_id).await?.ok_or_else(refusal)?;
        let own = store::memberships::of_user_in(db, user_id, room.nid).await?;
        if own.as_ref().is_some_and(|own| own.membership == "join") {
            return Ok(Self { room, group: None });
        }
        if is_world_readable(db, room.nid).await? {
            return Ok(Self { room, group: None });
        }
        let Some(own) = own.filter(|own| !own.forgotten) else { return Err(refusal()) };
        // Who was invited and declined was never in.
        let was_in = was_joined_before(db, &room, user_id, own.position).await?;
        if !matches!(own.membership.as_str(), "leave" | "ban") || !was_in {
            return Err(refusal());
        }
        let group = store::events::group_at(db, room.nid, own.position).await?;
        Ok(Self { room, group })
    }

    /// Returns the state event for one key.
    pub(crate) async fn state_event(
        &self,
        db: &mut impl Reader,
        kind: &str,
        state_key: &str,
    ) -> Result<Option<StoredEvent>> {
        let Some(group) = self.group else {
            return Ok(store::state::current(db, self.room.nid, kind, state_key).await?);
        };
        let state = store::state::of_group(db, group).await?;
        let position = state.get(&(kind.to_owned(), state_key.to_owned())).copied();
        Ok(store::events::at(db, position).await?.into_iter().next())
    }

    /// Returns the whole state.
    pub(crate) async fn state(&self, db: &mut impl Reader) -> Result<Vec<StoredEvent>> {
        match self.group {
            None => Ok(store::state::all_current(db, self.room.nid).await?),
            Some(group) => {
                let state = store::state::of_group(db, group).await?;
                Ok(store::events::at(db, state.into_values()).await?)
            }
        }
    }

    /// Returns the member events, as they were at a token if one is given.
    pub(crate) async fn members(
        &self,
        db: &mut impl Reader,
        at: Option<Token>,
    ) -> Result<Vec<StoredEvent>> {
        let group = match at {
            None => self.group,
            Some(token) => {
                let then = store::events::group_at(db, self.room.nid, token.0).await?;
                // Who left sees nobody who came later.
                match (then, self.group) {
                    (Some(then), Some(left)) => Some(then.min(left)),
                    (Some(then), None) => Some(then),
                    (None, _) => return Ok(Vec::new()),
                }
            }
        };
        let Some(group) = group else {
            return Ok(store::state::current_of_type(db, self.room.nid, "m.room.member").await?);
        };
        let state = store::state::of_group(db, group).await?;
        let members = state.into_iter().filter(|((kind, _), _)| kind == "m.room.member");
        Ok(store::events::at(db, members.map(|(_, position)| position)).await?)
    }
}

async fn is_world_readable(db: &mut impl Reader, room_nid: i64) -> Result<bool> {
    let rule = store::state::current(db, room_nid, "m.room.history_visibility", "").await?;
    let Some(rule) = rule else { return Ok(false) };
    let content = client::content(&rule).map_err(Error::internal)?;
    let content: serde_json::Value =
        serde_json::from_str(content.get()).map_err(Error::internal)?;
    Ok(content["history_visibility"] == "world_readable")
}

/// Returns whether a user was ever joined before a position.
pub(crate) async fn was_joined_before(
    db: &mut impl Reader,
    room: &Room,
    user_id: &UserId,
    position: i64,
) -> Result<bool> {
    let history =
        store::events::history_of(db, room.nid, "m.room.member", user_id.as_str()).await?;
    Ok(history
        .iter()
        .any(|change| change.position < position && change.membership.as_deref() == Some("join")))
}

/// Returns one event of a room, if the user may see it, with the room and what else of it he may see.
pub(crate) async fn seen_event(
    house: &House,
    who: &Requester,
    room_id: &RoomId,
    event_id: &EventId,
) -> Result<(Room, Sight, StoredEvent)> {
    let not_found = || MatrixError::not_found("There is no such event, or you may not see it.");
    let mut db = &house.db;
    let room = store::rooms::by_id(&mut db, room_id).await?.ok_or_else(not_found)?;
    let event = store::events::by_id(&mut db, room.nid, event_id).await?.ok_or_else(not_found)?;
    let sight = Sight::of(&mut db, room.nid, &who.user_id).await?;
    if !sight.sees(event.position) {
        return Err(not_found().into());
    }
    Ok((room, sight, event))
}

/// Returns the event nearest to a time that a user may see.
pub(crate) async fn nearest(
    house: &House,
    who: &Requester,
    room_id: &RoomId,
    ts: i64,
    side: Side,
) -> Result<Timed> {
    let mut db = &house.db;
    let refusal = || not_in_room(&who.user_id);
    let room = store::rooms::by_id(&mut db, room_id).await?.ok_or_else(refusal)?;
    check_may_read(&mut db, &room, &who.user_id).await?;
    let sight = Sight::of(&mut db, room.nid, &who.user_id).await?;
    let mut best: Option<Timed> = None;
    for range in sight.between(i64::MIN, i64::MAX) {
        let Some(found) = store::events::nearest(&mut db, room.nid, ts, side, range).await? else {
            continue;
        };
        let is_better = best.as_ref().is_none_or(|best| match side {
            Side::Since => (found.ts, found.position) < (best.ts, best.position),
            Side::Until => (found.ts, found.position) > (best.ts, best.position),
        });
        if is_better {
            best = Some(found);
        }
    }
    Ok(best.ok_or_else(|| MatrixError::not_found("There is no event on that side of the time."))?)
}

/// Returns the rooms a user has joined.
pub(crate) async fn joined_rooms(house: &House, user_id: &UserId) -> Result<Vec<OwnedRoomId>> {
    Ok(store::memberships::joined_rooms(&mut &house.db, user_id).await?)
}

/// Refuses somebody who is not joined.
pub(crate) async fn check_joined(
    house: &House,
    user_id: &UserId,
    room_id: &RoomId,
) -> Result<Room> {
    let mut db = &house.db;
    let refusal = || not_in_room(user_id);
    let room = store::rooms::by_id(&mut db, room_id).await?.ok_or_else(refusal)?;
    let own = store::memberships::of_user_in(&mut db, user_id, room.nid).await?;
    if own.is_none_or(|own| own.membership != "join") {
        return Err(refusal().into());
    }
    Ok(room)
}

/// What somebody learns of a room that he is invited to or knocks at.
pub(crate) const STRIPPED: [&str; 8] = [
    "m.room.create",
    "m.room.name",
    "m.room.avatar",
    "m.room.topic",
    "m.room.join_rules",
    "m.room.canonical_alias",
    "m.room.encryption",
    "m.room.history_visibility",
];

/// Writes what an invitation or a knock tells of its room: what it is, who invites or knocks, and that event.
pub(crate) async fn stripped_state(
    db: &mut impl Reader,
    room_nid: i64,
    inviter: &UserId,
    invitation: Option<&StoredEvent>,
) -> Result<Vec<Box<RawValue>>> {
    let mut state = store::state::current_of_types(db, room_nid, STRIPPED).await?;
    state.extend(store::state::current(db, room_nid, "m.room.member", inviter.as_str()).await?);
    let events = state.iter().chain(invitation);
    events.map(|event| client::stripped(event).map_err(Error::internal)).collect()
}

/// Writes the events at some positions as an application service is sent them, in the given order.
pub(crate) async fn events_at(
    house: &House,
    positions: &[i64],
) -> Result<Vec<Box<RawValue>>, DbError> {
    events_in(&mut &house.db, house.clock.now_ms(), positions).await.map_err(|error| match error {
        Error::Db(error) => error,
        other => DbError::Damaged(other.to_string()),
    })
}

async fn events_in(
    db: &mut impl Reader,
    now_ms: i64,
    positions: &[i64],
) -> Result<Vec<Box<RawValue>>> {
    let events = store::events::at(db, positions.iter().copied()).await?;
    let nids: BTreeSet<i64> = events.iter().map(|event| event.room_nid).collect();
    let rooms = store::rooms::by_nids(db, nids).await?;
    let rooms: HashMap<i64, Room> = rooms.into_iter().map(|room| (room.nid, room)).collect();
    let mut written = HashMap::with_capacity(events.len());
    for event in events {
        let Some(room) = rooms.get(&event.room_nid) else { continue };
        let view = View { room_id: &room.room_id, with_room_id: true, now_ms, viewer: None };
        let json = if matches!(event.membership.as_deref(), Some("invite" | "knock")) {
            let stripped = stripped_state(db, room.nid, &event.sender, Some(&event)).await?;
            client::with_room_state(&event, &view, &stripped)
        } else {
            client::full(&event, &view)
        };
        written.insert(event.position, json.map_err(Error::internal)?);
    }
    Ok(positions.iter().filter_map(|position| written.remove(position)).collect())
}

/// Refuses somebody who may not read anything in a room: who never was in it, where that is needed.
pub(crate) async fn check_may_read(
    db: &mut impl Reader,
    room: &Room,
    user_id: &UserId,
) -> Result<()> {
    let own = store::memberships::of_user_in(db, user_id, room.nid).await?;
    match own {
        Some(own) if !own.forgotten => Ok(()),
        _ if is_world_readable(db, room.nid).await? => Ok(()),
        _ => Err(not_in_room(user_id).into()),
    }
}
