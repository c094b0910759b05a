//! Rooms: how they are created, appended to, authorised and read.
//!
//! Everything that is said goes through [`append`]: inside one write job it finds the room's newest event,
//! lets ruma's rules judge, signs, and writes the event with all that follows from it. The other files decide
//! what is said ([`create`], [`membership`], [`redact`]) or who may read what ([`visibility`], [`read`]).

pub(crate) mod aliases;
pub(crate) mod append;
mod auth;
pub(crate) mod context;
pub(crate) mod create;
pub(crate) mod directory;
pub(crate) mod filter;
pub(crate) mod history;
pub(crate) mod membership;
pub(crate) mod messages;
mod parking;
pub(crate) mod power;
pub(crate) mod profiles;
pub(crate) mod read;
pub(crate) mod receipts;
pub(crate) mod redact;
pub(crate) mod relations;
pub(crate) mod reports;
mod restricted;
pub(crate) mod search;
pub(crate) mod send;
pub(crate) mod spaces;
pub(crate) mod summary;
#[cfg(test)]
mod tests;
pub(crate) mod tip;
pub(crate) mod token;
pub(crate) mod typing;
pub(crate) mod upgrade;
mod validate;
pub(crate) mod visibility;

use std::collections::HashMap;

use ruma::{OwnedRoomId, RoomId, RoomVersionId};

pub(crate) use self::parking::Guarded;
use self::tip::Tip;

/// The room version of a room that does not ask for another.
pub(crate) const DEFAULT_VERSION: RoomVersionId = RoomVersionId::V11;

/// The room versions a room can be created with.
pub(crate) const VERSIONS: [RoomVersionId; 3] =
    [RoomVersionId::V10, RoomVersionId::V11, RoomVersionId::V12];

/// How many rooms are kept at hand; beyond, all are dropped and read again when needed.
const MOST_TIPS: usize = 2000;

/// What is known of rooms without asking the database. Only write jobs look at it.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    tips: Guarded<HashMap<OwnedRoomId, Tip>>,
}

impl Rooms {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes a room's tip out. Whoever takes it puts it back, unless it may have become wrong.
    fn take(&self, room_id: &RoomId) -> Option<Tip> {
        self.tips.with(|tips| tips.remove(room_id))
    }

    fn put(&self, tip: Tip) {
        self.tips.with(|tips| {
            if tips.len() >= MOST_TIPS {
                tips.clear();
            }
            tips.insert(tip.room.room_id.clone(), tip);
        });
    }

    fn forget(&self, room_id: &RoomId) {
        self.tips.with(|tips| {
            tips.remove(room_id);
        });
    }
}
