//! What belongs to one account: profiles, account data, filters.

use serde_json::json;

use super::row::{Row, Who::*, get, post, put};

/// Valid JSON that is nested this deep.
pub(super) fn nested(depth: usize) -> String {
    format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth))
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = profiles();
    rows.extend(account_data());
    rows.extend(filters());
    rows.extend(presence());
    rows
}

fn presence() -> Vec<Row> {
    let says = |name, body| put(name, Alice, "/presence/{alice}/status").json(body);
    vec![
        put("somebody else's presence", Mallory, "/presence/{alice}/status")
            .json(json!({ "presence": "online" }))
            .is(403, "M_FORBIDDEN"),
        says("a presence to set that nobody knows", json!({ "presence": "asleep" }))
            .is(400, "M_INVALID_PARAM"),
        says("a presence that is a number", json!({ "presence": 1 })).is(400, "M_BAD_JSON"),
        says("no presence", json!({ "status_msg": "x" })).is(400, "M_BAD_JSON"),
        says(
            "a status of 5,000 characters",
            json!({ "presence": "online", "status_msg": "x".repeat(5000) }),
        )
        .is(400, "M_INVALID_PARAM"),
        says("NUL in a status", json!({ "presence": "online", "status_msg": "a\0b" }))
            .is(400, "M_INVALID_PARAM"),
        get("the presence of somebody in no room of mine", Mallory, "/presence/{alice}/status")
            .is(403, "M_FORBIDDEN"),
        get("the presence of nobody", Alice, "/presence/@nobody:hs.test/status")
            .is(404, "M_NOT_FOUND"),
        get("the presence of somebody elsewhere", Alice, "/presence/@alice:other.test/status")
            .is(404, "M_NOT_FOUND"),
        get("a presence for strangers", Nobody, "/presence/{alice}/status")
            .is(401, "M_MISSING_TOKEN"),
    ]
}

fn profiles() -> Vec<Row> {
    vec![
        put("somebody else's name", Mallory, "/profile/{alice}/displayname")
            .json(json!({ "displayname": "x" }))
            .is(403, "M_FORBIDDEN"),
        put("somebody else's picture", Mallory, "/profile/{alice}/avatar_url")
            .json(json!({ "avatar_url": "mxc://hs.test/x" }))
            .is(403, "M_FORBIDDEN"),
        put(
            "the name of somebody on another server",
            Alice,
            "/profile/@alice:other.test/displayname",
        )
        .json(json!({ "displayname": "x" }))
        .is(403, "M_FORBIDDEN"),
        put("a name that is a list", Alice, "/profile/{alice}/displayname")
            .json(json!({ "displayname": [] }))
            .is(400, "M_BAD_JSON"),
        put("a name of 5,000 characters", Alice, "/profile/{alice}/displayname")
            .json(json!({ "displayname": "x".repeat(5000) }))
            .is(400, "M_INVALID_PARAM"),
        put("NUL in a display name", Alice, "/profile/{alice}/displayname")
            .json(json!({ "displayname": "a\0b" }))
            .is(400, "M_INVALID_PARAM"),
        put("a picture that is a number", Alice, "/profile/{alice}/avatar_url")
            .json(json!({ "avatar_url": 7 }))
            .is(400, "M_BAD_JSON"),
        put("a picture address of 5,000 characters", Alice, "/profile/{alice}/avatar_url")
            .json(json!({ "avatar_url": format!("mxc://hs.test/{}", "x".repeat(5000)) }))
            .is(400, "M_INVALID_PARAM"),
        put("an empty body for a name", Alice, "/profile/{alice}/displayname")
            .is(400, "M_NOT_JSON"),
        get("the profile of nobody", Nobody, "/profile/@nobody:hs.test").is(404, "M_NOT_FOUND"),
        get("a profile on another server", Nobody, "/profile/@alice:other.test")
            .is(404, "M_NOT_FOUND"),
        get("a profile of no user id", Nobody, "/profile/alice").is(400, "M_INVALID_PARAM"),
        get("a profile of a room id", Nobody, "/profile/{room}").is(400, "M_INVALID_PARAM"),
        get("NUL in a user id", Nobody, "/profile/@a%00:hs.test").is(400, "M_INVALID_PARAM"),
        get(
            "a user id of 300 characters",
            Nobody,
            format!("/profile/@{}:hs.test", "a".repeat(300)),
        )
        .is(404, "M_NOT_FOUND"),
    ]
}

