//! Devices, and what is asked for the password once more: ending them, changing the password, closing the account.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Ground, House};

const DEVICES: &str = "/_matrix/client/v3/devices";
const PASSWORD: &str = "/_matrix/client/v3/account/password";

/// Logs Alice in on one more device; returns its token.
async fn log_in_on(house: &House, device: &str) -> String {
    let login = json!({
        "type": "m.login.password", "password": "pass word", "device_id": device,
        "identifier": { "type": "m.id.user", "user": "alice" },
        "initial_device_display_name": format!("Alice's {device}"),
    });
    let answer = house.post_bare("/_matrix/client/v3/login", login).await.ok();
    answer["access_token"].as_str().unwrap().to_owned()
}

fn proof(user: &str, password: &str) -> Value {
    json!({
        "type": "m.login.password", "password": password, "session": "any",
        "identifier": { "type": "m.id.user", "user": user },
    })
}

async fn delete(house: &House, token: &str, device: &str, body: Value) -> Answer {
    let path = format!("{DEVICES}/{device}");
    house.ask(Method::DELETE, &path, Some(token), Some(body)).await
}

async fn device_ids(house: &House, token: &str) -> Vec<String> {
    let devices = house.get(DEVICES, token).await.ok();
    let mut ids: Vec<String> = devices["devices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["device_id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

/// Checks that an answer asks for the password.
fn asks_for_the_password(answer: Answer) {
    let body = answer.fails(401, "M_FORBIDDEN");
    assert_eq!(body["flows"], json!([{ "stages": ["m.login.password"] }]));
    assert!(body["session"].is_string() && body["params"].is_object(), "{body}");
}

#[tokio::test]
async fn devices_are_listed_named_and_ended() {
    let ground = Ground::new();
    let house = ground.start().await;
    house.homeserver.create_user("alice", Some(&"pass word".into()), false).await.unwrap();
    let phone = log_in_on(&house, "PHONE").await;
    let laptop = log_in_on(&house, "LAPTOP").await;
    let tablet = log_in_on(&house, "TABLET").await;
    assert_eq!(device_ids(&house, &phone).await, ["LAPTOP", "PHONE", "TABLET"]);

    let path = format!("{DEVICES}/LAPTOP");
    let seen = house.get(&path, &phone).await.ok();
    assert_eq!(seen["display_name"], "Alice's LAPTOP");
    house.put(&path, &phone, json!({ "display_name": "At home" })).await.ok();
    assert_eq!(house.get(&path, &laptop).await.ok()["display_name"], "At home");
    let long = json!({ "display_name": "x".repeat(300) });
    house.put(&path, &phone, long).await.fails(400, "M_INVALID_PARAM");
    let nowhere = format!("{DEVICES}/NOWHERE");
    house.get(&nowhere, &phone).await.fails(404, "M_NOT_FOUND");
    house.put(&nowhere, &phone, json!({})).await.fails(404, "M_NOT_FOUND");

    asks_for_the_password(delete(&house, &phone, "LAPTOP", json!({})).await);
    let wrong = json!({ "auth": proof("alice", "guess") });
    asks_for_the_password(delete(&house, &phone, "LAPTOP", wrong).await);
    house.get(DEVICES, &laptop).await.ok();
    let right = json!({ "auth": proof("alice", "pass word") });
    delete(&house, &phone, "LAPTOP", right).await.ok();
    house.get(DEVICES, &laptop).await.fails(401, "M_UNKNOWN_TOKEN");

    let both =
        json!({ "devices": ["TABLET", "PHONE"], "auth": proof("@alice:hs.test", "pass word") });
    house.post("/_matrix/client/v3/delete_devices", &phone, both).await.ok();
    for token in [&phone, &tablet] {
        house.get(DEVICES, token).await.fails(401, "M_UNKNOWN_TOKEN");
    }
    house.stop().await;
}

#[tokio::test]
async fn nobody_touches_the_devices_of_others() {
    let ground = Ground::new();
    let house = ground.start().await;
    let bob = house.person("bob").await;
    house.homeserver.create_user("alice", Some(&"pass word".into()), false).await.unwrap();
    let alice = log_in_on(&house, "PHONE").await;
    house.get(&format!("{DEVICES}/PHONE"), &bob).await.fails(404, "M_NOT_FOUND");
    // A stranger's password proves nothing, and one's own ends one's own devices only.
    let of_alice = json!({ "auth": proof("alice", "pass word") });
    asks_for_the_password(delete(&house, &bob, "PHONE", of_alice).await);
    delete(&house, &bob, "PHONE", json!({ "auth": proof("bob", "pass word") })).await.ok();
    assert_eq!(device_ids(&house, &alice).await, ["PHONE"]);
    house.stop().await;
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_unless_asked_not_to() {
    let ground = Ground::new();
    let house = ground.start().await;
    house.homeserver.create_user("alice", Some(&"pass word".into()), false).await.unwrap();
    let phone = log_in_on(&house, "PHONE").await;
    let laptop = log_in_on(&house, "LAPTOP").await;

    asks_for_the_password(house.post(PASSWORD, &phone, json!({ "new_password": "other" })).await);
    let auth = proof("alice", "pass word");
    let empty = json!({ "new_password": "", "auth": auth });
    house.post(PASSWORD, &phone, empty).await.fails(400, "M_INVALID_PARAM");
    let quiet = json!({ "new_password": "pass word", "auth": auth, "logout_devices": false });
    house.post(PASSWORD, &phone, quiet).await.ok();
    assert_eq!(device_ids(&house, &laptop).await, ["LAPTOP", "PHONE"]);

    house.post(PASSWORD, &phone, json!({ "new_password": "other", "auth": auth })).await.ok();
    house.get(DEVICES, &laptop).await.fails(401, "M_UNKNOWN_TOKEN");
    assert_eq!(device_ids(&house, &phone).await, ["PHONE"]);
    house.log_in("alice", "pass word").await.fails(403, "M_FORBIDDEN");
    house.log_in("alice", "other").await.ok();
    house.stop().await;
}

#[tokio::test]
async fn a_closed_account_is_out_of_its_rooms_and_its_name_stays_taken() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let options = json!({ "preset": "public_chat" });
    let made = house.post("/_matrix/client/v3/createRoom", &bob, options).await.ok();
    let room = made["room_id"].as_str().unwrap();
    house.post(&format!("/_matrix/client/v3/join/{room}"), &alice, json!({})).await.ok();

    let path = "/_matrix/client/v3/account/deactivate";
    asks_for_the_password(house.post(path, &alice, json!({})).await);
    let answer = house.post(path, &alice, json!({ "auth": proof("alice", "pass word") })).await;
    assert_eq!(answer.ok()["id_server_unbind_result"], "no-support");
    house.get(DEVICES, &alice).await.fails(401, "M_UNKNOWN_TOKEN");
    house.log_in("alice", "pass word").await.fails(403, "M_FORBIDDEN");
    let members = house.get(&format!("/_matrix/client/v3/rooms/{room}/joined_members"), &bob).await;
    assert!(members.ok()["joined"].get("@alice:hs.test").is_none());
    assert!(house.homeserver.create_user("alice", None, false).await.is_err());
    house.stop().await;
}
