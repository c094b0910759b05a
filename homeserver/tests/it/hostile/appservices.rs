//! Application services beyond their namespaces, and people who pretend to be one.

use serde_json::json;

use super::row::{Row, Who::*, get, post, put};

pub(super) fn rows() -> Vec<Row> {
    let whoami = |name, who, query: &str| get(name, who, format!("/account/whoami?{query}"));
    let register = |name, who, username: &str| {
        let body = json!({ "type": "m.login.application_service", "username": username });
        post(name, who, "/register").json(body)
    };
    let login = |name, who, user: &str| {
        let id = json!({ "type": "m.id.user", "user": user });
        post(name, who, "/login")
            .json(json!({ "type": "m.login.application_service", "identifier": id }))
    };
    vec![
        whoami("speaking as a person", Irc, "user_id={alice}").is(403, "M_FORBIDDEN"),
        whoami("speaking as another's ghost", Irc, "user_id={ghost_of_slack}")
            .is(403, "M_FORBIDDEN"),
        whoami("speaking as a ghost that is not registered", Irc, "user_id=@_irc_nobody:hs.test")
            .is(403, "M_FORBIDDEN"),
        whoami("speaking as a ghost of another server", Irc, "user_id=@_irc_anna:other.test")
            .is(403, "M_FORBIDDEN"),
        whoami("speaking as what is no user", Irc, "user_id=anna").is(400, "M_INVALID_PARAM"),
        whoami("speaking as nobody", Irc, "user_id=").is(400, "M_INVALID_PARAM"),
        whoami("NUL in who is spoken as", Irc, "user_id=@_irc_%00:hs.test")
            .is(400, "M_INVALID_PARAM"),
        whoami("a device that is not there", Irc, "user_id={ghost}&device_id=NOWHERE")
            .is(400, "M_UNKNOWN_DEVICE"),
        whoami("a device of somebody else", Irc, "user_id={ghost}&device_id={device}")
            .is(400, "M_UNKNOWN_DEVICE"),
        whoami("NUL in a device spoken from", Irc, "user_id={ghost}&device_id=%00")
            .is(400, "M_UNKNOWN_DEVICE"),
        whoami("a person who asserts to be another is not believed", Mallory, "user_id={alice}"),
        put(
            "a person who speaks as another",
            Mallory,
            "/rooms/{room}/send/m.room.message/x?user_id={alice}",
        )
        .json(json!({ "msgtype": "m.text", "body": "x" }))
        .is(403, "M_FORBIDDEN"),
        put(
            "a ghost that speaks where it is not",
            Irc,
            "/rooms/{room}/send/m.room.message/x?user_id={ghost}",
        )
        .json(json!({ "msgtype": "m.text", "body": "x" }))
        .is(403, "M_FORBIDDEN"),
        put("a time before all times", Irc, "/rooms/{room}/send/m.room.message/x?ts=-1")
            .json(json!({ "msgtype": "m.text", "body": "x" }))
            .is(400, "M_INVALID_PARAM"),
        register("a ghost without a token", Nobody, "_irc_eve").is(401, "M_MISSING_TOKEN"),
        register("a ghost with a person's token", Mallory, "_irc_eve").is(401, "M_UNKNOWN_TOKEN"),
        register("a ghost with garbage", Garbage, "_irc_eve").is(401, "M_UNKNOWN_TOKEN"),
        register("a ghost outside of the namespace", Irc, "eve").is(400, "M_EXCLUSIVE"),
        register("a ghost of another application service", Irc, "_slack_eve")
            .is(400, "M_EXCLUSIVE"),
        register("a ghost that is there", Irc, "_irc_anna").is(400, "M_USER_IN_USE"),
        register("a ghost of no name", Irc, "").is(400, "M_INVALID_USERNAME"),
        register("NUL in a ghost's name", Irc, "_irc_\0").is(400, "M_INVALID_USERNAME"),
        register("a ghost of 300 characters", Irc, &format!("_irc_{}", "x".repeat(300)))
            .is(400, "M_INVALID_USERNAME"),
        register("a ghost with another server's name", Irc, "_irc_x:other.test")
            .is(400, "M_INVALID_USERNAME"),
        post("a ghost without a name", Irc, "/register")
            .json(json!({ "type": "m.login.application_service" }))
            .is(400, "M_MISSING_PARAM"),
        login("a ghost's login without a token", Nobody, "_irc_anna").is(401, "M_MISSING_TOKEN"),
        login("a ghost's login with a person's token", Mallory, "_irc_anna")
            .is(401, "M_UNKNOWN_TOKEN"),
        login("a person's login by an application service", Irc, "alice").is(400, "M_EXCLUSIVE"),
        login("another's ghost's login", Irc, "_slack_anna").is(400, "M_EXCLUSIVE"),
        put("an alias of another application service", Irc, "/directory/room/%23_slack_x:hs.test")
            .json(json!({ "room_id": "{room}" }))
            .is(400, "M_EXCLUSIVE"),
        post(
            "a ping of another application service",
            Irc,
            "/_matrix/client/v1/appservice/slack/ping",
        )
        .json(json!({}))
        .is(403, "M_FORBIDDEN"),
        post("a ping by a person", Mallory, "/_matrix/client/v1/appservice/irc/ping")
            .json(json!({}))
            .is(403, "M_FORBIDDEN"),
        post(
            "a ping with a number for a transaction",
            Irc,
            "/_matrix/client/v1/appservice/irc/ping",
        )
        .json(json!({ "transaction_id": 5 }))
        .is(400, "M_BAD_JSON"),
    ]
}
