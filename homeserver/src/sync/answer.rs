//! One answer of `/sync`: what happened between two positions of the stream, as one user may know it.

use std::collections::{BTreeMap, HashMap};

use ruma::{
    OwnedRoomId, OwnedUserId,
    api::client::{
        filter::{Filter, FilterDefinition, RoomEventFilter},
        sync::sync_events::v3::Response,
    },
    push::Ruleset,
    serde::Raw,
};
use serde_json::{json, value::to_raw_value};
use support_db::Snapshot;

use super::{batch::Batch, token::SyncToken};
use crate::{
    error::{Error, Result},
    house::{House, SharedHouse},
    push::rules,
    rooms::{filter, token::Token},
    store::{self, memberships::Membership, rooms::Room},
    users::AccountData,
};

/// Up to this many positions back, what happened is looked through; beyond, the user's rooms are.
const SHORT_GAP: i64 = 2000;

/// Who asks for what.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) user_id: OwnedUserId,
    /// The scope of the transaction ids of the device that asks.
    pub(crate) scope: String,
    pub(super) since: Option<SyncToken>,
    pub(crate) filter: FilterDefinition,
    pub(crate) full_state: bool,
    pub(crate) state_after: bool,
}

/// An answer, and whether there is nothing in it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response,
    pub(crate) is_empty: bool,
}

/// What one snapshot tells.
struct Told {
    response: Response,
    upto: i64,
    /// The rooms that were looked at, and whether the user is in them.
    memberships: HashMap<OwnedRoomId, bool>,
    /// Whether the user came into one of them since the token.
    has_joined: bool,
}

impl Question {
    /// Answers from one snapshot.
    pub(crate) async fn answer(&self, house: &SharedHouse) -> Result<Answer> {
        let (question, shared) = (self.clone(), house.clone());
        let Told { mut response, upto, memberships, has_joined } = house
            .db
            .read(move |snapshot| {
                let (question, house) = (question.clone(), shared.clone());
                Box::pin(async move { question.rooms(&house, snapshot).await })
            })
            .await?;
        let since = self.since.map(|token| token.events.0.min(upto));
        // Written once per change and never changed back, so it may be read beside the snapshot.
        let data = house.users.account_data(&self.user_id, since, upto).await?;
        self.add_account_data(house, &mut response, data, &memberships).await?;
        let heard = self.since.map_or(0, |token| token.typing);
        let typing = self.add_typing(house, &mut response, heard).await?;
        let presence = self.add_presence(house, &mut response, has_joined).await?;
        response.next_batch = SyncToken { events: Token(upto), typing, presence }.to_string();
        let is_empty = response.rooms.is_empty()
            && response.rooms.knock.is_empty()
            && response.account_data.is_empty()
            && response.presence.is_empty();
        Ok(Answer { response, is_empty })
    }

    async fn rooms(&self, house: &House, snapshot: &mut Snapshot) -> Result<Told> {
        let upto = store::position::of_events(snapshot).await?;
        // A token from the future is one of a database that was restored: go on from here.
        let since = self.since.map(|token| token.events.0.min(upto));
        let mut response = Response::new(Token(upto).to_string());
        let mut rooms = self.candidates(snapshot, since, upto).await?;
        rooms.retain(|(_, room)| self.wants(room));
        let is_joined = |own: &Membership| own.membership == "join";
        let has_joined = since.is_some_and(|since| {
            rooms.iter().any(|(own, _)| is_joined(own) && own.position > since)
        });
        let memberships = rooms.iter().map(|(own, room)| (room.room_id.clone(), is_joined(own)));
        let memberships = memberships.collect();
        let batch = Batch { question: self, now_ms: house.clock.now_ms(), since, upto };
        batch.tell(snapshot, rooms, &mut response.rooms).await?;
        self.add_receipts(snapshot, &mut response, since, upto).await?;
        self.add_counts(snapshot, &mut response, since, upto).await?;
        Ok(Told { response, upto, memberships, has_joined })
    }

