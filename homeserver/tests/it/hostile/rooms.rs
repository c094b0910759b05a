//! Rooms being made, joined and named.

use serde_json::{Value, json};

use super::{
    personal::nested,
    row::{Row, Who::*, delete, get, post, put},
};

fn create(name: &'static str, body: Value) -> Row {
    post(name, Alice, "/createRoom").json(body)
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = creation();
    rows.extend(membership());
    rows.extend(aliases());
    rows
}

fn creation() -> Vec<Row> {
    let state = |kind: &str, key: &str, content: Value| json!({ "initial_state": [{ "type": kind, "state_key": key, "content": content }] });
    vec![
        create("a preset nobody knows", json!({ "preset": "castle" })).is(400, "M_BAD_JSON"),
        create("a preset that is a number", json!({ "preset": 5 })).is(400, "M_BAD_JSON"),
        create("a visibility nobody knows", json!({ "visibility": "foggy" })).is(400, "M_BAD_JSON"),
        create("a room version that is not there", json!({ "room_version": "999" })).is(400, "M_UNSUPPORTED_ROOM_VERSION"),
        create("a room version that is not safe", json!({ "room_version": "1" })).is(400, "M_UNSUPPORTED_ROOM_VERSION"),
        create("an empty room version", json!({ "room_version": "" })).is(400, "M_BAD_JSON"),
        create("a room version of 100 characters", json!({ "room_version": "1".repeat(100) })).is(400, "M_BAD_JSON"),
        create("a room version that is a number", json!({ "room_version": 11 })).is(400, "M_BAD_JSON"),
        create("an alias with a colon", json!({ "room_alias_name": "a:b" })).is(400, "M_INVALID_PARAM"),
        create("an alias with a space", json!({ "room_alias_name": "a b" })).is(400, "M_INVALID_PARAM"),
        create("NUL in an alias", json!({ "room_alias_name": "a\0b" })).is(400, "M_INVALID_PARAM"),
        create("an alias of 300 characters", json!({ "room_alias_name": "a".repeat(300) })).is(400, "M_INVALID_PARAM"),
        create("an empty alias", json!({ "room_alias_name": "" })).is(400, "M_INVALID_PARAM"),
        create("an alias that is taken", json!({ "room_alias_name": "room" })).is(400, "M_ROOM_IN_USE"),
        create("an alias of an application service", json!({ "room_alias_name": "_irc_x" })).is(400, "M_EXCLUSIVE"),
        create("inviting what is no user", json!({ "invite": ["bob"] })).is(400, "M_BAD_JSON"),
        create("inviting a string", json!({ "invite": "@bob:hs.test" })).is(400, "M_BAD_JSON"),
        create("inviting somebody of another server", json!({ "invite": ["@bob:other.test"] })).is(403, "M_FORBIDDEN"),
        create("inviting nobody who is there", json!({ "invite": ["@nobody:hs.test"] })).is(404, "M_NOT_FOUND"),
        create("inviting by e-mail", json!({ "invite_3pid": [{
            "id_server": "id.test", "id_access_token": "x", "medium": "email", "address": "a@x.test",
        }] }))
        .is(403, "M_FORBIDDEN"),
        create("a name that is an object", json!({ "name": {} })).is(400, "M_BAD_JSON"),
        create("a topic of 70,000 characters", json!({ "topic": "x".repeat(70_000) })).is(413, "M_TOO_LARGE"),
        create("creation content that is a list", json!({ "creation_content": [1] })).is(400, "M_BAD_JSON"),
        create("creation content with a fraction", json!({ "creation_content": { "a": 1.5 } })).is(400, "M_BAD_JSON"),
        create("power levels that are a string", json!({ "power_level_content_override": "all" })).is(400, "M_BAD_JSON"),
        create("power levels with a string in them", json!({ "power_level_content_override": { "ban": "50" } })).is(400, "M_INVALID_ROOM_STATE"),
        create("power levels with a fraction", json!({ "power_level_content_override": { "kick": 49.5 } })).is(400, "M_BAD_JSON"),
        create("power levels for what is no user", json!({ "power_level_content_override": { "users": { "alice": 100 } } }))
            .is(400, "M_INVALID_ROOM_STATE"),
        create("power levels that name the creator of a room of version 12", json!({
            "room_version": "12", "power_level_content_override": { "users": { "{alice}": 100 } },
        }))
        .is(400, "M_INVALID_ROOM_STATE"),
        create("power levels that leave nobody any", json!({
            "power_level_content_override": { "users": {}, "state_default": 9, "events": { "m.room.name": 50 } },
            "name": "A room", "invite": ["{bob}"],
        }))
        .is(400, "M_INVALID_ROOM_STATE"),
        create("creators who are no users", json!({
            "room_version": "12", "creation_content": { "additional_creators": ["everybody"] },
        }))
        .is(400, "M_INVALID_ROOM_STATE"),
        create("initial state that is an object", json!({ "initial_state": {} })).is(400, "M_BAD_JSON"),
        create("initial state without a type", json!({ "initial_state": [{ "content": {} }] })).is(400, "M_BAD_JSON"),
        create("initial state with content that is a list", json!({ "initial_state": [{ "type": "a", "content": [] }] }))
            .is(400, "M_BAD_JSON"),
        create("a second beginning", state("m.room.create", "", json!({ "creator": "{bob}" }))).is(400, "M_INVALID_ROOM_STATE"),
        create("somebody joined by force", state("m.room.member", "{bob}", json!({ "membership": "join" })))
            .is(400, "M_INVALID_ROOM_STATE"),
        create("initial state under somebody's name", state("test.state", "{bob}", json!({}))).is(400, "M_INVALID_ROOM_STATE"),
        create("initial state with a state key of 300 characters", state("test.state", &"k".repeat(300), json!({})))
            .is(413, "M_TOO_LARGE"),
        create("initial state with a fraction", state("test.state", "", json!({ "a": 0.5 }))).is(400, "M_BAD_JSON"),
        create("a room nested 10,000 deep", json!(null)).raw(nested(10_000)).is(400, "M_BAD_JSON"),
        create("a room that is a list", json!(["private_chat"])).is(400, "M_BAD_JSON"),
        create("a room of 5 MB", json!({ "topic": "x".repeat(5_000_000) })).is(413, "M_TOO_LARGE"),
    ]
}