fn account_data() -> Vec<Row> {
    let mine = "/user/{alice}/account_data/test.kind";
    vec![
        get("somebody else's account data", Mallory, "/user/{alice}/account_data/test.secret")
            .is(403, "M_FORBIDDEN"),
        put("writing somebody else's account data", Mallory, mine)
            .json(json!({}))
            .is(403, "M_FORBIDDEN"),
        put(
            "writing somebody else's account data of a room",
            Bob,
            "/user/{alice}/rooms/{room}/account_data/m.tag",
        )
        .json(json!({}))
        .is(403, "M_FORBIDDEN"),
        get("account data that is not there", Alice, "/user/{alice}/account_data/test.nothing")
            .is(404, "M_NOT_FOUND"),
        put("account data that is a list", Alice, mine).json(json!([])).is(400, "M_BAD_JSON"),
        put("account data that is null", Alice, mine).json(json!(null)).is(400, "M_BAD_JSON"),
        put("account data that is no JSON", Alice, mine).raw("{\"a\":").is(400, "M_NOT_JSON"),
        put("no account data", Alice, mine).is(400, "M_NOT_JSON"),
        put("account data nested 10,000 deep", Alice, mine)
            .raw(nested(10_000))
            .is(400, "M_BAD_JSON"),
        put("account data with a lone surrogate", Alice, mine)
            .raw(r#"{"a":"\ud800"}"#)
            .is(400, "M_BAD_JSON"),
        put("account data with duplicate keys", Alice, mine)
            .raw(r#"{"a":1,"a":2}"#)
            .is(400, "M_BAD_JSON"),
        put(
            "account data that the server writes itself",
            Alice,
            "/user/{alice}/account_data/m.push_rules",
        )
        .json(json!({}))
        .is(405, "M_BAD_JSON"),
        put(
            "a read marker as account data",
            Alice,
            "/user/{alice}/rooms/{room}/account_data/m.fully_read",
        )
        .json(json!({ "event_id": "{event}" }))
        .is(405, "M_BAD_JSON"),
        put(
            "account data of a type of 5,000 characters",
            Alice,
            format!("/user/{{alice}}/account_data/{}", "x".repeat(5000)),
        )
        .json(json!({}))
        .is(400, "M_INVALID_PARAM"),
        put("NUL in a type of account data", Alice, "/user/{alice}/account_data/a%00b")
            .json(json!({}))
            .is(400, "M_INVALID_PARAM"),
        put(
            "account data of a room that is none",
            Alice,
            "/user/{alice}/rooms/room/account_data/m.tag",
        )
        .json(json!({}))
        .is(400, "M_INVALID_PARAM"),
        put("account data over the limit", Alice, mine)
            .raw(format!("{{\"a\":\"{}\"}}", "x".repeat(5_000_000)))
            .is(413, "M_TOO_LARGE"),
    ]
}

fn filters() -> Vec<Row> {
    let filter = "/user/{alice}/filter";
    vec![
        post("a filter for somebody else", Mallory, filter).json(json!({})).is(403, "M_FORBIDDEN"),
        get("somebody else's filter", Mallory, "/user/{alice}/filter/{filter}")
            .is(403, "M_FORBIDDEN"),
        get("a filter that is not there", Alice, "/user/{alice}/filter/nothing")
            .is(404, "M_NOT_FOUND"),
        get("NUL in a filter id", Alice, "/user/{alice}/filter/%00").is(400, "M_INVALID_PARAM"),
        post("a filter with a string as limit", Alice, filter)
            .json(json!({ "room": { "timeline": { "limit": "ten" } } }))
            .is(400, "M_BAD_JSON"),
        post("a filter with a negative limit", Alice, filter)
            .json(json!({ "room": { "timeline": { "limit": -1 } } }))
            .is(400, "M_BAD_JSON"),
        post("a filter with half a limit", Alice, filter)
            .json(json!({ "room": { "timeline": { "limit": 1.5 } } }))
            .is(400, "M_BAD_JSON"),
        post("a filter with types that are one string", Alice, filter)
            .json(json!({ "presence": { "types": "m.presence" } }))
            .is(400, "M_BAD_JSON"),
        post("a filter with senders that are no users", Alice, filter)
            .json(json!({ "room": { "timeline": { "senders": ["nobody"] } } }))
            .is(400, "M_BAD_JSON"),
        post("a filter with rooms that are numbers", Alice, filter)
            .json(json!({ "room": { "rooms": [1] } }))
            .is(400, "M_BAD_JSON"),
        post("a filter that is a list", Alice, filter).json(json!([{}])).is(400, "M_BAD_JSON"),
        post("a filter of 100,000 characters", Alice, filter)
            .json(json!({ "room": { "timeline": { "types": vec!["m.room.message"; 6_000] } } }))
            .is(413, "M_TOO_LARGE"),
    ]
}
