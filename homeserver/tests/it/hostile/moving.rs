//! Knocking at rooms and replacing them; receipts and members in the forms that came later.

use serde_json::{Value, json};

use super::row::{Row, Who, Who::*, get, post};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = knocking();
    rows.extend(upgrading());
    rows.extend(reading());
    rows
}

fn knocking() -> Vec<Row> {
    let knock = |name, who: Who, room: &str, body: Value| {
        post(name, who, format!("/knock/{room}")).json(body)
    };
    vec![
        knock("knocking where nobody may", Mallory, "{private}", json!({})).is(403, "M_FORBIDDEN"),
        knock("knocking where one is", Bob, "{room}", json!({})).is(403, "M_FORBIDDEN"),
        knock("knocking where one is banned", Bob, "{banned}", json!({})).is(403, "M_FORBIDDEN"),
        knock("knocking at a room that is not there", Mallory, "!nowhere:hs.test", json!({}))
            .is(404, "M_NOT_FOUND"),
        knock("knocking at an alias that is not there", Mallory, "%23nothing:hs.test", json!({}))
            .is(404, "M_NOT_FOUND"),
        knock("knocking at what is no room", Mallory, "room", json!({})).is(400, "M_INVALID_PARAM"),
        knock("knocking for a number", Mallory, "{private}", json!({ "reason": 5 }))
            .is(400, "M_BAD_JSON"),
    ]
}

fn upgrading() -> Vec<Row> {
    let upgrade = |name, who: Who, room: &str, body: Value| {
        post(name, who, format!("/rooms/{room}/upgrade")).json(body)
    };
    let to = |version: Value| json!({ "new_version": version });
    vec![
        upgrade("upgrading to a version nobody knows", Alice, "{room}", to(json!("999")))
            .is(400, "M_UNSUPPORTED_ROOM_VERSION"),
        upgrade("upgrading to a version that is not safe", Alice, "{room}", to(json!("1")))
            .is(400, "M_UNSUPPORTED_ROOM_VERSION"),
        upgrade("upgrading to no version", Alice, "{room}", json!({})).is(400, "M_BAD_JSON"),
        upgrade("upgrading to a version that is a number", Alice, "{room}", to(json!(11)))
            .is(400, "M_BAD_JSON"),
        upgrade("upgrading to an empty version", Alice, "{room}", to(json!("")))
            .is(400, "M_BAD_JSON"),
        upgrade("upgrading without the right", Bob, "{room}", to(json!("12")))
            .is(403, "M_FORBIDDEN"),
        upgrade("upgrading a room one is not in", Mallory, "{room}", to(json!("12")))
            .is(403, "M_FORBIDDEN"),
        upgrade("upgrading a room that is not there", Alice, "!nowhere:hs.test", to(json!("12")))
            .is(403, "M_FORBIDDEN"),
        upgrade(
            "upgrading with creators who are none",
            Alice,
            "{room}",
            json!({
                "new_version": "12", "additional_creators": ["bob"],
            }),
        )
        .is(400, "M_BAD_JSON"),
    ]
}

fn reading() -> Vec<Row> {
    let receipt =
        |name, body: Value| post(name, Bob, "/rooms/{room}/receipt/m.read/{event}").json(body);
    vec![
        receipt("a receipt in a thread the event is not of", json!({ "thread_id": "$nothing" }))
            .is(400, "M_INVALID_PARAM"),
        receipt("NUL in a thread's id", json!({ "thread_id": "$a\0b" })).is(400, "M_INVALID_PARAM"),
        receipt("a receipt in a thread that is null", json!({ "thread_id": null }))
            .is(400, "M_BAD_JSON"),
        post("read markers that are a list", Bob, "/rooms/{room}/read_markers")
            .json(json!([]))
            .is(400, "M_BAD_JSON"),
        post("a read marker that is a number", Bob, "/rooms/{room}/read_markers")
            .json(json!({ "m.fully_read": 5 }))
            .is(400, "M_BAD_JSON"),
        post("a private read marker at what is no event", Bob, "/rooms/{room}/read_markers")
            .json(json!({ "m.read.private": "hello" }))
            .is(400, "M_BAD_JSON"),
        get(
            "members with a membership nobody knows",
            Bob,
            "/rooms/{room}/members?membership=perhaps",
        )
        .is(400, "M_INVALID_PARAM"),
        post("a person for a network that is none", Bob, "/rooms/{room}/invite")
            .json(json!({ "user_id": "@bob" }))
            .is(400, "M_BAD_JSON"),
    ]
}