fn membership() -> Vec<Row> {
    let bob = || json!({ "user_id": "{bob}" });
    vec![
        post("joining where one is not invited", Mallory, "/rooms/{room}/join")
            .is(403, "M_FORBIDDEN"),
        post("joining where one is banned", Bob, "/rooms/{banned}/join").is(403, "M_FORBIDDEN"),
        post("joining a room that is not there", Bob, "/rooms/!nowhere:hs.test/join")
            .is(404, "M_NOT_FOUND"),
        post("joining a room of another server", Bob, "/join/!room:other.test?via=other.test")
            .is(404, "M_NOT_FOUND"),
        post("joining an alias of another server", Bob, "/join/%23room:other.test")
            .is(404, "M_NOT_FOUND"),
        post("joining what is neither room nor alias", Bob, "/join/@bob:hs.test")
            .is(400, "M_INVALID_PARAM"),
        post("joining with a reason that is an object", Mallory, "/rooms/{left}/join")
            .json(json!({ "reason": {} }))
            .is(400, "M_BAD_JSON"),
        post("joining with a list", Mallory, "/rooms/{left}/join")
            .json(json!([]))
            .is(400, "M_BAD_JSON"),
        post("joining with a reason of 70,000 characters", Mallory, "/rooms/{left}/join")
            .json(json!({ "reason": "x".repeat(70_000) }))
            .is(413, "M_TOO_LARGE"),
        post("inviting where one is not", Mallory, "/rooms/{room}/invite")
            .json(bob())
            .is(403, "M_FORBIDDEN"),
        post("inviting to a room that is not there", Alice, "/rooms/!nowhere:hs.test/invite")
            .json(bob())
            .is(403, "M_FORBIDDEN"),
        post("inviting who is there", Alice, "/rooms/{room}/invite")
            .json(bob())
            .is(403, "M_FORBIDDEN"),
        post("inviting who is banned", Alice, "/rooms/{banned}/invite")
            .json(bob())
            .is(403, "M_FORBIDDEN"),
        post("inviting somebody of another server to a room", Alice, "/rooms/{room}/invite")
            .json(json!({ "user_id": "@bob:other.test" }))
            .is(403, "M_FORBIDDEN"),
        post("inviting what is no user to a room", Alice, "/rooms/{room}/invite")
            .json(json!({ "user_id": "bob" }))
            .is(400, "M_BAD_JSON"),
        post("inviting nobody at all", Alice, "/rooms/{room}/invite")
            .json(json!({}))
            .is(400, "M_BAD_JSON"),
        post("kicking without the power", Bob, "/rooms/{room}/kick")
            .json(json!({ "user_id": "{alice}" }))
            .is(403, "M_FORBIDDEN"),
        post("banning without the power", Bob, "/rooms/{room}/ban")
            .json(json!({ "user_id": "{mallory}" }))
            .is(403, "M_FORBIDDEN"),
        post("unbanning oneself", Bob, "/rooms/{banned}/unban").json(bob()).is(403, "M_FORBIDDEN"),
        post("unbanning who is not banned", Alice, "/rooms/{room}/unban")
            .json(bob())
            .is(403, "M_FORBIDDEN"),
        post("kicking who is not there", Alice, "/rooms/{room}/kick")
            .json(json!({ "user_id": "{mallory}" }))
            .is(403, "M_FORBIDDEN"),
        post("kicking a user id of 300 characters", Alice, "/rooms/{room}/kick")
            .json(json!({ "user_id": format!("@{}:hs.test", "a".repeat(300)) }))
            .is(403, "M_FORBIDDEN"),
        post("leaving where one never was", Mallory, "/rooms/{room}/leave").is(403, "M_FORBIDDEN"),
        post("forgetting where one is", Bob, "/rooms/{room}/forget").is(400, "M_UNKNOWN"),
        post("forgetting where one never was", Mallory, "/rooms/{room}/forget")
            .is(404, "M_NOT_FOUND"),
    ]
}

