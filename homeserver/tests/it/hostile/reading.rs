//! Syncing, paging, members, receipts and typing.

use serde_json::json;

use super::row::{Row, Who, Who::*, get, post, put};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = syncing();
    rows.extend(paging());
    rows.extend(markers());
    rows
}

fn syncing() -> Vec<Row> {
    let sync = |name, query: &str| get(name, Bob, format!("/sync?timeout=0&{query}"));
    vec![
        sync("a place in the stream that is none", "since=garbage").is(400, "M_INVALID_PARAM"),
        sync("a negative place in the stream", "since=s-1").is(400, "M_INVALID_PARAM"),
        sync("a place beyond all numbers", "since=s99999999999999999999")
            .is(400, "M_INVALID_PARAM"),
        sync("an empty place", "since=").is(400, "M_INVALID_PARAM"),
        sync("NUL in a place", "since=s1%00").is(400, "M_INVALID_PARAM"),
        sync("a place that has not come yet", "since=s9000000000000000"),
        sync("a filter that is half an object", "filter=%7B%22room%22").is(400, "M_INVALID_PARAM"),
        sync(
            "a filter with a string for a limit",
            "filter=%7B%22room%22%3A%7B%22timeline%22%3A%7B%22limit%22%3A%22x%22%7D%7D%7D",
        )
        .is(400, "M_INVALID_PARAM"),
        sync("somebody else's filter in a sync", "filter={filter}").is(400, "M_INVALID_PARAM"),
        sync("a filter id of 5,000 characters", &format!("filter={}", "f".repeat(5000)))
            .is(400, "M_INVALID_PARAM"),
        get("a negative patience", Bob, "/sync?timeout=-1").is(400, "M_INVALID_PARAM"),
        get("a patience that is no number", Bob, "/sync?timeout=soon").is(400, "M_INVALID_PARAM"),
        get("a patience beyond all numbers", Bob, "/sync?timeout=99999999999999999999999")
            .is(400, "M_INVALID_PARAM"),
        sync("full state that is maybe", "full_state=maybe").is(400, "M_INVALID_PARAM"),
        sync("a presence nobody knows", "set_presence=asleep").is(400, "M_INVALID_PARAM"),
    ]
}

fn paging() -> Vec<Row> {
    let page = |name, query: &str| get(name, Bob, format!("/rooms/{{room}}/messages?{query}"));
    vec![
        page("no direction", "limit=1").is(400, "M_MISSING_PARAM"),
        page("a direction nobody knows", "dir=up").is(400, "M_INVALID_PARAM"),
        page("a negative limit", "dir=b&limit=-1").is(400, "M_INVALID_PARAM"),
        page("a limit that is a fraction", "dir=b&limit=1.5").is(400, "M_INVALID_PARAM"),
        page("a limit beyond all numbers", "dir=b&limit=99999999999999999999")
            .is(400, "M_INVALID_PARAM"),
        page("a limit that is a word", "dir=b&limit=all").is(400, "M_INVALID_PARAM"),
        page("a very large limit", "dir=b&limit=1000000000"),
        page("no limit to speak of", "dir=b&limit=0"),
        page("a page that begins nowhere", "dir=b&from=garbage").is(400, "M_INVALID_PARAM"),
        page("a page that ends nowhere", "dir=b&to=t5").is(400, "M_INVALID_PARAM"),
        page("a page after the end of time", "dir=f&from=s9000000000000000"),
        page("a page that runs backwards", "dir=f&from=s9&to=s1"),
        page("a filter of a page that is no object", "dir=b&filter=%5B%5D")
            .is(400, "M_INVALID_PARAM"),
        page("a filter of a page that is half one", "dir=b&filter=%7B%22types%22%3A")
            .is(400, "M_INVALID_PARAM"),
        get("pages of a room one is not in", Mallory, "/rooms/{room}/messages?dir=b")
            .is(403, "M_FORBIDDEN"),
        get("pages of a room that is not there", Bob, "/rooms/!nowhere:hs.test/messages?dir=b")
            .is(403, "M_FORBIDDEN"),
        get("an event of a room one is not in", Mallory, "/rooms/{room}/event/{event}")
            .is(404, "M_NOT_FOUND"),
        get("another room's event", Alice, "/rooms/{room}/event/{secret}").is(404, "M_NOT_FOUND"),
        get("an event id that is none", Bob, "/rooms/{room}/event/hello")
            .is(400, "M_INVALID_PARAM"),
        get(
            "an event id of odd characters",
            Bob,
            "/rooms/{room}/event/%24%3Cscript%3E%27%22%2F..%5C",
        )
        .is(404, "M_NOT_FOUND"),
        get("NUL in an event id that is read", Bob, "/rooms/{room}/event/%24%00")
            .is(400, "M_INVALID_PARAM"),
        get("what surrounds another room's event", Alice, "/rooms/{room}/context/{secret}")
            .is(404, "M_NOT_FOUND"),
        get(
            "what surrounds an event of a room one is not in",
            Mallory,
            "/rooms/{room}/context/{event}",
        )
        .is(404, "M_NOT_FOUND"),
        get(
            "what surrounds an event, with a negative limit",
            Bob,
            "/rooms/{room}/context/{event}?limit=-5",
        )
        .is(400, "M_INVALID_PARAM"),
        get("members of a room one is not in", Mallory, "/rooms/{room}/members")
            .is(403, "M_FORBIDDEN"),
        get("joined members of a room one was banned from", Bob, "/rooms/{banned}/joined_members")
            .is(403, "M_FORBIDDEN"),
        get("members at a time that is none", Bob, "/rooms/{room}/members?at=noon")
            .is(400, "M_INVALID_PARAM"),
    ]
}

