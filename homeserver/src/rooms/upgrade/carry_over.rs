//! What people keep for themselves of a room goes with them when they enter the one that replaced it: its tags, whether
//! it is a direct chat, and the push rules made for it.

use ruma::{RoomId, UserId, events::StateEventType};
use serde_json::Value;
use support_db::Tx;

use crate::{
    error::{Error, Result},
    events::client,
    house::SharedHouse,
    rooms::tip::Tip,
    store::{self, account_data},
};

/// Adds the second room wherever the first is; says whether there was anything to add.
type Edit = fn(&mut Value, &str, &str) -> bool;

/// Called in the job in which somebody joins a room.
pub(in crate::rooms) async fn carry_over(
    tx: &mut Tx,
    house: &SharedHouse,
    new: &mut Tip,
    user_id: &UserId,
) -> Result<()> {
    let Some(old) = predecessor(tx, new).await? else { return Ok(()) };
    if store::memberships::of_user_in(tx, user_id, old.nid).await?.is_none() {
        return Ok(());
    }
    let (old, new) = (old.room_id.as_str(), new.room.room_id.as_str());
    let tags = account_data::get_in(tx, user_id.as_str(), old, "m.tag").await?;
    let has_tags = account_data::get_in(tx, user_id.as_str(), new, "m.tag").await?.is_some();
    let mut news: Vec<(&str, &str, String)> = Vec::new();
    news.extend(tags.filter(|_| !has_tags).map(|tags| (new, "m.tag", tags)));
    let edits: [(&str, Edit); 2] =
        [("m.direct", add_to_direct), ("m.push_rules", add_to_push_rules)];
    for (kind, edit) in edits {
        let Some(content) = account_data::get_in(tx, user_id.as_str(), "", kind).await? else {
            continue;
        };
        let mut content: Value = serde_json::from_str(&content).map_err(Error::internal)?;
        if edit(&mut content, old, new) {
            news.push(("", kind, content.to_string()));
        }
    }
    if news.is_empty() {
        return Ok(());
    }
    for (room_id, kind, content) in news {
        let position = tx.next_position("events");
        account_data::put(tx, user_id.as_str(), room_id, kind, &content, position).await?;
    }
    let (house, user_id) = (house.clone(), user_id.to_owned());
    tx.after_commit(move || {
        house.push.forget(&user_id);
        house.sync.wake_user(&user_id);
    });
    Ok(())
}

/// Finds the room that a room replaced. Both have to say so: anybody can claim to follow another room.
async fn predecessor(tx: &mut Tx, new: &mut Tip) -> Result<Option<store::rooms::Room>> {
    #[derive(serde::Deserialize)]
    struct Create {
        predecessor: Option<Predecessor>,
    }
    #[derive(serde::Deserialize)]
    struct Predecessor {
        room_id: String,
    }
    let Some(create) = new.state(tx, &StateEventType::RoomCreate, "").await? else {
        return Ok(None);
    };
    let create: Option<Create> = serde_json::from_str(create.content.get()).ok();
    let Some(old) = create.and_then(|create| create.predecessor) else { return Ok(None) };
    let Ok(old) = RoomId::parse(old.room_id) else { return Ok(None) };
    let Some(old) = store::rooms::by_id(tx, &old).await? else { return Ok(None) };
    let tombstone = store::state::current(tx, old.nid, "m.room.tombstone", "").await?;
    let Some(tombstone) = tombstone else { return Ok(None) };
    let content = client::content(&tombstone).map_err(Error::internal)?;
    let content: Value = serde_json::from_str(content.get()).map_err(Error::internal)?;
    let follows = content["replacement_room"] == new.room.room_id.as_str();
    Ok(follows.then_some(old))
}

/// Adds the new room wherever the old one is a direct chat.
fn add_to_direct(direct: &mut Value, old: &str, new: &str) -> bool {
    let mut added = false;
    for rooms in direct.as_object_mut().into_iter().flat_map(|direct| direct.values_mut()) {
        let Some(rooms) = rooms.as_array_mut() else { continue };
        if rooms.iter().any(|room| room == old) && !rooms.iter().any(|room| room == new) {
            rooms.push(new.into());
            added = true;
        }
    }
    added
}

/// Repeats the rules that bear the old room's id for the new one.
fn add_to_push_rules(rules: &mut Value, old: &str, new: &str) -> bool {
    let mut added = false;
    let kinds = rules.get_mut("global").and_then(Value::as_object_mut);
    for kind in kinds.into_iter().flat_map(|kinds| kinds.values_mut()) {
        let Some(kind) = kind.as_array_mut() else { continue };
        if kind.iter().any(|rule| rule["rule_id"] == new) {
            continue;
        }
        let Some(at) = kind.iter().position(|rule| rule["rule_id"] == old) else { continue };
        let mut rule = kind[at].clone();
        rule["rule_id"] = new.into();
        for condition in rule["conditions"].as_array_mut().into_iter().flatten() {
            if condition["pattern"] == old {
                condition["pattern"] = new.into();
            }
        }
        kind.insert(at + 1, rule);
        added = true;
    }
    added
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_direct_chat_stays_one_and_is_added_once() {
        let mut direct = json!({ "@bob:hs": ["!old"], "@carol:hs": ["!other"], "odd": 1 });
        assert!(add_to_direct(&mut direct, "!old", "!new"));
        assert_eq!(
            direct,
            json!({ "@bob:hs": ["!old", "!new"], "@carol:hs": ["!other"], "odd": 1 })
        );
        assert!(!add_to_direct(&mut direct, "!old", "!new"));
    }

    #[test]
    fn a_muted_room_stays_muted() {
        let rule = |room: &str| {
            json!({
                "rule_id": room, "actions": [], "enabled": true, "default": false,
                "conditions": [{ "kind": "event_match", "key": "room_id", "pattern": room }],
            })
        };
        let mut rules = json!({ "global": { "override": [rule("!old"), rule("!x")] } });
        assert!(add_to_push_rules(&mut rules, "!old", "!new"));
        let expected =
            json!({ "global": { "override": [rule("!old"), rule("!new"), rule("!x")] } });
        assert_eq!(rules, expected);
        assert!(!add_to_push_rules(&mut rules, "!old", "!new"));
    }
}
