//! The tip of a room: its newest event and the part of its state that the rules ask for, kept between write
//! jobs so that a message costs one statement.
//!
//! Jobs of one batch build on each other before any of them is committed. So a tip may be ahead of the
//! database, and every job that moves one leaves a [`Tentative`] mark with the writer: the writer drops the
//! hooks of a job or batch that failed before it runs anything else, and a dropped mark forgets the room.

use std::{collections::HashMap, sync::Arc};

use ruma::{
    OwnedEventId, OwnedRoomId, RoomId, events::StateEventType, room_version_rules::RoomVersionRules,
};
use support_db::Tx;

use crate::{
    error::{Error, Result},
    events::Pdu,
    house::SharedHouse,
    push::Audience,
    store::{
        self,
        events::StoredEvent,
        rooms::Room,
        state::{Group, StateKey},
    },
};

/// How many state events of one room are kept at hand. Beyond, all are dropped and read again when needed.
const MOST_STATE: usize = 200;

/// What the next event of a room stands on.
#[derive(Debug)]
pub(crate) struct Tip {
    pub(crate) room: Room,
    pub(crate) rules: Arc<RoomVersionRules>,
    /// The newest event; `None` only while a room is being created.
    pub(crate) newest: Option<OwnedEventId>,
    pub(crate) depth: i64,
    pub(crate) group: Option<Group>,
    /// Who may want to be told of what happens here.
    pub(crate) audience: Audience,
    /// Parts of the current state. `None` means known to be absent.
    state: HashMap<StateKey, Option<Arc<Pdu>>>,
    /// Whether `state` is all there is, as in a room that was just created.
    complete: bool,
}

impl Tip {
    /// The tip of a room that does not exist yet.
    pub(crate) fn of_new_room(room: Room, rules: Arc<RoomVersionRules>) -> Self {
        Self {
            room,
            rules,
            newest: None,
            depth: 0,
            group: None,
            audience: Audience::of_new_room(),
            state: HashMap::new(),
            complete: true,
        }
    }

    /// Takes the tip from the cache or reads it. `None` means that there is no such room.
    pub(crate) async fn take(
        tx: &mut Tx,
        house: &SharedHouse,
        room_id: &RoomId,
    ) -> Result<Option<Self>> {
        if let Some(tip) = house.rooms.take(room_id) {
            return Ok(Some(tip));
        }
        let Some(room) = store::rooms::by_id(tx, room_id).await? else { return Ok(None) };
        let rules = rules_of(&room)?;
        let newest = store::events::newest(tx, room.nid).await?;
        let Some(newest) = newest else { return Err(Error::internal("a room without any event")) };
        let group = store::state::group(tx, newest.state_group).await?;
        Ok(Some(Self {
            room,
            rules,
            newest: Some(newest.event_id),
            depth: newest.depth,
            group,
            audience: Audience::default(),
            state: HashMap::new(),
            complete: false,
        }))
    }

    /// Puts the tip back as it was taken.
    pub(crate) fn put_back(self, house: &SharedHouse) {
        house.rooms.put(self);
    }

    /// Puts a moved tip back; it is forgotten again if the job or its batch fails.
    pub(crate) fn put_forward(self, tx: &mut Tx, house: &SharedHouse) {
        let mark =
            Tentative { house: Arc::clone(house), room_id: self.room.room_id.clone(), kept: false };
        house.rooms.put(self);
        tx.after_commit(move || {
            let mut mark = mark;
            mark.kept = true;
        });
    }

    /// Returns the event in force for a key, from the cache or the database.
    pub(crate) async fn state(
        &mut self,
        tx: &mut Tx,
        kind: &StateEventType,
        state_key: &str,
    ) -> Result<Option<Arc<Pdu>>> {
        let key = (kind.to_string(), state_key.to_owned());
        if let Some(known) = self.state.get(&key) {
            return Ok(known.clone());
        }
        if self.complete {
            return Ok(None);
        }
        let found = store::state::current(tx, self.room.nid, &key.0, state_key).await?;
        let found = found.as_ref().map(parse).transpose()?.map(Arc::new);
        self.remember(key, found.clone());
        Ok(found)
    }

    /// Returns the event in force for a key that [`Tip::state`] has been asked for.
    pub(crate) fn known_state(&self, kind: &StateEventType, state_key: &str) -> Option<Arc<Pdu>> {
        self.state.get(&(kind.to_string(), state_key.to_owned())).cloned().flatten()
    }

    /// Puts an event in force.
    pub(crate) fn set_state(&mut self, key: StateKey, event: Arc<Pdu>) {
        self.remember(key, Some(event));
    }

    /// Forgets what is known of the state, for example because an event of it was redacted.
    pub(crate) fn forget_state(&mut self) {
        self.state.clear();
        self.complete = false;
    }

    /// Makes room when too much is kept. Called before an event is judged and never while: what the rules
    /// look at was put here for them.
    pub(crate) fn trim(&mut self) {
        if self.state.len() >= MOST_STATE {
            self.forget_state();
        }
    }

    fn remember(&mut self, key: StateKey, event: Option<Arc<Pdu>>) {
        self.state.insert(key, event);
    }
}

/// Returns the rules of a room's version.
pub(crate) fn rules_of(room: &Room) -> Result<Arc<RoomVersionRules>> {
    let rules = room.version.rules();
    rules.map(Arc::new).ok_or_else(|| Error::internal("a room of an unknown version"))
}

/// Reads a stored event for the rules.
pub(crate) fn parse(event: &StoredEvent) -> Result<Pdu> {
    Pdu::parse(event.event_id.clone(), event.position, &event.json).map_err(Error::internal)
}

/// Forgets a room when it is dropped before the commit.
struct Tentative {
    house: SharedHouse,
    room_id: OwnedRoomId,
    kept: bool,
}

impl Drop for Tentative {
    fn drop(&mut self) {
        if !self.kept {
            self.house.rooms.forget(&self.room_id);
        }
    }
}