fn aliases() -> Vec<Row> {
    let to = |room: &str| json!({ "room_id": room });
    vec![
        put("an alias for a room one is not in", Mallory, "/directory/room/%23mine:hs.test")
            .json(to("{room}"))
            .is(403, "M_FORBIDDEN"),
        put("an alias on another server", Alice, "/directory/room/%23mine:other.test")
            .json(to("{room}"))
            .is(400, "M_INVALID_PARAM"),
        put("an alias somebody has", Alice, "/directory/room/%23room:hs.test")
            .json(to("{private}"))
            .is(409, "M_UNKNOWN"),
        put(
            "an alias of an application service for a room",
            Alice,
            "/directory/room/%23_irc_x:hs.test",
        )
        .json(to("{room}"))
        .is(400, "M_EXCLUSIVE"),
        put("an alias for no room", Alice, "/directory/room/%23mine:hs.test")
            .json(json!({}))
            .is(400, "M_BAD_JSON"),
        put("an alias for a room id that is a number", Alice, "/directory/room/%23mine:hs.test")
            .json(json!({ "room_id": 1 }))
            .is(400, "M_BAD_JSON"),
        put("an alias for a room that is not there", Alice, "/directory/room/%23mine:hs.test")
            .json(to("!nowhere:hs.test"))
            .is(404, "M_NOT_FOUND"),
        put("an alias without a server", Alice, "/directory/room/%23mine")
            .json(to("{room}"))
            .is(400, "M_INVALID_PARAM"),
        put("an alias that does not begin with #", Alice, "/directory/room/mine:hs.test")
            .json(to("{room}"))
            .is(400, "M_INVALID_PARAM"),
        put("NUL in an alias of a path", Alice, "/directory/room/%23a%00b:hs.test")
            .json(to("{room}"))
            .is(400, "M_INVALID_PARAM"),
        put(
            "an alias of 256 characters in a path",
            Alice,
            format!("/directory/room/%23{}:hs.test", "a".repeat(247)),
        )
        .json(to("{room}"))
        .is(400, "M_INVALID_PARAM"),
        delete("deleting somebody else's alias", Bob, "/directory/room/%23room:hs.test")
            .is(403, "M_FORBIDDEN"),
        delete("deleting an alias that is not there", Alice, "/directory/room/%23nothing:hs.test")
            .is(404, "M_NOT_FOUND"),
        delete("deleting an alias of another server", Alice, "/directory/room/%23room:other.test")
            .is(404, "M_NOT_FOUND"),
        get("an alias that is not there", Nobody, "/directory/room/%23nothing:hs.test")
            .is(404, "M_NOT_FOUND"),
        get("the aliases of a room one is not in", Mallory, "/rooms/{room}/aliases")
            .is(403, "M_FORBIDDEN"),
    ]
}
