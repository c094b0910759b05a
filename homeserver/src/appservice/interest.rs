//! Who is owed an event. Asked inside the event's own transaction, in Synapse's order: the sender, then for a
//! membership event its target, then the room's id, then its aliases, then the local members joined to it.
//!
//! The last two need the database, so their answer is cached per room. The cache is filled only after a commit. A job
//! that changes what the answer rests on drops the entry twice: at once, because jobs behind it in the same
//! batch must not read it, and after the commit, because a job before it in the batch may have computed an answer
//! that is remembered only then. A dropped entry costs a query; a wrong one would lose an event.
//!
//! Each answer names its witness (one member, or the aliases). As long as the witness stays, other members
//! come and go without touching the entry: ten thousand ghosts joining cost nothing here.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use ruma::{RoomId, UserId};
use support_db::{Db, DbError, Tx};

use super::{Appservice, Appservices, registry::Registry};
use crate::store::{Reader, aliases, memberships, outbox, receipts::Receipt};

/// How many rooms are remembered; beyond, the cache starts over.
const ROOMS: usize = 20_000;

/// What the interest test and the outbox need to know about an event that is being appended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventFacts<'a> {
    /// The event's position in the event stream.
    pub(crate) position: i64,
    pub(crate) room_id: &'a RoomId,
    pub(crate) sender: &'a UserId,
    pub(crate) kind: &'a str,
    pub(crate) state_key: Option<&'a str>,
    /// `content.membership` of an `m.room.member` event.
    pub(crate) membership: Option<&'a str>,
    /// The appservice that knows of it already, by its id: it inserted the event itself.
    pub(crate) told: Option<&'a str>,
}

impl EventFacts<'_> {
    fn member(&self) -> Option<&UserId> {
        if self.kind != "m.room.member" {
            return None;
        }
        <&UserId>::try_from(self.state_key?).ok()
    }
}

/// Why a room interests an appservice.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Witness {
    Alias,
    Member(String),
}

/// Which appservices a room interests by its aliases or members.
#[derive(Debug)]
struct RoomInterest {
    /// The registry this was computed for.
    generation: u64,
    interested: Vec<(Arc<Appservice>, Witness)>,
}

impl RoomInterest {
    fn witness_of(&self, appservice: &Appservice) -> Option<&Witness> {
        self.interested.iter().find(|(one, _)| one.id == appservice.id).map(|(_, witness)| witness)
    }

    /// Returns who is told what passes in the room.
    fn hearing<'a>(
        &'a self,
        registry: &'a Registry,
        room_id: &'a RoomId,
    ) -> impl Iterator<Item = &'a Arc<Appservice>> {
        registry.pushing().iter().filter(move |one| {
            one.wants_passing() && (one.covers_room(room_id) || self.witness_of(one).is_some())
        })
    }
}

/// Committed answers by room id.
#[derive(Debug, Default)]
pub(super) struct InterestCache {
    rooms: Mutex<HashMap<Box<str>, Arc<RoomInterest>>>,
}

impl InterestCache {
    fn get(&self, room_id: &RoomId, generation: u64) -> Option<Arc<RoomInterest>> {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.get(room_id.as_str()).filter(|entry| entry.generation == generation).cloned()
    }

