//! Writing a batch, inside one write job.

use std::collections::{BTreeMap, HashMap, HashSet};

use ruma::{OwnedEventId, OwnedUserId, UserId, events::StateEventType};
use support_db::Tx;
use support_matrix_http::MatrixError;

use super::{Given, Work};
use crate::{
    appservice::EventFacts,
    error::{Error, Result},
    events::{Built, Place, build},
    push,
    rooms::{append::not_in_room, receipts, redact, relations, search, tip::Tip},
    store::{self, events::NewEvent, receipts::Receipt},
};

/// The depth of what stands on the create event.
const DEPTH: i64 = 1;

impl Work {
    pub(super) async fn run(&self, tx: &mut Tx) -> Result<Vec<OwnedEventId>> {
        let Some(mut tip) = Tip::take(tx, &self.house, &self.room_id).await? else {
            return Err(not_in_room(&self.caller).into());
        };
        // After a refusal the tip may be half moved: it is not put back and read again.
        let ids = self.insert(tx, &mut tip).await?;
        tip.put_forward(tx, &self.house);
        Ok(ids)
    }

    async fn insert(&self, tx: &mut Tx, tip: &mut Tip) -> Result<Vec<OwnedEventId>> {
        tip.trim();
        let create = tip.state(tx, &StateEventType::RoomCreate, "").await?;
        let create = create.ok_or_else(|| Error::internal("a room without a create event"))?;
        self.check_people(tx, tip, &create.sender).await?;
        let built = self.build(tip, &create.event_id)?;
        let ids: Vec<OwnedEventId> = built.iter().map(|one| one.pdu.event_id.clone()).collect();
        let known = self.known(tx, tip, &ids).await?;
        let mut told = HashSet::new();
        let new: Vec<(&Given, &Built)> = self
            .batch
            .events
            .iter()
            .zip(&built)
            .filter(|(_, one)| !known.contains(&one.pdu.event_id))
            .filter(|(_, one)| told.insert(one.pdu.event_id.clone()))
            .collect();
        let forward = self.batch.forward
            || (self.batch.forward_if_no_messages
                && !store::events::has_messages(tx, tip.room.nid).await?);
        let notify = forward && self.batch.send_notification;
        if notify {
            push::audience::ensure(tx, tip).await?;
        }
        let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
        let mut before = store::events::lowest(tx).await?.min(0) - count;
        let mut last = None;
        for (given, built) in new {
            let position = if forward {
                tx.next_position("events")
            } else {
                before += 1;
                before - 1
            };
            self.write(tx, tip, given, built, position).await?;
            if forward {
                tip.newest = Some(built.pdu.event_id.clone());
                if notify {
                    push::note(tx, &self.house, tip, &built.pdu, position).await?;
                }
                self.announce(tx, tip, built, position).await?;
                last = Some((built.pdu.event_id.clone(), position));
            }
        }
        if let Some((event_id, position)) = last {
            if let Some(reader) = &self.batch.mark_read_by {
                self.mark_read(tx, tip, reader, &event_id, position).await?;
            }
            let (house, nid) = (self.house.clone(), tip.room.nid);
            tx.after_commit(move || house.sync.wake_room(nid, None));
        }
        Ok(ids)
    }

    /// Refuses a caller who is not in the room, and people the application service may not speak for: its own, and
    /// in rooms that it made the people who are in them.
    async fn check_people(&self, tx: &mut Tx, tip: &mut Tip, creator: &UserId) -> Result<()> {
        if !is_joined(tx, tip, &self.caller).await? {
            return Err(not_in_room(&self.caller).into());
        }
        let is_its_room = self.appservice.covers_user(creator);
        let senders = self.batch.events.iter().map(|given| &given.draft.sender);
        let people: HashSet<&OwnedUserId> = senders.chain(&self.batch.mark_read_by).collect();
        for person in people {
            let is_local = person.server_name() == self.house.server_name;
            let may = is_local
                && (self.appservice.covers_user(person)
                    || (is_its_room && is_joined(tx, tip, person).await?));
            if !may {
                let words = format!("The application service may not speak for {person} here.");
                return Err(MatrixError::forbidden(words).into());
            }
        }
        Ok(())
    }

