//! State: what rooms are made of, and who pretends to be somebody.

use serde_json::{Value, json};

use super::{
    personal::nested,
    row::{Row, Who, Who::*, get, put},
};

fn set(name: &'static str, who: Who, place: &str, content: Value) -> Row {
    put(name, who, format!("/rooms/{{room}}/state/{place}")).json(content)
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = kinds();
    rows.extend(members());
    rows.extend(power());
    rows.extend(places());
    rows
}

fn kinds() -> Vec<Row> {
    vec![
        set("the beginning, sent again", Alice, "m.room.create/", json!({ "room_version": "11" }))
            .is(403, "M_FORBIDDEN"),
        set("the beginning under a key", Alice, "m.room.create/x", json!({}))
            .is(403, "M_FORBIDDEN"),
        set("a name without the power", Bob, "m.room.name/", json!({ "name": "Mine" }))
            .is(403, "M_FORBIDDEN"),
        set("a name that is a number", Alice, "m.room.name/", json!({ "name": 1 }))
            .is(400, "M_BAD_JSON"),
        set("a topic that is a list", Alice, "m.room.topic/", json!({ "topic": ["a"] }))
            .is(400, "M_BAD_JSON"),
        set("a picture that is an object", Alice, "m.room.avatar/", json!({ "url": {} }))
            .is(400, "M_BAD_JSON"),
        set("join rules of no rule", Alice, "m.room.join_rules/", json!({})).is(400, "M_BAD_JSON"),
        set("a join rule that is null", Alice, "m.room.join_rules/", json!({ "join_rule": null }))
            .is(400, "M_BAD_JSON"),
        set(
            "a history nobody can see",
            Alice,
            "m.room.history_visibility/",
            json!({ "history_visibility": 0 }),
        )
        .is(400, "M_BAD_JSON"),
        set(
            "guest access that is true",
            Alice,
            "m.room.guest_access/",
            json!({ "guest_access": true }),
        )
        .is(400, "M_BAD_JSON"),
        set("encryption of no algorithm", Alice, "m.room.encryption/", json!({}))
            .is(400, "M_BAD_JSON"),
        set(
            "an alias that leads elsewhere",
            Alice,
            "m.room.canonical_alias/",
            json!({ "alias": "#room10:hs.test" }),
        )
        .is(400, "M_BAD_ALIAS"),
        set(
            "an alias that leads nowhere",
            Alice,
            "m.room.canonical_alias/",
            json!({ "alt_aliases": ["#nothing:hs.test"] }),
        )
        .is(400, "M_BAD_ALIAS"),
        set("an alias that is none", Alice, "m.room.canonical_alias/", json!({ "alias": "room" }))
            .is(400, "M_INVALID_PARAM"),
        set(
            "other aliases that are one string",
            Alice,
            "m.room.canonical_alias/",
            json!({ "alt_aliases": "#room:hs.test" }),
        )
        .is(400, "M_BAD_JSON"),
        set(
            "other aliases that are numbers",
            Alice,
            "m.room.canonical_alias/",
            json!({ "alt_aliases": [1] }),
        )
        .is(400, "M_INVALID_PARAM"),
        set("state with a fraction", Alice, "test.state/", json!({ "a": 0.5 }))
            .is(400, "M_BAD_JSON"),
        put("state nested 10,000 deep", Alice, "/rooms/{room}/state/test.state/")
            .raw(nested(10_000))
            .is(400, "M_BAD_JSON"),
        put("no state", Alice, "/rooms/{room}/state/test.state/").is(400, "M_NOT_JSON"),
        put("state that is a list", Alice, "/rooms/{room}/state/test.state/")
            .raw("[]")
            .is(400, "M_BAD_JSON"),
        set("state of 70,000 characters", Alice, "test.state/", json!({ "a": "x".repeat(70_000) }))
            .is(413, "M_TOO_LARGE"),
    ]
}

fn members() -> Vec<Row> {
    let member = |membership: &str| json!({ "membership": membership });
    vec![
        set("joining for somebody", Alice, "m.room.member/{mallory}", member("join")).is(403, "M_FORBIDDEN"),
        set("joining by writing it down", Mallory, "m.room.member/{mallory}", member("join")).is(403, "M_FORBIDDEN"),
        set("inviting oneself", Mallory, "m.room.member/{mallory}", member("invite")).is(403, "M_FORBIDDEN"),
        set("banning by writing it down", Bob, "m.room.member/{alice}", member("ban")).is(403, "M_FORBIDDEN"),
        set("leaving for somebody", Bob, "m.room.member/{alice}", member("leave")).is(403, "M_FORBIDDEN"),
        set("knocking for somebody", Alice, "m.room.member/{mallory}", member("knock")).is(403, "M_FORBIDDEN"),
        set("a membership nobody knows", Bob, "m.room.member/{bob}", member("lurk")).is(400, "M_BAD_JSON"),
        set("a membership that is a number", Bob, "m.room.member/{bob}", json!({ "membership": 1 })).is(400, "M_BAD_JSON"),
        set("no membership", Bob, "m.room.member/{bob}", json!({ "displayname": "Bob" })).is(400, "M_BAD_JSON"),
        set("a member's name that is a list", Bob, "m.room.member/{bob}", json!({ "membership": "join", "displayname": [] }))
            .is(400, "M_BAD_JSON"),
        set("a member who is no user", Alice, "m.room.member/bob", member("invite")).is(403, "M_FORBIDDEN"),
        set("a member of no name", Alice, "m.room.member/", member("join")).is(403, "M_FORBIDDEN"),
        set("a member of another server", Alice, "m.room.member/@bob:other.test", member("invite")).is(403, "M_FORBIDDEN"),
        set("a member who is nobody", Alice, "m.room.member/@nobody:hs.test", member("invite")).is(404, "M_NOT_FOUND"),
        set("another's word for a restricted join", Mallory, "m.room.member/{mallory}", json!({
            "membership": "join", "join_authorised_via_users_server": "{alice}",
        }))
        .is(403, "M_FORBIDDEN"),
        set("an invitation by e-mail out of nothing", Alice, "m.room.member/{mallory}", json!({
            "membership": "invite",
            "third_party_invite": { "display_name": "m", "signed": { "mxid": "{mallory}", "token": "x", "signatures": {} } },
        }))
        .is(403, "M_FORBIDDEN"),
    ]
}

