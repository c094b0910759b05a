//! Registration, login, passwords, devices, and the closing of accounts.

use serde_json::json;

use super::{
    row::{Row, Who::*, delete, get, post, put},
    world::proof,
};

fn register(name: &'static str, body: serde_json::Value) -> Row {
    post(name, Nobody, "/register").json(body)
}

fn account(username: &str) -> serde_json::Value {
    json!({ "username": username, "password": "pass word", "auth": { "type": "m.login.dummy" } })
}

fn login(name: &'static str, body: serde_json::Value) -> Row {
    post(name, Nobody, "/login").json(body)
}

pub(super) fn rows() -> Vec<Row> {
    let user = |user: &str| json!({ "type": "m.id.user", "user": user });
    let by_password = |id: serde_json::Value| json!({ "type": "m.login.password", "identifier": id, "password": "pass word" });
    let mut rows = vec![
        register("a taken name in capitals", account("ALICE")).is(400, "M_USER_IN_USE"),
        register("the name of a closed account", account("closed")).is(400, "M_USER_IN_USE"),
        register("a name that is not ASCII", account("älice")).is(400, "M_INVALID_USERNAME"),
        register("a name that looks like another", account("аlice")).is(400, "M_INVALID_USERNAME"),
        register("a name of 256 characters", account(&"a".repeat(256))).is(400, "M_INVALID_USERNAME"),
        register("an empty name", account("")).is(400, "M_INVALID_USERNAME"),
        register("a whole user id as a name", account("@eve:hs.test")).is(400, "M_INVALID_USERNAME"),
        register("a name with a colon", account("eve:other.test")).is(400, "M_INVALID_USERNAME"),
        register("NUL in a name", account("e\0ve")).is(400, "M_INVALID_USERNAME"),
        register("a line end in a name", account("eve\r\n")).is(400, "M_INVALID_USERNAME"),
        register("a path as a name", account("..\\eve")).is(400, "M_INVALID_USERNAME"),
        register("a ghost's name", account("_irc_eve")).is(400, "M_EXCLUSIVE"),
        register("the name of an application service's bot", account("ircbot")).is(400, "M_EXCLUSIVE"),
        register("a number as a name", json!({ "username": 5, "password": "x" })).is(400, "M_BAD_JSON"),
        register("an object as a password", json!({ "username": "eve", "password": {}, "auth": { "type": "m.login.dummy" } }))
            .is(400, "M_BAD_JSON"),
        register("no password", json!({ "username": "eve", "auth": { "type": "m.login.dummy" } }))
            .is(400, "M_MISSING_PARAM"),
        register("no proof", json!({ "username": "eve", "password": "pass word" })).is(401, "M_FORBIDDEN"),
        register("a proof of a kind that is not asked for", json!({
            "username": "eve", "password": "pass word",
            "auth": { "type": "m.login.registration_token", "token": "guess", "session": "x" },
        }))
        .is(401, "M_FORBIDDEN"),
        register("a proof that is a list", json!({ "username": "eve", "password": "pass word", "auth": [] }))
            .is(400, "M_BAD_JSON"),
        post("a guest", Nobody, "/register?kind=guest").json(json!({})).is(403, "M_FORBIDDEN"),
        register("a device id of 1,000 characters at registration", json!({
            "username": "eve", "password": "pass word", "auth": { "type": "m.login.dummy" },
            "device_id": "d".repeat(1000),
        }))
        .is(400, "M_INVALID_PARAM"),
        get("asking for a name that cannot be", Nobody, "/register/available?username=%F0%9F%92%A3")
            .is(400, "M_INVALID_USERNAME"),
        get("asking for no name", Nobody, "/register/available").is(400, "M_MISSING_PARAM"),
        login("a wrong password", json!({ "type": "m.login.password", "identifier": user("alice"), "password": "guess" }))
            .is(403, "M_FORBIDDEN"),
        login("a user who is not there", by_password(user("nobody"))).is(403, "M_FORBIDDEN"),
        login("a user of another server", by_password(user("@alice:other.test"))).is(403, "M_FORBIDDEN"),
        login("a closed account", by_password(user("closed"))).is(403, "M_FORBIDDEN"),
        login("a ghost by password", by_password(user("_irc_anna"))).is(400, "M_EXCLUSIVE"),
        login("NUL in the user", by_password(user("ali\0ce"))).is(403, "M_FORBIDDEN"),
        login("a user of 10,000 characters", by_password(user(&"a".repeat(10_000)))).is(403, "M_FORBIDDEN"),
        login("login by e-mail address", by_password(json!({ "type": "m.id.thirdparty", "medium": "email", "address": "a@x.test" })))
            .is(400, "M_UNKNOWN"),
        login("an identifier of no type", by_password(json!({ "user": "alice" }))).is(400, "M_BAD_JSON"),
        login("an identifier that is a string", by_password(json!("alice"))).is(400, "M_BAD_JSON"),
        login("no identifier", json!({ "type": "m.login.password", "password": "pass word" })).is(400, "M_MISSING_PARAM"),
        login("no password in a login", json!({ "type": "m.login.password", "identifier": user("alice") })).is(400, "M_BAD_JSON"),
        login("no type of login", json!({ "identifier": user("alice"), "password": "pass word" })).is(400, "M_BAD_JSON"),
        login("a type of login that is a number", json!({ "type": 7 })).is(400, "M_BAD_JSON"),
        login("a type of login nobody knows", json!({ "type": "m.login.magic" })).is(400, "M_UNKNOWN"),
        login("login by a token that is none", json!({ "type": "m.login.token", "token": "guess" })).is(403, "M_FORBIDDEN"),
        login("a device id of 1,000 characters", json!({
            "type": "m.login.password", "identifier": user("alice"), "password": "pass word", "device_id": "d".repeat(1000),
        }))
        .is(400, "M_INVALID_PARAM"),
        login("NUL in a device id", json!({
            "type": "m.login.password", "identifier": user("alice"), "password": "pass word", "device_id": "d\0",
        }))
        .is(400, "M_INVALID_PARAM"),
        login("a device name of 1,000 characters at login", json!({
            "type": "m.login.password", "identifier": user("alice"), "password": "pass word",
            "initial_device_display_name": "d".repeat(1000),
        }))
        .is(400, "M_INVALID_PARAM"),
        login("duplicate keys in a login", json!(null))
            .raw(r#"{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"guess","password":"pass word"}"#)
            .is(400, "M_BAD_JSON"),
    ];
    rows.extend(sessions());
    rows
}

/// What asks for the password once more, and devices.
fn sessions() -> Vec<Row> {
    let right = json!({ "auth": proof("alice", "pass word") });
    vec![
        delete("ending a device without a proof", Alice, "/devices/{device}").json(json!({})).is(401, "M_FORBIDDEN"),
        delete("ending a device with a wrong password", Alice, "/devices/{device}")
            .json(json!({ "auth": proof("alice", "guess") }))
            .is(401, "M_FORBIDDEN"),
        delete("ending a device with somebody else's password", Alice, "/devices/{device}")
            .json(json!({ "auth": proof("bob", "pass word") }))
            .is(401, "M_FORBIDDEN"),
        delete("ending a device with a stage that asks nothing", Alice, "/devices/{device}")
            .json(json!({ "auth": { "type": "m.login.dummy", "session": "x" } }))
            .is(401, "M_FORBIDDEN"),
        delete("ending a device with a session of nobody", Alice, "/devices/{device}")
            .json(json!({ "auth": { "session": "guess" } }))
            .is(401, "M_FORBIDDEN"),
        delete("ending a device with a proof that is a string", Alice, "/devices/{device}")
            .json(json!({ "auth": "pass word" }))
            .is(400, "M_BAD_JSON"),
        delete("ending somebody else's device ends none", Alice, "/devices/{device_of_bob}").json(right.clone()),
        post("ending somebody else's devices ends none", Alice, "/delete_devices")
            .json(json!({ "devices": ["{device_of_bob}"], "auth": proof("alice", "pass word") })),
        post("devices to end that are numbers", Alice, "/delete_devices").json(json!({ "devices": [1] })).is(400, "M_BAD_JSON"),
        post("devices to end that are one string", Alice, "/delete_devices")
            .json(json!({ "devices": "{device}" }))
            .is(400, "M_BAD_JSON"),
        get("somebody else's device", Alice, "/devices/{device_of_bob}").is(404, "M_NOT_FOUND"),
        put("naming somebody else's device", Alice, "/devices/{device_of_bob}")
            .json(json!({ "display_name": "mine" }))
            .is(404, "M_NOT_FOUND"),
        put("a device name of 300 characters", Alice, "/devices/{device}")
            .json(json!({ "display_name": "x".repeat(300) }))
            .is(400, "M_INVALID_PARAM"),
        put("a device name that is a number", Alice, "/devices/{device}").json(json!({ "display_name": 1 })).is(400, "M_BAD_JSON"),
        put("NUL in a device name", Alice, "/devices/{device}").json(json!({ "display_name": "a\0b" })).is(400, "M_INVALID_PARAM"),
        get("NUL in a device id of a path", Alice, "/devices/%00").is(400, "M_INVALID_PARAM"),
        post("an empty new password", Alice, "/account/password")
            .json(json!({ "new_password": "", "auth": proof("alice", "pass word") }))
            .is(400, "M_INVALID_PARAM"),
        post("a new password without a proof", Alice, "/account/password")
            .json(json!({ "new_password": "stolen" }))
            .is(401, "M_FORBIDDEN"),
        post("a new password for somebody else's proof", Mallory, "/account/password")
            .json(json!({ "new_password": "stolen", "auth": proof("alice", "pass word") }))
            .is(401, "M_FORBIDDEN"),
        post("a new password of a megabyte", Alice, "/account/password")
            .json(json!({ "new_password": "x".repeat(1_000_000), "auth": proof("alice", "pass word") }))
            .is(400, "M_INVALID_PARAM"),
        post("a new password of a ghost", Irc, "/account/password").json(json!({ "new_password": "stolen" })).is(403, "M_FORBIDDEN"),
        post("closing an account without a proof", Alice, "/account/deactivate").json(json!({})).is(401, "M_FORBIDDEN"),
        post("closing an account with another's proof", Mallory, "/account/deactivate")
            .json(json!({ "auth": proof("alice", "pass word") }))
            .is(401, "M_FORBIDDEN"),
        post("an administrator's registration without the secret", Nobody, "/_synapse/admin/v1/register")
            .json(json!({ "nonce": "x", "username": "eve", "password": "x", "admin": true, "mac": "00" }))
            .is(400, "M_UNKNOWN"),
    ]
}