    /// Makes the events. Of those that are the same in everything, each stands on the one before it.
    fn build(&self, tip: &Tip, create: &OwnedEventId) -> Result<Vec<Built>> {
        let mut twins: HashMap<OwnedEventId, OwnedEventId> = HashMap::new();
        let build_on = |given: &Given, prev_events: &[OwnedEventId]| {
            let place = Place {
                room_id: Some(&tip.room.room_id),
                prev_events,
                auth_events: &[],
                depth: DEPTH,
            };
            let house = &self.house;
            build(&given.draft, &place, &tip.rules, &house.server_name, house.keys.pair())
        };
        let build_one = |given: &Given| -> Result<Built> {
            let mut built = build_on(given, std::slice::from_ref(create))?;
            if let Some(event_id) = &given.event_id {
                built.pdu.event_id.clone_from(event_id);
                return Ok(built);
            }
            let first = built.pdu.event_id.clone();
            if let Some(twin) = twins.get(&first) {
                built = build_on(given, &[create.clone(), twin.clone()])?;
            }
            twins.insert(first, built.pdu.event_id.clone());
            Ok(built)
        };
        self.batch.events.iter().map(build_one).collect()
    }

    /// Returns the events that are in the room already.
    async fn known(
        &self,
        tx: &mut Tx,
        tip: &Tip,
        ids: &[OwnedEventId],
    ) -> Result<HashSet<OwnedEventId>> {
        let found: BTreeMap<OwnedEventId, i64> = store::events::rooms_of(tx, ids).await?;
        if found.values().any(|nid| *nid != tip.room.nid) {
            let words = "An event of another room has one of these ids.";
            return Err(MatrixError::invalid_param(words).into());
        }
        Ok(found.into_keys().collect())
    }

    async fn write(
        &self,
        tx: &mut Tx,
        tip: &mut Tip,
        given: &Given,
        built: &Built,
        position: i64,
    ) -> Result<()> {
        let draft = &given.draft;
        let redaction = redact::prepare(tx, tip, draft).await?;
        let kind = draft.kind.to_string();
        let group = tip.group.ok_or_else(|| Error::internal("a room without state"))?;
        let event = NewEvent {
            position,
            event_id: &built.pdu.event_id,
            room_nid: tip.room.nid,
            kind: &kind,
            state_key: None,
            sender: draft.sender.as_str(),
            // What follows goes on counting from where the room was.
            depth: tip.depth,
            origin_server_ts: draft.origin_server_ts,
            state_group: group.id,
            replaces: None,
            membership: None,
            txn: None,
            json: &built.json,
        };
        store::events::insert(tx, &event).await?;
        search::learn(tx, tip, draft, position).await?;
        relations::remember(tx, tip, draft, position).await?;
        if let Some(redaction) = redaction {
            redaction.apply(tx, tip, position).await?;
        }
        Ok(())
    }

    /// Tells the other application services.
    async fn announce(&self, tx: &mut Tx, tip: &Tip, built: &Built, position: i64) -> Result<()> {
        let kind = built.pdu.kind.to_string();
        let facts = EventFacts {
            position,
            room_id: &tip.room.room_id,
            sender: &built.pdu.sender,
            kind: &kind,
            state_key: None,
            membership: None,
            told: Some(&self.appservice.id),
        };
        Ok(self.house.appservices.enqueue(tx, &facts).await?)
    }

    async fn mark_read(
        &self,
        tx: &mut Tx,
        tip: &mut Tip,
        reader: &OwnedUserId,
        event_id: &OwnedEventId,
        event_position: i64,
    ) -> Result<()> {
        if !is_joined(tx, tip, reader).await? {
            return Ok(());
        }
        let receipt = Receipt {
            user_id: reader.to_string(),
            kind: "m.read".to_owned(),
            thread: String::new(),
            event_id: event_id.to_string(),
            event_position,
            ts: self.house.clock.now_ms(),
        };
        receipts::put(tx, &self.house, &tip.room, reader, &receipt).await.map(drop)
    }
}

async fn is_joined(tx: &mut Tx, tip: &mut Tip, user_id: &UserId) -> Result<bool> {
    let member = tip.state(tx, &StateEventType::RoomMember, user_id.as_str()).await?;
    let membership = member.and_then(|event| event.content_str("membership"));
    Ok(membership.as_deref() == Some("join"))
}
