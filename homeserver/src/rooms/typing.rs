//! Who is typing. Nothing of it is stored: it is over in seconds, and after a restart nobody types.
//!
//! Each change of a room gets the next number of one count, which begins at the start's time: a number a client brings
//! from an earlier run is older than all of this one.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};

use super::{Guarded, read};
use crate::{error::Result, house::SharedHouse, requester::Requester};

/// The longest somebody types without saying so again.
const LONGEST: Duration = Duration::from_secs(120);

/// How many rooms are remembered before those where nobody types any more are forgotten.
const MOST_ROOMS: usize = 10_000;

/// Everybody who types.
#[derive(Debug)]
pub(crate) struct Typists(Guarded<State>);

/// Who types in one room.
#[derive(Debug)]
pub(crate) struct RoomTypists {
    pub(crate) room_id: OwnedRoomId,
    pub(crate) room_nid: i64,
    pub(crate) typists: Vec<OwnedUserId>,
}

#[derive(Debug, Default)]
struct State {
    version: i64,
    rooms: HashMap<OwnedRoomId, Room>,
}

#[derive(Debug, Default)]
struct Room {
    version: i64,
    nid: i64,
    /// Until when, on the monotonic clock.
    typists: BTreeMap<OwnedUserId, Duration>,
}

impl Typists {
    /// Begins the count at the time of the start, unix milliseconds.
    pub(crate) fn new(now_ms: i64) -> Self {
        let typists = Self(Guarded::default());
        typists.0.with(|state| state.version = now_ms);
        typists
    }

    /// Returns who types in the rooms that changed after `since`, and the number up to which that tells everything.
    pub(crate) fn changed(&self, since: i64) -> (i64, Vec<RoomTypists>) {
        self.0.with(|state| {
            let changed = state.rooms.iter().filter(|(_, room)| room.version > since);
            let rooms = changed.map(|(id, room)| RoomTypists {
                room_id: id.clone(),
                room_nid: room.nid,
                typists: room.typists.keys().cloned().collect(),
            });
            (state.version, rooms.collect())
        })
    }

    /// Returns who types in a room.
    pub(crate) fn of_room(&self, room_id: &RoomId) -> Vec<OwnedUserId> {
        self.0.with(|state| {
            let room = state.rooms.get(room_id);
            room.map(|room| room.typists.keys().cloned().collect()).unwrap_or_default()
        })
    }

    /// Writes down that somebody types, until then. Returns whether that is news.
    fn begin(&self, room_id: &RoomId, nid: i64, user_id: &UserId, until: Duration) -> bool {
        self.0.with(|state| {
            if state.rooms.len() >= MOST_ROOMS {
                state.rooms.retain(|_, room| !room.typists.is_empty());
            }
            let room = state.rooms.entry(room_id.to_owned()).or_default();
            room.nid = nid;
            let is_new = room.typists.insert(user_id.to_owned(), until).is_none();
            if is_new {
                state.version += 1;
                room.version = state.version;
            }
            is_new
        })
    }

    /// Writes down that somebody has stopped. Returns whether that is news.
    fn end(&self, room_id: &RoomId, user_id: &UserId) -> bool {
        self.0.with(|state| {
            let Some(room) = state.rooms.get_mut(room_id) else { return false };
            let was_typing = room.typists.remove(user_id).is_some();
            if was_typing {
                state.version += 1;
                room.version = state.version;
            }
            was_typing
        })
    }

    /// Returns until when somebody types.
    fn until(&self, room_id: &RoomId, user_id: &UserId) -> Option<Duration> {
        self.0.with(|state| state.rooms.get(room_id)?.typists.get(user_id).copied())
    }
}

/// Lets somebody type for a while, or stop.
pub(crate) async fn set(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    lasts: Option<Duration>,
) -> Result<()> {
    let room = read::check_joined(house, &who.user_id, room_id).await?;
    let is_news = match lasts {
        None => house.typists.end(room_id, &who.user_id),
        Some(lasts) => {
            let until = house.clock.monotonic() + lasts.min(LONGEST);
            let is_new = house.typists.begin(room_id, room.nid, &who.user_id, until);
            if is_new {
                watch(house, room.nid, room_id.to_owned(), who.user_id.clone());
            }
            is_new
        }
    };
    if is_news {
        tell(house, room.nid, room_id).await;
    }
    Ok(())
}

/// Tells clients and application services that who types has changed.
async fn tell(house: &SharedHouse, nid: i64, room_id: &RoomId) {
    house.sync.wake_room(nid, None);
    if let Err(error) = house.appservices.typing_changed(&house.db, room_id).await {
        // Whoever types is heard by clients all the same, and typing may be lost.
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "application services were not told who types");
    }
}

/// Ends somebody's typing when its time is over. There is one watch for each who types.
fn watch(house: &SharedHouse, nid: i64, room_id: OwnedRoomId, user_id: OwnedUserId) {
    let (house_of_task, closing) = (house.clone(), house.closing.clone());
    house.tasks.spawn(async move {
        let house = house_of_task;
        let waiting = async {
            while let Some(until) = house.typists.until(&room_id, &user_id) {
                let rest = until.saturating_sub(house.clock.monotonic());
                if rest.is_zero() {
                    if house.typists.end(&room_id, &user_id) {
                        tell(&house, nid, &room_id).await;
                    }
                    return;
                }
                house.clock.sleep(rest).await;
            }
        };
        closing.run_until_cancelled(waiting).await;
    });
}
