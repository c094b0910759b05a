//! As whom an appservice may speak, and what it alone may register.

use homeserver::RegistrationMode;
use http::Method;
use registration::{Namespace, Registration};
use serde_json::{Value, json};

use super::scripted::{Scripted, registration};
use crate::harness::{Ground, House, escape, login};

const WHOAMI: &str = "/_matrix/client/v3/account/whoami";
const REGISTER: &str = "/_matrix/client/v3/register";

async fn with_irc(ground: &Ground) -> (House, Registration) {
    let mode = RegistrationMode::Open;
    let house = ground.start_with(|builder| builder.registration(mode)).await.unwrap();
    let irc = registration("irc");
    house.homeserver.attach_appservice(irc.clone(), Scripted::new()).await.unwrap();
    (house, irc)
}

fn ghost(name: &str) -> Value {
    json!({ "type": "m.login.application_service", "username": name })
}

#[tokio::test]
async fn the_bot_speaks_when_nobody_is_named() {
    let ground = Ground::new();
    let (house, irc) = with_irc(&ground).await;
    let token = irc.as_token.expose();
    assert_eq!(house.get(WHOAMI, token).await.ok(), json!({ "user_id": "@ircbot:hs.test" }));
    house.get_bare(&format!("{WHOAMI}?access_token={token}")).await.ok();
}

#[tokio::test]
async fn a_ghost_is_registered_once_and_then_spoken_for() {
    let ground = Ground::new();
    let (house, irc) = with_irc(&ground).await;
    let token = irc.as_token.expose();
    let as_bob = format!("{WHOAMI}?user_id={}", escape("@_irc_Bob|away:hs.test"));
    house.get(&as_bob, token).await.fails(403, "M_FORBIDDEN");
    let mut body = ghost("_irc_Bob|away");
    body["inhibit_login"] = json!(true);
    let made = house.post(REGISTER, token, body.clone()).await.ok();
    assert_eq!(made["user_id"], "@_irc_Bob|away:hs.test");
    assert!(made.get("access_token").is_none(), "{made}");
    house.post(REGISTER, token, body).await.fails(400, "M_USER_IN_USE");
    assert_eq!(house.get(&as_bob, token).await.ok()["user_id"], "@_irc_Bob|away:hs.test");
}

#[tokio::test]
async fn users_outside_of_the_namespaces_are_out_of_reach() {
    let ground = Ground::new();
    let (house, irc) = with_irc(&ground).await;
    let token = irc.as_token.expose();
    house.person("alice").await;
    for stranger in ["@alice:hs.test", "@_irc_bob:other.test"] {
        let path = format!("{WHOAMI}?user_id={}", escape(stranger));
        house.get(&path, token).await.fails(403, "M_FORBIDDEN");
    }
    house.get(&format!("{WHOAMI}?user_id=nonsense"), token).await.fails(400, "M_INVALID_PARAM");
    house.post(REGISTER, token, ghost("stranger")).await.fails(400, "M_EXCLUSIVE");
}

#[tokio::test]
async fn people_assert_nothing() {
    let ground = Ground::new();
    let (house, _irc) = with_irc(&ground).await;
    let alice = house.person("alice").await;
    house.person("bob").await;
    let whoami = house.get(&format!("{WHOAMI}?user_id=@bob:hs.test"), &alice).await.ok();
    assert_eq!(whoami["user_id"], "@alice:hs.test");
}

#[tokio::test]
async fn exclusive_names_are_closed_to_people() {
    let ground = Ground::new();
    let (house, _irc) = with_irc(&ground).await;
    let body = |name: &str| json!({ "username": name, "password": "x y z", "auth": { "type": "m.login.dummy" } });
    house.post_bare(REGISTER, body("ircbot")).await.fails(400, "M_EXCLUSIVE");
    let path = "/_matrix/client/v3/register/available?username=ircbot";
    house.get_bare(path).await.fails(400, "M_EXCLUSIVE");
    house.log_in("@_irc_bob:hs.test", "guess").await.fails(400, "M_EXCLUSIVE");
    assert!(house.homeserver.create_user("ircbot", None, false).await.is_err());
}

#[tokio::test]
async fn registering_for_an_appservice_needs_its_token() {
    let ground = Ground::new();
    let (house, _irc) = with_irc(&ground).await;
    let alice = house.person("alice").await;
    house.post_bare(REGISTER, ghost("_irc_bob")).await.fails(401, "M_MISSING_TOKEN");
    house.post(REGISTER, "nonsense", ghost("_irc_bob")).await.fails(401, "M_UNKNOWN_TOKEN");
    house.post(REGISTER, &alice, ghost("_irc_bob")).await.fails(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn an_appservice_logs_a_ghost_in_and_names_its_device() {
    let ground = Ground::new();
    let (house, irc) = with_irc(&ground).await;
    let token = irc.as_token.expose();
    house.post(REGISTER, token, ghost("_irc_bob")).await.ok();
    let login = |name: &str| {
        json!({
            "type": "m.login.application_service",
            "identifier": { "type": "m.id.user", "user": name },
            "device_id": "BRIDGE",
        })
    };
    let path = "/_matrix/client/v3/login";
    let session = house.post(path, token, login("_irc_bob")).await.ok();
    let whoami = house.get(WHOAMI, session["access_token"].as_str().unwrap()).await.ok();
    assert_eq!(whoami["device_id"], "BRIDGE");
    house.post(path, token, login("alice")).await.fails(400, "M_EXCLUSIVE");
    house.post_bare(path, login("_irc_bob")).await.fails(401, "M_MISSING_TOKEN");
    house.post(path, "nonsense", login("_irc_bob")).await.fails(401, "M_UNKNOWN_TOKEN");

    let whoami = |query: &str| format!("{WHOAMI}?user_id=@_irc_bob:hs.test&{query}");
    for key in ["device_id", "org.matrix.msc3202.device_id"] {
        let known = house.get(&whoami(&format!("{key}=BRIDGE")), token).await.ok();
        assert_eq!(known["device_id"], "BRIDGE");
        let unknown = house.get(&whoami(&format!("{key}=OTHER")), token).await;
        unknown.fails(400, "M_UNKNOWN_DEVICE");
    }
    // Without a user it is the bot's device that is meant.
    let answer = house.get(&format!("{WHOAMI}?device_id=BRIDGE"), token).await;
    answer.fails(400, "M_UNKNOWN_DEVICE");
}

#[tokio::test]
async fn a_silent_appservice_speaks_for_people_without_owning_them() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let mut puppets = registration("puppets");
    puppets.url = None;
    puppets.namespaces.users = vec![Namespace::new(false, r"@.*:hs\.test")];
    let token = puppets.as_token.clone();
    house.homeserver.attach_appservice(puppets, Scripted::new()).await.unwrap();
    let as_alice = format!("{WHOAMI}?user_id=@alice:hs.test");
    assert_eq!(house.get(&as_alice, token.expose()).await.ok()["user_id"], "@alice:hs.test");
    house.get(WHOAMI, &alice).await.ok();
    let answer = house.post_bare("/_matrix/client/v3/login", login("alice", "pass word")).await;
    answer.ok();
}

#[tokio::test]
async fn both_places_for_a_token_at_once_are_refused() {
    let ground = Ground::new();
    let (house, irc) = with_irc(&ground).await;
    let token = irc.as_token.expose();
    let path = format!("{WHOAMI}?access_token={token}");
    house.ask(Method::GET, &path, Some(token), None).await.fails(401, "M_MISSING_TOKEN");
}
