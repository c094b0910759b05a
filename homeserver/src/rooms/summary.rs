//! What a room looks like from outside, and who may look: directories, spaces and summaries show the same.

use std::collections::HashMap;

use ruma::{
    OwnedRoomId, RoomAliasId, UInt, UserId,
    room::{JoinRuleSummary, RestrictedSummary, RoomSummary},
};
use serde_json::Value;

use super::restricted::{self, JoinRules};
use crate::{
    error::{Error, Result},
    events::client,
    store::{self, Reader, events::StoredEvent, rooms::Room},
};

/// The state a summary is made of.
const TOLD: [&str; 9] = [
    "m.room.create",
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
    "m.room.canonical_alias",
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.encryption",
];

/// A room as strangers see it.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) room: Room,
    pub(crate) told: RoomSummary,
    rules: Option<JoinRules>,
}

impl Summary {
    /// Summarises one room.
    pub(crate) async fn of(db: &mut impl Reader, room: Room) -> Result<Self> {
        let state = store::state::current_of_rooms(db, [room.nid], TOLD).await?;
        Self::read(room, state)
    }

    /// Summarises many rooms, in their order.
    pub(crate) async fn of_all(db: &mut impl Reader, rooms: Vec<Room>) -> Result<Vec<Self>> {
        let nids = rooms.iter().map(|room| room.nid);
        let mut states: HashMap<i64, Vec<StoredEvent>> = HashMap::new();
        for event in store::state::current_of_rooms(db, nids, TOLD).await? {
            states.entry(event.room_nid).or_default().push(event);
        }
        let summarise = |room: Room| {
            let state = states.remove(&room.nid).unwrap_or_default();
            Self::read(room, state)
        };
        rooms.into_iter().map(summarise).collect()
    }

    fn read(room: Room, state: Vec<StoredEvent>) -> Result<Self> {
        let mut contents = HashMap::new();
        for event in state {
            let content = client::content(&event).map_err(Error::internal)?;
            let content: Value = serde_json::from_str(content.get()).map_err(Error::internal)?;
            contents.insert(event.kind, content);
        }
        let text = |kind: &str, key: &str| {
            let text = contents.get(kind)?.get(key)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let rules = contents.get("m.room.join_rules").cloned();
        let rules: Option<JoinRules> = rules.and_then(|rules| serde_json::from_value(rules).ok());
        let world_readable = text("m.room.history_visibility", "history_visibility").as_deref()
            == Some("world_readable");
        let guests = text("m.room.guest_access", "guest_access").as_deref() == Some("can_join");
        let joined = UInt::try_from(room.joined_count).unwrap_or_default();
        let rule = tell_rule(rules.as_ref());
        let mut told = RoomSummary::new(room.room_id.clone(), rule, guests, joined, world_readable);
        let alias = text("m.room.canonical_alias", "alias");
        told.canonical_alias = alias.and_then(|alias| RoomAliasId::parse(alias).ok());
        told.name = text("m.room.name", "name");
        told.topic = text("m.room.topic", "topic");
        told.avatar_url = text("m.room.avatar", "url").map(Into::into);
        told.room_type = text("m.room.create", "type").map(Into::into);
        told.encryption = text("m.room.encryption", "algorithm").map(Into::into);
        told.room_version = Some(room.version.clone());
        Ok(Self { room, told, rules })
    }

    /// Returns whether somebody may know of the room: because it is open or can be knocked at, because he is in it or
    /// invited, or because he is in another that lets its members in. Without a user, whether everybody may.
    pub(crate) async fn may_be_seen(
        &self,
        db: &mut impl Reader,
        user_id: Option<&UserId>,
    ) -> Result<bool> {
        let rule = self.rules.as_ref().map(|rules| rules.join_rule.as_str());
        if self.told.world_readable || matches!(rule, Some("public" | "knock" | "knock_restricted"))
        {
            return Ok(true);
        }
        let Some(user_id) = user_id else { return Ok(false) };
        let own = store::memberships::of_user_in(db, user_id, self.room.nid).await?;
        if own.is_some_and(|own| matches!(own.membership.as_str(), "join" | "invite")) {
            return Ok(true);
        }
        match &self.rules {
            Some(rules) if rules.join_rule == "restricted" => {
                restricted::is_in_one_of(db, user_id, rules.rooms()).await
            }
            _ => Ok(false),
        }
    }
}

/// A room without rules is one by invitation.
fn tell_rule(rules: Option<&JoinRules>) -> JoinRuleSummary {
    let Some(rules) = rules else { return JoinRuleSummary::Invite };
    let rooms = || -> Vec<OwnedRoomId> { rules.rooms().map(ToOwned::to_owned).collect() };
    match rules.join_rule.as_str() {
        "public" => JoinRuleSummary::Public,
        "knock" => JoinRuleSummary::Knock,
        "restricted" => JoinRuleSummary::Restricted(RestrictedSummary::new(rooms())),
        "knock_restricted" => JoinRuleSummary::KnockRestricted(RestrictedSummary::new(rooms())),
        _ => JoinRuleSummary::Invite,
    }
}
