//! Looking for things: related events, threads, words, rooms, people, and events by their time; and complaints.

use serde_json::{Value, json};

use super::row::{Row, Who, Who::*, get, post, put};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = relations();
    rows.extend(search());
    rows.extend(spaces());
    rows.extend(directories());
    rows.extend(times());
    rows.extend(reports());
    rows
}

fn relations() -> Vec<Row> {
    let of = |name, who: Who, rest: &str| {
        get(name, who, format!("/_matrix/client/v1/rooms/{{room}}/relations/{rest}"))
    };
    let threads = |name, query: &str| {
        get(name, Bob, format!("/_matrix/client/v1/rooms/{{room}}/threads?{query}"))
    };
    vec![
        of("what relates to an event that is not there", Bob, "%24nothing").is(404, "M_NOT_FOUND"),
        of("what relates to another room's event", Alice, "{secret}").is(404, "M_NOT_FOUND"),
        of("what relates to an event of a room one is not in", Mallory, "{event}")
            .is(404, "M_NOT_FOUND"),
        of("what relates to no event id", Bob, "hello").is(400, "M_INVALID_PARAM"),
        of("NUL in a kind of relation", Bob, "{event}/a%00b").is(400, "M_INVALID_PARAM"),
        of("relations in no direction", Bob, "{event}?dir=up").is(400, "M_INVALID_PARAM"),
        of("relations from nowhere", Bob, "{event}?from=garbage").is(400, "M_INVALID_PARAM"),
        of("relations to nowhere", Bob, "{event}?to=t5").is(400, "M_INVALID_PARAM"),
        of("fewer relations than none", Bob, "{event}?limit=-1").is(400, "M_INVALID_PARAM"),
        of("relations of relations, perhaps", Bob, "{event}?recurse=maybe")
            .is(400, "M_INVALID_PARAM"),
        of("a billion relations", Bob, "{event}?limit=1000000000"),
        of("no relations to speak of", Bob, "{event}?limit=0"),
        of(
            "relations of a kind of 5,000 characters",
            Bob,
            &format!("{{event}}/{}", "x".repeat(5000)),
        ),
        threads("threads of a kind nobody knows", "include=mine").is(400, "M_INVALID_PARAM"),
        threads("threads from nowhere", "from=garbage").is(400, "M_INVALID_PARAM"),
        threads("fewer threads than none", "limit=-5").is(400, "M_INVALID_PARAM"),
        threads("a billion threads", "limit=1000000000"),
        get("threads of a room one is not in", Mallory, "/_matrix/client/v1/rooms/{room}/threads")
            .is(403, "M_FORBIDDEN"),
        get("threads of a room that is none", Bob, "/_matrix/client/v1/rooms/room/threads")
            .is(400, "M_INVALID_PARAM"),
    ]
}

fn search() -> Vec<Row> {
    let ask =
        |name, query: &str, body: Value| post(name, Bob, format!("/search{query}")).json(body);
    let criteria = |more: Value| {
        let mut events = json!({ "search_term": "hello" });
        events.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "search_categories": { "room_events": events } })
    };
    vec![
        ask("a search for nothing at all", "", json!({})).is(400, "M_BAD_JSON"),
        ask("a search that is a list", "", json!([])).is(400, "M_BAD_JSON"),
        ask("a search without words", "", json!({ "search_categories": { "room_events": {} } }))
            .is(400, "M_BAD_JSON"),
        ask("a search for a number", "", criteria(json!({ "search_term": 5 })))
            .is(400, "M_BAD_JSON"),
        ask(
            "a search in a place nobody knows",
            "",
            criteria(json!({ "keys": ["content.secret"] })),
        )
        .is(400, "M_INVALID_PARAM"),
        ask("a search in one place", "", criteria(json!({ "keys": "content.body" })))
            .is(400, "M_BAD_JSON"),
        ask("a search in an order nobody knows", "", criteria(json!({ "order_by": "colour" })))
            .is(400, "M_INVALID_PARAM"),
        ask(
            "a search grouped as nobody knows",
            "",
            criteria(json!({ "groupings": { "group_by": [{ "key": "colour" }] } })),
        )
        .is(400, "M_INVALID_PARAM"),
        ask("a search grouped by a word", "", criteria(json!({ "groupings": "sender" })))
            .is(400, "M_BAD_JSON"),
        ask(
            "a search with less than nothing around",
            "",
            criteria(json!({ "event_context": { "before_limit": -1 } })),
        )
        .is(400, "M_BAD_JSON"),
        ask(
            "a search with a filter that is none",
            "",
            criteria(json!({ "filter": { "limit": "ten" } })),
        )
        .is(400, "M_BAD_JSON"),
        ask("a search from nowhere", "?next_batch=garbage", criteria(json!({})))
            .is(400, "M_INVALID_PARAM"),
        ask(
            "a search from beyond all numbers",
            "?next_batch=w99999999999999999999999",
            criteria(json!({})),
        )
        .is(400, "M_INVALID_PARAM"),
        ask("a search from another search's place", "?next_batch=t5", criteria(json!({})))
            .is(400, "M_INVALID_PARAM"),
        ask("a search for an empty text", "", criteria(json!({ "search_term": "" }))),
        ask(
            "a search for 50,000 characters",
            "",
            criteria(json!({ "search_term": "a ".repeat(25_000) })),
        ),
        ask(
            "a search for signs of a database",
            "",
            criteria(json!({ "search_term": "\"' OR 1=1; -- * NEAR(a b)\0%_" })),
        ),
        ask(
            "a search in a room one is not in",
            "",
            criteria(json!({ "filter": { "rooms": ["{private}"] } })),
        ),
        ask(
            "a search with the whole world around",
            "",
            criteria(json!({ "event_context": { "before_limit": 1_000_000 } })),
        ),
        post("a search of nobody", Nobody, "/search")
            .json(criteria(json!({})))
            .is(401, "M_MISSING_TOKEN"),
    ]
}

