//! Logging in and out.

use bytes::Bytes;
use http::Request;
use serde_json::json;

use crate::harness::{Ground, login};

const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

#[tokio::test]
async fn login_hands_out_a_session_that_whoami_knows() {
    let ground = Ground::new();
    let house = ground.start().await;
    house.person("alice").await;
    let mut body = login("@alice:hs.test", "pass word");
    body["device_id"] = json!("PHONE");
    body["initial_device_display_name"] = json!("My phone");
    let session = house.post_bare("/_matrix/client/v3/login", body).await.ok();
    assert_eq!(
        (&session["user_id"], &session["device_id"]),
        (&json!("@alice:hs.test"), &json!("PHONE"))
    );
    let whoami = house.get(WHOAMI, session["access_token"].as_str().unwrap()).await.ok();
    assert_eq!(whoami, json!({ "user_id": "@alice:hs.test", "device_id": "PHONE" }));
}

#[tokio::test]
async fn login_flows_name_password_token_and_application_service() {
    let ground = Ground::new();
    let house = ground.start().await;
    let flows = house.get_bare("/_matrix/client/v3/login").await.ok();
    let types: Vec<_> =
        flows["flows"].as_array().unwrap().iter().map(|flow| flow["type"].clone()).collect();
    assert_eq!(types, ["m.login.password", "m.login.token", "m.login.application_service"]);
}

#[tokio::test]
async fn wrong_password_and_unknown_name_get_one_answer() {
    let ground = Ground::new();
    let house = ground.start().await;
    house.person("alice").await;
    let wrong = house.log_in("alice", "guess").await.fails(403, "M_FORBIDDEN");
    let unknown = house.log_in("nobody", "guess").await.fails(403, "M_FORBIDDEN");
    let foreign = house.log_in("@alice:other.test", "pass word").await.fails(403, "M_FORBIDDEN");
    assert_eq!(wrong, unknown);
    assert_eq!(wrong, foreign);
}

#[tokio::test]
async fn old_clients_name_the_user_without_an_identifier() {
    let ground = Ground::new();
    let house = ground.start().await;
    house.person("alice").await;
    let body = json!({ "type": "m.login.password", "user": "alice", "password": "pass word" });
    house.post_bare("/_matrix/client/r0/login", body).await.ok();
}

#[tokio::test]
async fn logout_ends_one_session_and_logout_all_every_one() {
    let ground = Ground::new();
    let house = ground.start().await;
    let one = house.person("alice").await;
    let session = house.log_in("alice", "pass word").await.ok();
    let two = session["access_token"].as_str().unwrap();
    house.get(WHOAMI, &one).await.ok();
    house.post("/_matrix/client/v3/logout", &one, json!({})).await.ok();
    house.get(WHOAMI, &one).await.fails(401, "M_UNKNOWN_TOKEN");
    house.get(WHOAMI, two).await.ok();
    house.post("/_matrix/client/v3/logout/all", two, json!({})).await.ok();
    house.get(WHOAMI, two).await.fails(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn a_second_login_on_a_device_replaces_the_first() {
    let ground = Ground::new();
    let house = ground.start().await;
    house.person("alice").await;
    let mut body = login("alice", "pass word");
    body["device_id"] = json!("PHONE");
    let first = house.post_bare("/_matrix/client/v3/login", body.clone()).await.ok();
    let second = house.post_bare("/_matrix/client/v3/login", body).await.ok();
    let first = first["access_token"].as_str().unwrap();
    house.get(WHOAMI, first).await.fails(401, "M_UNKNOWN_TOKEN");
    house.get(WHOAMI, second["access_token"].as_str().unwrap()).await.ok();
}

#[tokio::test]
async fn a_token_is_needed_once_and_has_to_be_ours() {
    let ground = Ground::new();
    let house = ground.start().await;
    let token = house.person("alice").await;
    house.get_bare(WHOAMI).await.fails(401, "M_MISSING_TOKEN");
    house.get(WHOAMI, "nonsense").await.fails(401, "M_UNKNOWN_TOKEN");
    house.get_bare(&format!("{WHOAMI}?access_token={token}")).await.ok();
    let both = Request::get(format!("{WHOAMI}?access_token={token}"))
        .header("authorization", format!("Bearer {token}"))
        .body(Bytes::new())
        .unwrap();
    house.send(both).await.fails(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn bodies_that_are_no_json_or_do_not_fit_are_told_apart() {
    let ground = Ground::new();
    let house = ground.start().await;
    let request = |body: &'static str| {
        Request::post("/_matrix/client/v3/login").body(Bytes::from(body)).unwrap()
    };
    house.send(request("{\"type\":")).await.fails(400, "M_NOT_JSON");
    house.send(request("{\"type\": 7}")).await.fails(400, "M_BAD_JSON");
    house
        .send(request("{\"type\": \"m.login.sso\", \"token\": \"x\"}"))
        .await
        .fails(400, "M_UNKNOWN");
}

#[tokio::test]
async fn sessions_and_passwords_survive_a_restart() {
    let ground = Ground::new();
    let house = ground.start().await;
    let token = house.person("alice").await;
    house.stop().await;
    let house = ground.start().await;
    house.get(WHOAMI, &token).await.ok();
    house.log_in("alice", "pass word").await.ok();
}

#[tokio::test]
async fn a_closed_account_lets_nobody_in() {
    let ground = Ground::new();
    let house = ground.start().await;
    let token = house.person("alice").await;
    house.get(WHOAMI, &token).await.ok();
    house.homeserver.deactivate_user("alice").await.unwrap();
    house.get(WHOAMI, &token).await.fails(401, "M_UNKNOWN_TOKEN");
    house.log_in("alice", "pass word").await.fails(403, "M_FORBIDDEN");
    assert!(house.homeserver.deactivate_user("alice").await.is_err());
    assert!(house.homeserver.create_user("alice", None, false).await.is_err());
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one_and_ends_sessions() {
    let ground = Ground::new();
    let house = ground.start().await;
    let token = house.person("alice").await;
    house.homeserver.set_password("alice", &"another".into()).await.unwrap();
    house.get(WHOAMI, &token).await.fails(401, "M_UNKNOWN_TOKEN");
    house.log_in("alice", "pass word").await.fails(403, "M_FORBIDDEN");
    house.log_in("alice", "another").await.ok();
    assert!(house.homeserver.set_password("nobody", &"x".into()).await.is_err());
}

#[tokio::test]
async fn too_many_wrong_passwords_have_to_wait() {
    let ground = Ground::new();
    let house = ground.start_with(|builder| builder.rate_limits(true)).await.unwrap();
    house.person("alice").await;
    for _ in 0..10 {
        house.log_in("alice", "guess").await.fails(403, "M_FORBIDDEN");
    }
    let refusal = house.log_in("alice", "pass word").await.fails(429, "M_LIMIT_EXCEEDED");
    assert!(refusal["retry_after_ms"].as_u64().unwrap() > 0);
}