    fn put(&self, room_id: Box<str>, interest: Arc<RoomInterest>) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() >= ROOMS {
            rooms.clear();
        }
        rooms.insert(room_id, interest);
    }

    fn drop_room(&self, room_id: &str) {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).remove(room_id);
    }

    pub(super) fn clear(&self) {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Appservices {
    /// Writes what appservices are owed for an event, in the event's own transaction.
    ///
    /// Runs after the event's membership and alias rows were written. With a warm cache it costs one statement per
    /// interested appservice and none otherwise.
    pub(crate) async fn enqueue(&self, tx: &mut Tx, facts: &EventFacts<'_>) -> Result<(), DbError> {
        let registry = self.registry();
        if registry.pushing().is_empty() {
            return Ok(());
        }
        if let Some(member) = facts.member() {
            self.note_membership(tx, &registry, facts, member);
        }
        let mut room = None;
        for appservice in registry.pushing() {
            if facts.told == Some(appservice.id.as_str()) {
                continue;
            }
            if !wants_directly(appservice, facts) {
                let interest = match &room {
                    Some(interest) => interest,
                    None => room.insert(self.room_interest(tx, &registry, facts.room_id).await?),
                };
                if interest.witness_of(appservice).is_none() {
                    continue;
                }
            }
            let now = self.clock.now_ms();
            outbox::queue(tx, &appservice.id, outbox::Kind::Event, facts.position, now).await?;
            let appservice = Arc::clone(appservice);
            tx.after_commit(move || appservice.wake());
        }
        Ok(())
    }

    /// Called by the job that adds or removes an alias of the room.
    pub(crate) fn alias_changed(&self, tx: &mut Tx, room_id: &RoomId) {
        self.drop_now_and_after_commit(tx, room_id);
    }

    fn note_membership(
        &self,
        tx: &mut Tx,
        registry: &Registry,
        facts: &EventFacts<'_>,
        member: &UserId,
    ) {
        let cached = self.interest.get(facts.room_id, registry.generation());
        let joins = facts.membership == Some("join");
        let touched = registry.pushing().iter().filter(|one| one.covers_user(member)).any(|one| {
            let Some(interest) = &cached else { return true };
            match interest.witness_of(one) {
                None => joins,
                Some(Witness::Alias) => false,
                Some(Witness::Member(witness)) => !joins && witness == member.as_str(),
            }
        });
        if touched {
            self.drop_now_and_after_commit(tx, facts.room_id);
        }
    }

    fn drop_now_and_after_commit(&self, tx: &mut Tx, room_id: &RoomId) {
        self.interest.drop_room(room_id.as_str());
        let (cache, room_id) = (Arc::clone(&self.interest), Box::<str>::from(room_id.as_str()));
        tx.after_commit(move || cache.drop_room(&room_id));
    }

    /// Has those told of who types whom the room interests.
    pub(crate) async fn typing_changed(&self, db: &Db, room_id: &RoomId) -> Result<(), DbError> {
        let registry = self.registry();
        if !registry.pushing().iter().any(|one| one.wants_passing()) {
            return Ok(());
        }
        // What is read outside of the writer is not remembered: it may be outdated before it is.
        let interest = match self.interest.get(room_id, registry.generation()) {
            Some(interest) => interest,
            None => Arc::new(read_interest(&mut &*db, &registry, room_id).await?),
        };
        for appservice in interest.hearing(&registry, room_id) {
            appservice.tell_typing(room_id.to_owned());
        }
        Ok(())
    }

    /// Has those told of a receipt whom the room interests, once it is committed; of a private one only those whose user
    /// the reader is.
    pub(crate) async fn receipt_came(
        &self,
        tx: &mut Tx,
        room_id: &RoomId,
        reader: &UserId,
        receipt: &Receipt,
    ) -> Result<(), DbError> {
        let registry = self.registry();
        if !registry.pushing().iter().any(|one| one.wants_passing()) {
            return Ok(());
        }
        let is_private = receipt.kind == "m.read.private";
        let interest = self.room_interest(tx, &registry, room_id).await?;
        for appservice in interest.hearing(&registry, room_id) {
            if !is_private || appservice.covers_user(reader) {
                let appservice = Arc::clone(appservice);
                let (room_id, receipt) = (room_id.to_owned(), receipt.clone());
                tx.after_commit(move || appservice.tell_receipt(room_id, receipt));
            }
        }
        Ok(())
    }

    /// Says whom the room interests by its aliases and members, as this transaction sees them.
    async fn room_interest(
        &self,
        tx: &mut Tx,
        registry: &Registry,
        room_id: &RoomId,
    ) -> Result<Arc<RoomInterest>, DbError> {
        if let Some(interest) = self.interest.get(room_id, registry.generation()) {
            return Ok(interest);
        }
        let interest = Arc::new(read_interest(tx, registry, room_id).await?);
        let (cache, kept) = (Arc::clone(&self.interest), Arc::clone(&interest));
        let room_id = Box::<str>::from(room_id.as_str());
        tx.after_commit(move || cache.put(room_id, kept));
        Ok(interest)
    }
}

async fn read_interest(
    db: &mut impl Reader,
    registry: &Registry,
    room_id: &RoomId,
) -> Result<RoomInterest, DbError> {
    let aliases = aliases::of_room(db, room_id).await?;
    let members = memberships::joined_of_room(db, room_id).await?;
    let mut interested = Vec::new();
    for appservice in registry.pushing() {
        let witness = if aliases.iter().any(|alias| appservice.covers_alias(alias)) {
            Some(Witness::Alias)
        } else {
            members.iter().find(|member| covers(appservice, member)).cloned().map(Witness::Member)
        };
        interested.extend(witness.map(|witness| (Arc::clone(appservice), witness)));
    }
    Ok(RoomInterest { generation: registry.generation(), interested })
}

fn covers(appservice: &Appservice, member: &str) -> bool {
    <&UserId>::try_from(member).is_ok_and(|member| appservice.covers_user(member))
}

fn wants_directly(appservice: &Appservice, facts: &EventFacts<'_>) -> bool {
    appservice.covers_user(facts.sender)
        || facts.member().is_some_and(|member| appservice.covers_user(member))
        || appservice.covers_room(facts.room_id)
}