fn markers() -> Vec<Row> {
    let receipt = |name, who: Who, path: &str| {
        post(name, who, format!("/rooms/{{room}}/receipt/{path}")).json(json!({}))
    };
    let typing =
        |name, who: Who, user: &str| put(name, who, format!("/rooms/{{room}}/typing/{user}"));
    vec![
        receipt("a receipt for an event that is not there", Bob, "m.read/%24nothing")
            .is(404, "M_NOT_FOUND"),
        receipt("a receipt for another room's event", Alice, "m.read/{secret}")
            .is(404, "M_NOT_FOUND"),
        receipt("a receipt where one is not", Mallory, "m.read/{event}").is(403, "M_FORBIDDEN"),
        receipt("a kind of receipt nobody knows", Bob, "m.seen/{event}").is(400, "M_INVALID_PARAM"),
        receipt("a receipt for what is no event", Bob, "m.read/event").is(400, "M_INVALID_PARAM"),
        receipt("a receipt in a thread that is a number", Bob, "m.read/{event}")
            .json(json!({ "thread_id": 5 }))
            .is(400, "M_BAD_JSON"),
        receipt("a receipt in a thread of no name", Bob, "m.read/{event}")
            .json(json!({ "thread_id": "" }))
            .is(400, "M_INVALID_PARAM"),
        receipt("a receipt in a thread of 5,000 characters", Bob, "m.read/{event}")
            .json(json!({ "thread_id": format!("${}", "t".repeat(5000)) }))
            .is(400, "M_INVALID_PARAM"),
        receipt("a read marker in a thread", Bob, "m.fully_read/{event}")
            .json(json!({ "thread_id": "{event}" }))
            .is(400, "M_INVALID_PARAM"),
        receipt("a receipt that is a list", Bob, "m.read/{event}")
            .json(json!([]))
            .is(400, "M_BAD_JSON"),
        post("read markers where one is not", Mallory, "/rooms/{room}/read_markers")
            .json(json!({ "m.fully_read": "{event}" }))
            .is(403, "M_FORBIDDEN"),
        post("a read marker that is no event", Bob, "/rooms/{room}/read_markers")
            .json(json!({ "m.fully_read": "hello" }))
            .is(400, "M_BAD_JSON"),
        post("a read marker at another room's event", Alice, "/rooms/{room}/read_markers")
            .json(json!({ "m.read": "{secret}" }))
            .is(404, "M_NOT_FOUND"),
        typing("typing for somebody", Mallory, "{alice}")
            .json(json!({ "typing": true, "timeout": 1000 }))
            .is(403, "M_FORBIDDEN"),
        typing("typing where one is not", Mallory, "{mallory}")
            .json(json!({ "typing": true, "timeout": 1000 }))
            .is(403, "M_FORBIDDEN"),
        typing("typing that is a string", Bob, "{bob}")
            .json(json!({ "typing": "yes" }))
            .is(400, "M_BAD_JSON"),
        typing("typing for a negative time", Bob, "{bob}")
            .json(json!({ "typing": true, "timeout": -5 }))
            .is(400, "M_BAD_JSON"),
        typing("typing for a time beyond all numbers", Bob, "{bob}")
            .raw("{\"typing\":true,\"timeout\":1e300}")
            .is(400, "M_BAD_JSON"),
        typing("typing that says nothing", Bob, "{bob}").json(json!({})).is(400, "M_BAD_JSON"),
        typing("typing with an empty body", Bob, "{bob}").is(400, "M_NOT_JSON"),
    ]
}
