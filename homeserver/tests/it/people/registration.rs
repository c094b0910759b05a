//! New accounts, in each of the operator's three modes.

use homeserver::RegistrationMode;
use serde_json::{Value, json};

use crate::harness::{Ground, House};

const REGISTER: &str = "/_matrix/client/v3/register";

async fn start(ground: &Ground, mode: RegistrationMode) -> House {
    ground.start_with(|builder| builder.registration(mode)).await.unwrap()
}

fn body(name: &str, auth: Option<Value>) -> Value {
    let mut body = json!({ "username": name, "password": "pass word" });
    if let Some(auth) = auth {
        body["auth"] = auth;
    }
    body
}

fn dummy() -> Option<Value> {
    Some(json!({ "type": "m.login.dummy" }))
}

#[tokio::test]
async fn a_closed_server_says_so() {
    let ground = Ground::new();
    let house = start(&ground, RegistrationMode::Closed).await;
    let refusal = house.post_bare(REGISTER, body("alice", dummy())).await.fails(403, "M_FORBIDDEN");
    assert!(refusal["error"].as_str().unwrap().contains("operator"), "{refusal}");
}

#[tokio::test]
async fn an_open_server_asks_for_one_dummy_step() {
    let ground = Ground::new();
    let house = start(&ground, RegistrationMode::Open).await;
    let step = house.post_bare(REGISTER, body("Alice", None)).await;
    assert_eq!(step.status, 401);
    assert_eq!(step.body["flows"], json!([{ "stages": ["m.login.dummy"] }]));
    let session = step.body["session"].as_str().unwrap();
    let auth = json!({ "type": "m.login.dummy", "session": session });
    let made = house.post_bare(REGISTER, body("Alice", Some(auth))).await.ok();
    assert_eq!(made["user_id"], "@alice:hs.test", "capitals are folded");
    let token = made["access_token"].as_str().unwrap();
    let whoami = house.get("/_matrix/client/v3/account/whoami", token).await.ok();
    assert_eq!(whoami["device_id"], made["device_id"]);
    house.log_in("alice", "pass word").await.ok();
}

#[tokio::test]
async fn inhibit_login_makes_an_account_without_a_session() {
    let ground = Ground::new();
    let house = start(&ground, RegistrationMode::Open).await;
    let mut body = body("alice", dummy());
    body["inhibit_login"] = json!(true);
    let made = house.post_bare(REGISTER, body).await.ok();
    assert_eq!(made["user_id"], "@alice:hs.test");
    assert!(made.get("access_token").is_none() && made.get("device_id").is_none_or(Value::is_null));
}

#[tokio::test]
async fn taken_and_impossible_names_have_their_codes() {
    let ground = Ground::new();
    let house = start(&ground, RegistrationMode::Open).await;
    house.post_bare(REGISTER, body("alice", dummy())).await.ok();
    house.post_bare(REGISTER, body("alice", dummy())).await.fails(400, "M_USER_IN_USE");
    // Told before the interactive step, so that nobody fills in a form in vain.
    house.post_bare(REGISTER, body("alice", None)).await.fails(400, "M_USER_IN_USE");
    house.post_bare(REGISTER, body("häschen", dummy())).await.fails(400, "M_INVALID_USERNAME");
    let available = |name: &str| format!("/_matrix/client/v3/register/available?username={name}");
    house.get_bare(&available("alice")).await.fails(400, "M_USER_IN_USE");
    house.get_bare(&available("_ghost")).await.fails(400, "M_INVALID_USERNAME");
    assert_eq!(house.get_bare(&available("bob")).await.ok(), json!({ "available": true }));
}

#[tokio::test]
async fn a_sign_up_token_is_good_for_as_many_accounts_as_it_says() {
    let ground = Ground::new();
    let house = start(&ground, RegistrationMode::Token).await;
    let token = house.homeserver.create_registration_token(Some(1)).await.unwrap();
    let validity =
        format!("/_matrix/client/v1/register/m.login.registration_token/validity?token={token}");
    assert_eq!(house.get_bare(&validity).await.ok(), json!({ "valid": true }));

    let step = house.post_bare(REGISTER, body("alice", dummy())).await;
    assert_eq!(step.status, 401);
    assert_eq!(step.body["flows"], json!([{ "stages": ["m.login.registration_token"] }]));
    let auth = |token: &str| Some(json!({ "type": "m.login.registration_token", "token": token }));
    let refused = house.post_bare(REGISTER, body("alice", auth("wrong"))).await;
    refused.fails(401, "M_FORBIDDEN");
    house.post_bare(REGISTER, body("alice", auth(&token))).await.ok();
    house.post_bare(REGISTER, body("bob", auth(&token))).await.fails(401, "M_FORBIDDEN");
    assert_eq!(house.get_bare(&validity).await.ok(), json!({ "valid": false }));
    // A refusal left no account behind.
    assert!(house.homeserver.create_user("bob", None, false).await.is_ok());
}

#[tokio::test]
async fn a_taken_name_does_not_use_up_a_sign_up_token() {
    let ground = Ground::new();
    let house = start(&ground, RegistrationMode::Token).await;
    house.person("alice").await;
    let token = house.homeserver.create_registration_token(Some(1)).await.unwrap();
    let auth = Some(json!({ "type": "m.login.registration_token", "token": token }));
    house.post_bare(REGISTER, body("alice", auth.clone())).await.fails(400, "M_USER_IN_USE");
    house.post_bare(REGISTER, body("bob", auth)).await.ok();
}

#[tokio::test]
async fn guests_are_refused() {
    let ground = Ground::new();
    let house = start(&ground, RegistrationMode::Open).await;
    let answer = house.post_bare(&format!("{REGISTER}?kind=guest"), json!({})).await;
    answer.fails(403, "M_FORBIDDEN");
}