fn power() -> Vec<Row> {
    let levels = |name, room: &str, content: Value| {
        put(name, Alice, format!("/rooms/{{{room}}}/state/m.room.power_levels/")).json(content)
    };
    let users = |level: Value| json!({ "users": { "{alice}": 100, "{bob}": level } });
    vec![
        set(
            "power for oneself",
            Bob,
            "m.room.power_levels/",
            json!({ "users": { "{alice}": 100, "{bob}": 100 } }),
        )
        .is(403, "M_FORBIDDEN"),
        levels("a power that is a string, version 10", "room10", users(json!("50")))
            .is(400, "M_BAD_JSON"),
        levels("a power that is a string, version 11", "room", users(json!("50")))
            .is(400, "M_BAD_JSON"),
        levels("a power that is a fraction", "room", users(json!(50.5))).is(400, "M_BAD_JSON"),
        levels("a power beyond all numbers", "room", users(json!(9_007_199_254_740_992_i64)))
            .is(400, "M_BAD_JSON"),
        levels("a power that is null", "room", users(json!(null))).is(400, "M_BAD_JSON"),
        levels("a power that is true", "room", users(json!(true))).is(400, "M_BAD_JSON"),
        levels("a power that is a list", "room", users(json!([50]))).is(400, "M_BAD_JSON"),
        levels("users that are a list", "room", json!({ "users": ["{alice}"] }))
            .is(400, "M_BAD_JSON"),
        levels(
            "events that are a number",
            "room",
            json!({ "users": { "{alice}": 100 }, "events": 5 }),
        )
        .is(400, "M_BAD_JSON"),
        levels(
            "a level to ban that is a string",
            "room",
            json!({ "users": { "{alice}": 100 }, "ban": "50" }),
        )
        .is(400, "M_BAD_JSON"),
        levels(
            "a level to redact that is an object",
            "room10",
            json!({ "users": { "{alice}": 100 }, "redact": {} }),
        )
        .is(400, "M_BAD_JSON"),
        levels(
            "notifications that are a string",
            "room",
            json!({ "users": { "{alice}": 100 }, "notifications": { "room": "50" } }),
        )
        .is(400, "M_BAD_JSON"),
        levels(
            "power for what is no user",
            "room",
            json!({ "users": { "{alice}": 100, "bob": 50 } }),
        )
        .is(403, "M_FORBIDDEN"),
        levels("more power than one has", "room", json!({ "users": { "{alice}": 101 } }))
            .is(403, "M_FORBIDDEN"),
        levels(
            "a level above one's own",
            "room10",
            json!({ "users": { "{alice}": 100 }, "state_default": 101 }),
        )
        .is(403, "M_FORBIDDEN"),
        levels("power for a creator, version 12", "room12", json!({ "users": { "{alice}": 100 } }))
            .is(403, "M_FORBIDDEN"),
        levels("power levels under a key that is a user", "room", json!({ "users": {} }))
            .is(403, "M_FORBIDDEN")
            .at("/rooms/{room}/state/m.room.power_levels/{bob}"),
    ]
}

fn places() -> Vec<Row> {
    let long = "k".repeat(300);
    vec![
        set("a state key that is somebody else", Alice, "test.state/{bob}", json!({}))
            .is(403, "M_FORBIDDEN"),
        set("a state key that begins with @", Alice, "test.state/@everybody", json!({}))
            .is(403, "M_FORBIDDEN"),
        set(
            "a state key that is somebody elsewhere",
            Alice,
            "test.state/@alice:other.test",
            json!({}),
        )
        .is(403, "M_FORBIDDEN"),
        set("a state key of 300 characters", Alice, &format!("test.state/{long}"), json!({}))
            .is(413, "M_TOO_LARGE"),
        set("a type of state of 300 characters", Alice, &format!("{long}/"), json!({}))
            .is(413, "M_TOO_LARGE"),
        set("NUL in a state key", Alice, "test.state/a%00b", json!({})).is(400, "M_INVALID_PARAM"),
        set("bad UTF-8 in a state key", Alice, "test.state/%ff", json!({}))
            .is(400, "M_INVALID_PARAM"),
        set(
            "a path that goes up in a state key",
            Alice,
            "test.state/..%2f..%2fm.room.create",
            json!({ "a": 0.5 }),
        )
        .is(400, "M_BAD_JSON"),
        get("state of a room one is not in", Mallory, "/rooms/{room}/state").is(403, "M_FORBIDDEN"),
        get(
            "one piece of state of a room one is not in",
            Mallory,
            "/rooms/{room}/state/m.room.name/",
        )
        .is(403, "M_FORBIDDEN"),
        get("state that is not there", Bob, "/rooms/{room}/state/test.nothing/")
            .is(404, "M_NOT_FOUND"),
        get("state of a room that is not there", Bob, "/rooms/!nowhere:hs.test/state")
            .is(403, "M_FORBIDDEN"),
        get("state in a form nobody knows", Bob, "/rooms/{room}/state/m.room.name/?format=poem")
            .is(400, "M_INVALID_PARAM"),
    ]
}
