//! What people set for themselves: push rules, tags, what they were told of.

use serde_json::{Value, json};

use super::{
    personal::nested,
    row::{Row, Who::*, delete, get, put},
};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = push_rules();
    rows.extend(changed_rules());
    rows.extend(tags());
    rows.extend(notifications());
    rows
}

fn rule(name: &'static str, id: &str, body: Value) -> Row {
    put(name, Bob, format!("/pushrules/global/{id}")).json(body)
}

fn push_rules() -> Vec<Row> {
    let harmless = || json!({ "actions": ["notify"], "conditions": [] });
    let conditions = |conditions: Value| json!({ "actions": [], "conditions": conditions });
    let actions = |actions: Value| json!({ "actions": actions, "conditions": [] });
    vec![
        rule("a kind of push rule nobody knows", "sometimes/x", harmless())
            .is(400, "M_INVALID_PARAM"),
        rule("a push rule named like the server's", "override/.m.mine", harmless())
            .is(400, "M_INVALID_PARAM"),
        rule("a push rule with a slash", "override/a%2Fb", harmless()).is(400, "M_INVALID_PARAM"),
        rule("a push rule with a backslash", "override/a%5Cb", harmless())
            .is(400, "M_INVALID_PARAM"),
        rule("NUL in a push rule's id", "override/a%00b", harmless()).is(400, "M_INVALID_PARAM"),
        rule(
            "a push rule's id of 5,000 characters",
            &format!("override/{}", "x".repeat(5000)),
            harmless(),
        )
        .is(400, "M_INVALID_PARAM"),
        rule("a push rule without actions", "override/x", json!({ "conditions": [] }))
            .is(400, "M_BAD_JSON"),
        rule("actions that are one word", "override/x", actions(json!("notify")))
            .is(400, "M_BAD_JSON"),
        rule("actions that are numbers", "override/x", actions(json!([1, 2])))
            .is(400, "M_BAD_JSON"),
        rule("a tweak without a name", "override/x", actions(json!([{ "value": "ding" }])))
            .is(400, "M_BAD_JSON"),
        rule(
            "a sound that is an object",
            "override/x",
            actions(json!([{ "set_tweak": "sound", "value": {} }])),
        )
        .is(400, "M_BAD_JSON"),
        rule("conditions that are one", "override/x", conditions(json!({ "kind": "event_match" })))
            .is(400, "M_BAD_JSON"),
        rule(
            "a condition of no kind",
            "override/x",
            conditions(json!([{ "key": "type", "pattern": "x" }])),
        )
        .is(400, "M_BAD_JSON"),
        rule(
            "a condition without a pattern",
            "override/x",
            conditions(json!([{ "kind": "event_match", "key": "type" }])),
        )
        .is(400, "M_BAD_JSON"),
        rule(
            "a condition on a count that is a number",
            "override/x",
            conditions(json!([{ "kind": "room_member_count", "is": 2 }])),
        )
        .is(400, "M_BAD_JSON"),
        rule(
            "a condition on a count that is none",
            "override/x",
            conditions(json!([{ "kind": "room_member_count", "is": "many" }])),
        )
        .is(400, "M_BAD_JSON"),
        rule("a rule about words without words", "content/x", json!({ "actions": [] }))
            .is(400, "M_BAD_JSON"),
        rule("a pattern that is a list", "content/x", json!({ "actions": [], "pattern": ["x"] }))
            .is(400, "M_BAD_JSON"),
        rule(
            "a pattern of 200,000 characters",
            "content/x",
            json!({ "actions": [], "pattern": "a*".repeat(100_000) }),
        )
        .is(413, "M_TOO_LARGE"),
        rule("a rule about a room that is none", "room/lobby", json!({ "actions": [] }))
            .is(400, "M_INVALID_PARAM"),
        rule("a rule about a person who is none", "sender/alice", json!({ "actions": [] }))
            .is(400, "M_INVALID_PARAM"),
        rule("a rule before one that is not there", "override/x?before=nothing", harmless())
            .is(400, "M_UNKNOWN"),
        rule("a rule after one of the server's", "override/x?after=.m.rule.master", harmless())
            .is(400, "M_INVALID_PARAM"),
        rule("actions nested 10,000 deep", "override/x", json!({}))
            .raw(format!("{{\"actions\":[{}]}}", nested(10_000)))
            .is(400, "M_BAD_JSON"),
        put("a push rule in a scope nobody knows", Bob, "/pushrules/device/override/x")
            .json(harmless())
            .is(404, "M_UNRECOGNIZED"),
        put("a push rule without a token", Nobody, "/pushrules/global/override/x")
            .json(harmless())
            .is(401, "M_MISSING_TOKEN"),
    ]
}

