//! Tokens: none, wrong ones, ended ones, two at once, those of others.

use super::row::{Row, Who::*, delete, get, post, put, row};
use http::Method;

pub(super) fn rows() -> Vec<Row> {
    let whoami = "/account/whoami";
    vec![
        get("no token", Nobody, whoami).is(401, "M_MISSING_TOKEN"),
        get("a token that never was", Garbage, whoami).is(401, "M_UNKNOWN_TOKEN"),
        get("a token whose session has ended", Ended, whoami).is(401, "M_UNKNOWN_TOKEN"),
        get("a token of a closed account", Closed, whoami).is(401, "M_UNKNOWN_TOKEN"),
        get("an empty token", Nobody, whoami)
            .header("authorization", "Bearer ")
            .is(401, "M_MISSING_TOKEN"),
        get("another scheme", Nobody, whoami)
            .header("authorization", "Basic YWxpY2U6cGFzcw==")
            .is(401, "M_MISSING_TOKEN"),
        get("two authorization headers", Bob, whoami)
            .header("authorization", "Bearer {token_of_alice}")
            .is(401, "M_MISSING_TOKEN"),
        get(
            "tokens in the header and the query",
            Bob,
            "/account/whoami?access_token={token_of_alice}",
        )
        .is(401, "M_MISSING_TOKEN"),
        get("a token of 30,000 characters", Nobody, whoami)
            .header("authorization", format!("Bearer {}", "a".repeat(30_000)))
            .is(401, "M_UNKNOWN_TOKEN"),
        get("an empty token in the query", Nobody, "/account/whoami?access_token=")
            .is(401, "M_UNKNOWN_TOKEN"),
        get(
            "a statement for a database as a token",
            Nobody,
            "/account/whoami?access_token=%27%20OR%201%3D1--",
        )
        .is(401, "M_UNKNOWN_TOKEN"),
        get("NUL in a token", Nobody, "/account/whoami?access_token=%00")
            .is(401, "M_UNKNOWN_TOKEN"),
        post("logging out without a token", Nobody, "/logout").is(401, "M_MISSING_TOKEN"),
        put("sending without a token", Nobody, "/rooms/{room}/send/m.room.message/t")
            .raw("{\"body\":\"x\",\"msgtype\":\"m.text\"}")
            .is(401, "M_MISSING_TOKEN"),
        put("sending with an ended token", Ended, "/rooms/{room}/send/m.room.message/t")
            .raw("{\"body\":\"x\",\"msgtype\":\"m.text\"}")
            .is(401, "M_UNKNOWN_TOKEN"),
        put("a stranger's body is never parsed", Nobody, "/rooms/{room}/send/m.room.message/t")
            .raw("{{{{")
            .is(401, "M_MISSING_TOKEN"),
        get("syncing with an ended token", Ended, "/sync").is(401, "M_UNKNOWN_TOKEN"),
        get("an endpoint that is none", Alice, "/no/such/endpoint").is(404, "M_UNRECOGNIZED"),
        get("a path beside the API", Nobody, "/_matrix/../etc/passwd").is(404, "M_UNRECOGNIZED"),
        get("a path with two slashes", Alice, "/_matrix//client/v3/account/whoami")
            .is(404, "M_UNRECOGNIZED"),
        delete("a method that does not fit", Alice, whoami).is(405, "M_UNRECOGNIZED"),
        row("a method nobody knows", Alice, Method::from_bytes(b"STEAL").unwrap(), whoami)
            .is(405, "M_UNRECOGNIZED"),
        get("the administrators' door without a secret", Nobody, "/_synapse/admin/v1/register")
            .is(400, "M_UNKNOWN"),
    ]
}
