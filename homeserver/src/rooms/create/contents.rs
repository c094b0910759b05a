//! The events a new room starts with.

use ruma::{
    UserId, api::client::room::create_room::v3::RoomPreset, room_version_rules::RoomVersionRules,
};
use serde_json::{Value, json};

use super::{Wish, creator_levels};
use crate::error::Result;

/// Type, state key and content.
pub(super) type Event<'a> = (&'a str, String, Value);

/// The event that makes the room. What the client adds is kept, `m.federate` above all; what a server says
/// itself is not taken from it.
pub(super) fn create_event<'a>(
    wish: &Wish,
    rules: &RoomVersionRules,
    creator: &UserId,
) -> Result<Event<'a>> {
    let mut content = wish.creation_content.clone();
    content.insert("room_version".to_owned(), wish.version.as_str().into());
    if rules.authorization.use_room_create_sender {
        content.remove("creator");
    } else {
        content.insert("creator".to_owned(), creator.as_str().into());
    }
    if !rules.authorization.additional_room_creators {
        content.remove("additional_creators");
    } else if wish.trusts_all() && !wish.invite.is_empty() {
        let named = content.get("additional_creators").and_then(Value::as_array).cloned();
        let mut creators = named.unwrap_or_default();
        for user_id in &wish.invite {
            let user_id = Value::from(user_id.as_str());
            if !creators.contains(&user_id) {
                creators.push(user_id);
            }
        }
        content.insert("additional_creators".to_owned(), creators.into());
    }
    Ok(("m.room.create", String::new(), Value::Object(content)))
}

/// Everything between the creator's entrance and the invitations, in the order the specification gives:
/// power, alias, preset, initial state, name, topic.
pub(super) fn state<'a>(
    wish: &'a Wish,
    rules: &RoomVersionRules,
    creator: &UserId,
) -> Result<Vec<Event<'a>>> {
    let mut events: Vec<Event<'a>> = Vec::new();
    let own = |kind: &'a str, content: Value| (kind, String::new(), content);
    if !wish.sets("m.room.power_levels") {
        events.push(own("m.room.power_levels", power_levels(wish, rules, creator)));
    }
    if let Some(alias) = &wish.alias
        && !wish.sets("m.room.canonical_alias")
    {
        events.push(own("m.room.canonical_alias", json!({ "alias": alias })));
    }
    let (join_rule, guests) = match wish.preset {
        RoomPreset::PublicChat => ("public", "forbidden"),
        _ => ("invite", "can_join"),
    };
    for (kind, key, value) in [
        ("m.room.join_rules", "join_rule", join_rule),
        ("m.room.history_visibility", "history_visibility", "shared"),
        ("m.room.guest_access", "guest_access", guests),
    ] {
        if !wish.sets(kind) {
            events.push(own(kind, json!({ key: value })));
        }
    }
    for state in &wish.initial_state {
        let content = Value::Object(state.content.clone());
        let is_overridden = state.state_key.is_empty()
            && match state.kind.as_str() {
                "m.room.name" => wish.name.is_some(),
                "m.room.topic" => wish.topic.is_some(),
                _ => false,
            };
        if !is_overridden {
            events.push((&state.kind, state.state_key.clone(), content));
        }
    }
    if let Some(name) = &wish.name {
        events.push(own("m.room.name", json!({ "name": name })));
    }
    if let Some(topic) = &wish.topic {
        events.push(own("m.room.topic", json!({ "topic": topic })));
    }
    // The creator's power has to stand before anything else, whoever gave it.
    if wish.sets("m.room.power_levels") {
        events.sort_by_key(|(kind, ..)| *kind != "m.room.power_levels");
    }
    Ok(events)
}

fn power_levels(wish: &Wish, rules: &RoomVersionRules, creator: &UserId) -> Value {
    let invite = if wish.preset == RoomPreset::PublicChat { 50 } else { 0 };
    // Replacing a room ends it; only creators may where they stand above all.
    let tombstone = if rules.authorization.explicitly_privilege_room_creators { 150 } else { 100 };
    let mut users = creator_levels(rules, creator);
    if wish.trusts_all() && !rules.authorization.explicitly_privilege_room_creators {
        for user_id in &wish.invite {
            users[user_id.as_str()] = 100.into();
        }
    }
    let mut levels = json!({
        "users": users,
        "users_default": 0,
        "events": {
            "m.room.name": 50,
            "m.room.avatar": 50,
            "m.room.canonical_alias": 50,
            "m.room.power_levels": 100,
            "m.room.history_visibility": 100,
            "m.room.encryption": 100,
            "m.room.server_acl": 100,
            "m.room.tombstone": tombstone,
        },
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": invite,
    });
    for (key, value) in &wish.power_levels {
        levels[key] = value.clone();
    }
    levels
}