fn changed_rules() -> Vec<Row> {
    let at = |id: &str| format!("/pushrules/global/{id}");
    vec![
        delete("deleting a rule of the server", Bob, at("override/.m.rule.master"))
            .is(400, "M_INVALID_PARAM"),
        delete("deleting a rule that is not there", Bob, at("override/nothing"))
            .is(404, "M_NOT_FOUND"),
        delete("deleting a rule under another kind", Bob, at("content/.m.rule.master"))
            .is(404, "M_NOT_FOUND"),
        get("a push rule that is not there", Bob, at("content/nothing")).is(404, "M_NOT_FOUND"),
        get("a part of a push rule nobody knows", Bob, at("override/.m.rule.master/colour"))
            .is(404, "M_UNRECOGNIZED"),
        put("enabling a rule that is not there", Bob, at("override/nothing/enabled"))
            .json(json!({ "enabled": true }))
            .is(404, "M_NOT_FOUND"),
        put("enabling a rule perhaps", Bob, at("override/.m.rule.master/enabled"))
            .json(json!({ "enabled": "perhaps" }))
            .is(400, "M_BAD_JSON"),
        put("enabling a rule without saying so", Bob, at("override/.m.rule.master/enabled"))
            .json(json!({}))
            .is(400, "M_BAD_JSON"),
        put("actions for a rule that is not there", Bob, at("override/nothing/actions"))
            .json(json!({ "actions": [] }))
            .is(404, "M_NOT_FOUND"),
        put("actions that are an object", Bob, at("override/.m.rule.master/actions"))
            .json(json!({ "actions": {} }))
            .is(400, "M_BAD_JSON"),
        get("somebody else's push rules", Mallory, "/user/{alice}/account_data/m.push_rules")
            .is(403, "M_FORBIDDEN"),
    ]
}

fn tags() -> Vec<Row> {
    let tag = |name, tag: &str, body: Value| {
        put(name, Bob, format!("/user/{{bob}}/rooms/{{room}}/tags/{tag}")).json(body)
    };
    vec![
        tag("a tag whose order is a text", "u.x", json!({ "order": "0.5" })).is(400, "M_BAD_JSON"),
        tag("a tag whose order is a list", "u.x", json!({ "order": [1] })).is(400, "M_BAD_JSON"),
        tag("a tag whose order is above one", "u.x", json!({ "order": 1.5 }))
            .is(400, "M_INVALID_PARAM"),
        tag("a tag whose order is below zero", "u.x", json!({ "order": -0.1 }))
            .is(400, "M_INVALID_PARAM"),
        tag("a tag whose order is no number", "u.x", json!({}))
            .raw("{\"order\":NaN}")
            .is(400, "M_NOT_JSON"),
        tag("a tag whose order is beyond all numbers", "u.x", json!({}))
            .raw("{\"order\":1e999}")
            .is(400, "M_BAD_JSON"),
        tag("a tag that is a list", "u.x", json!([])).is(400, "M_BAD_JSON"),
        tag("a tag of 300 characters", &"x".repeat(300), json!({})).is(400, "M_INVALID_PARAM"),
        tag("NUL in a tag", "u.%00", json!({})).is(400, "M_INVALID_PARAM"),
        put("a tag in a room that is none", Bob, "/user/{bob}/rooms/lobby/tags/u.x")
            .json(json!({}))
            .is(400, "M_INVALID_PARAM"),
        put("a tag for somebody else", Mallory, "/user/{bob}/rooms/{room}/tags/u.x")
            .json(json!({}))
            .is(403, "M_FORBIDDEN"),
        get("somebody else's tags", Mallory, "/user/{bob}/rooms/{room}/tags")
            .is(403, "M_FORBIDDEN"),
        delete("taking somebody else's tag", Mallory, "/user/{bob}/rooms/{room}/tags/u.x")
            .is(403, "M_FORBIDDEN"),
    ]
}

fn notifications() -> Vec<Row> {
    let told = |name, query: &str| get(name, Bob, format!("/notifications?{query}"));
    vec![
        told("notifications from nowhere", "from=garbage").is(400, "M_INVALID_PARAM"),
        told("notifications from beyond all numbers", "from=99999999999999999999")
            .is(400, "M_INVALID_PARAM"),
        told("fewer notifications than none", "limit=-1").is(400, "M_INVALID_PARAM"),
        told("many notifications", "limit=many").is(400, "M_INVALID_PARAM"),
        told("half a notification", "limit=0.5").is(400, "M_INVALID_PARAM"),
        told("a billion notifications", "limit=1000000000"),
        told("notifications of a kind nobody knows", "only=nonsense"),
        get("notifications of nobody", Nobody, "/notifications").is(401, "M_MISSING_TOKEN"),
    ]
}