    /// Returns the rooms that may have news.
    async fn candidates(
        &self,
        snapshot: &mut Snapshot,
        since: Option<i64>,
        upto: i64,
    ) -> Result<Vec<(Membership, Room)>> {
        let found = match since {
            Some(since) if !self.full_state && upto - since <= SHORT_GAP => {
                store::memberships::of_user_in_changed(snapshot, &self.user_id, since, upto).await?
            }
            Some(since) if !self.full_state => {
                store::memberships::of_user_since(snapshot, &self.user_id, since).await?
            }
            _ => store::memberships::of_user(snapshot, &self.user_id).await?,
        };
        Ok(found)
    }

    fn wants(&self, room: &Room) -> bool {
        self.wants_room(&room.room_id)
    }

    pub(super) fn wants_room(&self, room_id: &OwnedRoomId) -> bool {
        let rooms = &self.filter.room;
        rooms.rooms.as_ref().is_none_or(|rooms| rooms.contains(room_id))
            && !rooms.not_rooms.contains(room_id)
    }

    async fn add_account_data(
        &self,
        house: &House,
        response: &mut Response,
        data: Vec<AccountData>,
        memberships: &HashMap<OwnedRoomId, bool>,
    ) -> Result<()> {
        let mut of_rooms: BTreeMap<OwnedRoomId, Vec<Raw<_>>> = BTreeMap::new();
        let mut has_push_rules = false;
        let types = of_types(&self.filter.room.account_data);
        for data in data {
            has_push_rules |= data.kind == rules::KIND;
            let event = json!({ "type": data.kind, "content": data.content });
            let event = to_raw_value(&event).map_err(Error::internal)?;
            match data.room_id {
                Some(room_id) if wants_type(&types, &data.kind) => {
                    of_rooms.entry(room_id).or_default().push(Raw::from_json(event));
                }
                None if wants_type(&self.filter.account_data, &data.kind) => {
                    response.account_data.events.push(Raw::from_json(event));
                }
                _ => {}
            }
        }
        if self.since.is_none()
            && !has_push_rules
            && wants_type(&self.filter.account_data, rules::KIND)
        {
            response.account_data.events.push(Raw::from_json(push_rules(&self.user_id)?));
        }
        for (room_id, events) in of_rooms {
            if !filter::wants_room(&self.filter.room.account_data, &room_id) {
                continue;
            }
            let is_joined = match memberships.get(&room_id) {
                Some(is_joined) => *is_joined,
                None => self.is_joined(house, &room_id).await?,
            };
            if is_joined {
                let room = response.rooms.join.entry(room_id).or_default();
                room.account_data.events = events;
            }
        }
        Ok(())
    }

    async fn is_joined(&self, house: &House, room_id: &OwnedRoomId) -> Result<bool> {
        let mut db = &house.db;
        let Some(room) = store::rooms::by_id(&mut db, room_id).await? else { return Ok(false) };
        if !self.wants(&room) {
            return Ok(false);
        }
        let own = store::memberships::of_user_in(&mut db, &self.user_id, room.nid).await?;
        Ok(own.is_some_and(|own| own.membership == "join"))
    }
}

/// The rules everybody has until he sets his own; clients read them from here and not from their endpoint.
fn push_rules(user_id: &OwnedUserId) -> Result<Box<serde_json::value::RawValue>> {
    let content = rules::content(&Ruleset::server_default(user_id))?;
    let rules = json!({ "type": rules::KIND, "content": content });
    to_raw_value(&rules).map_err(Error::internal)
}

/// The part of a room's filter that is about types.
pub(super) fn of_types(filter: &RoomEventFilter) -> Filter {
    let mut types = Filter::default();
    types.types.clone_from(&filter.types);
    types.not_types.clone_from(&filter.not_types);
    types
}

pub(super) fn wants_type(filter: &Filter, kind: &str) -> bool {
    let matches =
        |patterns: &[String]| patterns.iter().any(|pattern| filter::matches(pattern, kind));
    filter.types.as_deref().is_none_or(matches) && !matches(&filter.not_types)
}
