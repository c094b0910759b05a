//! What is taken along into a new room, and how power is passed on.

use std::collections::{BTreeMap, HashSet};

use ruma::{OwnedUserId, events::StateEventType};
use serde_json::{Map, Value, json};
use support_db::Tx;

use super::Upgrade;
use crate::{
    error::{Error, Result},
    events::client,
    rooms::tip::Tip,
    store,
};

/// What the specification recommends to take along, in an order in which each is allowed: who may come in before who
/// is kept out.
const CARRIED: [&str; 10] = [
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.encryption",
    "m.room.server_acl",
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
    "m.room.canonical_alias",
    "m.space.child",
];

/// The power somebody needs for state where nothing is said.
const USUAL_STATE_POWER: i64 = 50;

/// The old room, as far as it matters.
#[derive(Debug)]
pub(super) struct Old {
    create: Map<String, Value>,
    levels: Option<Map<String, Value>>,
    /// By type and state key.
    state: BTreeMap<(String, String), Value>,
    bans: Vec<(String, Value)>,
}

impl Old {
    pub(super) async fn read(tx: &mut Tx, old: &Tip) -> Result<Self> {
        let nid = old.room.nid;
        let kinds = CARRIED.into_iter().chain(["m.room.create", "m.room.power_levels"]);
        let mut state = BTreeMap::new();
        for event in store::state::current_of_types(tx, nid, kinds).await? {
            let content = client::content(&event).map_err(Error::internal)?;
            let content = serde_json::from_str(content.get()).map_err(Error::internal)?;
            state.insert((event.kind, event.state_key.unwrap_or_default()), content);
        }
        let mut object = |kind: &str| match state.remove(&(kind.to_owned(), String::new())) {
            Some(Value::Object(content)) => Some(content),
            _ => None,
        };
        let create = object("m.room.create");
        let create = create.ok_or_else(|| Error::internal("a room without a create event"))?;
        let levels = object("m.room.power_levels");
        let mut bans = Vec::new();
        let banned = store::memberships::positions_of(tx, nid, "ban").await?;
        for event in store::events::at(tx, banned).await? {
            let content = client::content(&event).map_err(Error::internal)?;
            let content = serde_json::from_str(content.get()).map_err(Error::internal)?;
            bans.push((event.state_key.unwrap_or_default(), content));
        }
        Ok(Self { create, levels, state, bans })
    }

    /// Writes the content of the new create event: what the client once asked for, with its type, is kept.
    pub(super) fn create(&self, upgrade: &Upgrade, old: &Tip) -> Result<Value> {
        let mut content = self.create.clone();
        for key in ["creator", "additional_creators", "predecessor"] {
            content.remove(key);
        }
        let rules = &upgrade.rules.authorization;
        content.insert("room_version".to_owned(), upgrade.version.as_str().into());
        if !rules.use_room_create_sender {
            content.insert("creator".to_owned(), upgrade.upgrader.as_str().into());
        }
        if !upgrade.additional_creators.is_empty() {
            content.insert("additional_creators".to_owned(), json!(upgrade.additional_creators));
        }
        let mut predecessor = json!({ "room_id": old.room.room_id });
        // Newer versions name the room alone.
        if upgrade.rules.event_format.require_room_create_room_id {
            let newest = old.newest.as_ref();
            let newest = newest.ok_or_else(|| Error::internal("a room without any event"))?;
            predecessor["event_id"] = newest.as_str().into();
        }
        content.insert("predecessor".to_owned(), predecessor);
        Ok(Value::Object(content))
    }

    /// Writes the power levels the new room begins with, and those it ends up with if they are others: who replaces a
    /// room may need more power to furnish the new one than he had in the old one, and gives it back.
    pub(super) fn power_levels(
        &self,
        upgrade: &Upgrade,
        creators: &HashSet<OwnedUserId>,
    ) -> (Value, Option<Value>) {
        let mut levels = self.levels.clone().unwrap_or_default();
        let mut users = match levels.remove("users") {
            Some(Value::Object(users)) => users,
            _ => Map::new(),
        };
        if upgrade.rules.authorization.explicitly_privilege_room_creators {
            users.remove(upgrade.upgrader.as_str());
            for creator in &upgrade.additional_creators {
                users.remove(creator.as_str());
            }
            levels.insert("users".to_owned(), Value::Object(users));
            return (Value::Object(levels), None);
        }
        for creator in creators {
            // Above all in the old room, and named nowhere.
            users.entry(creator.as_str()).or_insert_with(|| 100.into());
        }
        let had = users.get(upgrade.upgrader.as_str()).and_then(Value::as_i64);
        let had = had.or_else(|| levels.get("users_default")?.as_i64()).unwrap_or(0);
        let needed = self.power_needed(&users);
        let with = |users: Map<String, Value>| {
            let mut levels = levels.clone();
            levels.insert("users".to_owned(), Value::Object(users));
            Value::Object(levels)
        };
        if had >= needed {
            return (with(users), None);
        }
        let mut raised = users.clone();
        raised.insert(upgrade.upgrader.to_string(), needed.into());
        (with(raised), Some(with(users)))
    }

    /// Returns the power with which everything can be set, also the power levels themselves.
    fn power_needed(&self, users: &Map<String, Value>) -> i64 {
        let levels = self.levels.as_ref();
        let level = |key: &str| levels.and_then(|levels| levels.get(key)?.as_i64());
        let events = levels.and_then(|levels| levels.get("events")?.as_object());
        let of_events = events.into_iter().flat_map(Map::values).filter_map(Value::as_i64);
        let of_users = users.values().filter_map(Value::as_i64);
        let general = ["state_default", "ban", "kick", "redact", "invite", "events_default"];
        let general = general.into_iter().filter_map(level);
        general.chain(of_events).chain(of_users).fold(USUAL_STATE_POWER, i64::max)
    }

    /// Returns the state to take along, and who stays banned.
    pub(super) fn carried(&self) -> impl Iterator<Item = (&str, &str, Value)> {
        let state = CARRIED.into_iter().flat_map(|wanted| {
            self.state.iter().filter(move |((kind, key), content)| {
                let keeps =
                    if wanted == "m.space.child" { !key.is_empty() } else { key.is_empty() };
                let says_something = content.as_object().is_some_and(|content| !content.is_empty());
                kind == wanted && keeps && says_something
            })
        });
        let state =
            state.map(|((kind, key), content)| (kind.as_str(), key.as_str(), content.clone()));
        let bans = self.bans.iter();
        state.chain(bans.map(|(user, content)| ("m.room.member", user.as_str(), content.clone())))
    }
}

/// Writes the power levels that make a replaced room quiet, if they would be others than now.
pub(super) async fn closing_levels(tx: &mut Tx, old: &mut Tip) -> Result<Option<Value>> {
    let Some(event) = old.state(tx, &StateEventType::RoomPowerLevels, "").await? else {
        return Ok(None);
    };
    let mut levels: Map<String, Value> =
        serde_json::from_str(event.content.get()).map_err(Error::internal)?;
    let level = |levels: &Map<String, Value>, key: &str| levels.get(key).and_then(Value::as_i64);
    let everybody = level(&levels, "users_default").unwrap_or(0);
    let needed = everybody.saturating_add(1).max(USUAL_STATE_POWER);
    let mut is_new = false;
    for key in ["events_default", "invite"] {
        if level(&levels, key).unwrap_or(0) < needed {
            levels.insert(key.to_owned(), needed.into());
            is_new = true;
        }
    }
    Ok(is_new.then_some(Value::Object(levels)))
}