fn spaces() -> Vec<Row> {
    let below = |name, query: &str| {
        get(name, Bob, format!("/_matrix/client/v1/rooms/{{room}}/hierarchy?{query}"))
    };
    let v1 = |rest: &str| format!("/_matrix/client/v1/{rest}");
    vec![
        below("a tree from nowhere", "from=garbage").is(400, "M_INVALID_PARAM"),
        below("a tree from another question's place", "from=1_5_true").is(400, "M_INVALID_PARAM"),
        below("a tree of negative depth", "max_depth=-1").is(400, "M_INVALID_PARAM"),
        below("a tree of half a step", "max_depth=0.5").is(400, "M_INVALID_PARAM"),
        below("a tree of no rooms", "limit=0").is(400, "M_INVALID_PARAM"),
        below("a tree of less than no rooms", "limit=-1").is(400, "M_INVALID_PARAM"),
        below("a tree that is suggested perhaps", "suggested_only=maybe")
            .is(400, "M_INVALID_PARAM"),
        below("a tree of a billion rooms and steps", "limit=1000000000&max_depth=1000000000"),
        get("the tree of a room one may not see", Mallory, v1("rooms/{private}/hierarchy"))
            .is(403, "M_FORBIDDEN"),
        get("the tree of a room that is not there", Bob, v1("rooms/!nowhere:hs.test/hierarchy"))
            .is(403, "M_FORBIDDEN"),
        get("the tree of what is no room", Bob, v1("rooms/room/hierarchy"))
            .is(400, "M_INVALID_PARAM"),
        get("the face of a room one may not see", Mallory, v1("room_summary/{private}"))
            .is(404, "M_NOT_FOUND"),
        get("the face of what is no room", Bob, v1("room_summary/room")).is(400, "M_INVALID_PARAM"),
    ]
}

fn directories() -> Vec<Row> {
    let list = |name, query: &str| get(name, Bob, format!("/publicRooms?{query}"));
    let filtered = |name, body: Value| post(name, Bob, "/publicRooms").json(body);
    let people = |name, body: Value| post(name, Bob, "/user_directory/search").json(body);
    let listed = |name, who: Who, room: &str| {
        put(name, who, format!("/directory/list/room/{room}"))
            .json(json!({ "visibility": "public" }))
    };
    vec![
        list("public rooms from nowhere", "since=garbage").is(400, "M_INVALID_PARAM"),
        list("fewer public rooms than none", "limit=-1").is(400, "M_INVALID_PARAM"),
        list("public rooms of another server", "server=other.test").is(404, "M_NOT_FOUND"),
        list("public rooms of what is no server", "server=a%20b").is(400, "M_INVALID_PARAM"),
        list("a billion public rooms", "limit=1000000000"),
        filtered("public rooms by a word", json!({ "filter": "word" })).is(400, "M_BAD_JSON"),
        filtered(
            "public rooms of a network nobody knows",
            json!({ "third_party_instance_id": "irc" }),
        )
        .is(400, "M_INVALID_PARAM"),
        filtered(
            "public rooms of every network and of one",
            json!({
                "include_all_networks": true, "third_party_instance_id": "irc|x",
            }),
        )
        .is(400, "M_BAD_JSON"),
        filtered("public rooms whose limit is a word", json!({ "limit": "all" }))
            .is(400, "M_BAD_JSON"),
        people("people without a word to look for", json!({})).is(400, "M_BAD_JSON"),
        people("fewer people than none", json!({ "search_term": "a", "limit": -1 }))
            .is(400, "M_BAD_JSON"),
        people("people by a list", json!({ "search_term": ["a"] })).is(400, "M_BAD_JSON"),
        people("people by signs of a database", json!({ "search_term": "%_\\'\"\0" })),
        listed("listing a room without any right", Bob, "{room}").is(403, "M_FORBIDDEN"),
        listed("listing a room one is not in", Mallory, "{room}").is(403, "M_FORBIDDEN"),
        listed("listing a room that is not there", Alice, "!nowhere:hs.test")
            .is(404, "M_NOT_FOUND"),
        listed("listing a room perhaps", Alice, "{room}")
            .json(json!({ "visibility": "foggy" }))
            .is(400, "M_INVALID_PARAM"),
        put(
            "a person who lists a room for a network",
            Alice,
            "/directory/list/appservice/net/{room}",
        )
        .json(json!({ "visibility": "public" }))
        .is(403, "M_FORBIDDEN"),
    ]
}

fn times() -> Vec<Row> {
    let at = |name, who: Who, query: &str| {
        get(name, who, format!("/_matrix/client/v1/rooms/{{room}}/timestamp_to_event?{query}"))
    };
    vec![
        at("an event at no time", Bob, "dir=f").is(400, "M_MISSING_PARAM"),
        at("an event at a time before time", Bob, "ts=-1&dir=f").is(400, "M_INVALID_PARAM"),
        at("an event at noon", Bob, "ts=noon&dir=f").is(400, "M_INVALID_PARAM"),
        at("an event in a direction nobody knows", Bob, "ts=1&dir=up").is(400, "M_INVALID_PARAM"),
        at("an event before there were any", Bob, "ts=1&dir=b").is(404, "M_NOT_FOUND"),
        at("an event after all", Bob, "ts=9007199254740991&dir=f").is(404, "M_NOT_FOUND"),
        at("an event at a time beyond all numbers", Bob, "ts=99999999999999999999&dir=f")
            .is(400, "M_INVALID_PARAM"),
        at("an event by its time in a room one is not in", Mallory, "ts=1&dir=f")
            .is(403, "M_FORBIDDEN"),
    ]
}

fn reports() -> Vec<Row> {
    let report = |name, who: Who, path: &str, body: Value| post(name, who, path).json(body);
    vec![
        report(
            "a complaint about an event that is not there",
            Bob,
            "/rooms/{room}/report/%24nothing",
            json!({}),
        )
        .is(404, "M_NOT_FOUND"),
        report(
            "a complaint about another room's event",
            Alice,
            "/rooms/{room}/report/{secret}",
            json!({}),
        )
        .is(404, "M_NOT_FOUND"),
        report(
            "a complaint about an event one cannot see",
            Mallory,
            "/rooms/{room}/report/{event}",
            json!({}),
        )
        .is(404, "M_NOT_FOUND"),
        report(
            "a complaint whose reason is a number",
            Bob,
            "/rooms/{room}/report/{event}",
            json!({ "reason": 5 }),
        )
        .is(400, "M_BAD_JSON"),
        report(
            "a complaint of 50,000 characters",
            Bob,
            "/rooms/{room}/report/{event}",
            json!({ "reason": "x".repeat(50_000) }),
        )
        .is(413, "M_TOO_LARGE"),
        report(
            "NUL in a complaint",
            Bob,
            "/rooms/{room}/report/{event}",
            json!({ "reason": "a\0b" }),
        )
        .is(400, "M_INVALID_PARAM"),
        report(
            "a complaint about a room that is not there",
            Bob,
            "/rooms/!nowhere:hs.test/report",
            json!({ "reason": "x" }),
        )
        .is(404, "M_NOT_FOUND"),
        report(
            "a complaint about nobody",
            Bob,
            "/users/@nobody:hs.test/report",
            json!({ "reason": "x" }),
        )
        .is(404, "M_NOT_FOUND"),
        report(
            "a complaint about what is no person",
            Bob,
            "/users/bob/report",
            json!({ "reason": "x" }),
        )
        .is(400, "M_INVALID_PARAM"),
    ]
}
