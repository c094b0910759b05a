//! Letting another device of one's own in with a token.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use support_clock::TestClock;

use crate::harness::{Answer, Ground, House};

const GET_TOKEN: &str = "/_matrix/client/v1/login/get_token";

fn proof() -> Value {
    json!({ "auth": {
        "type": "m.login.password", "password": "pass word",
        "identifier": { "type": "m.id.user", "user": "alice" },
    }})
}

async fn mint(house: &House, token: &str) -> String {
    let answer = house.post(GET_TOKEN, token, proof()).await.ok();
    assert_eq!(answer["expires_in_ms"], 120_000);
    answer["login_token"].as_str().unwrap().to_owned()
}

async fn log_in(house: &House, token: &str) -> Answer {
    let body = json!({ "type": "m.login.token", "token": token });
    house.post_bare("/_matrix/client/v3/login", body).await
}

#[tokio::test]
async fn a_login_token_lets_another_device_in_once() {
    let ground = Ground::new();
    let house = ground.start().await;
    let phone = house.person("alice").await;
    let capabilities = house.get("/_matrix/client/v3/capabilities", &phone).await.ok();
    assert_eq!(capabilities["capabilities"]["m.get_login_token"], json!({ "enabled": true }));
    let flows = house.get_bare("/_matrix/client/v3/login").await.ok();
    assert_eq!(flows["flows"][1], json!({ "type": "m.login.token", "get_login_token": true }));
    let asked = house.post(GET_TOKEN, &phone, json!({})).await;
    assert_eq!((asked.status.as_u16(), asked.body["flows"].is_array()), (401, true));
    let token = mint(&house, &phone).await;
    let session = log_in(&house, &token).await.ok();
    assert_eq!(session["user_id"], "@alice:hs.test");
    let whoami = "/_matrix/client/v3/account/whoami";
    house.get(whoami, session["access_token"].as_str().unwrap()).await.ok();
    house.get(whoami, &phone).await.ok();
    log_in(&house, &token).await.fails(403, "M_FORBIDDEN");
    log_in(&house, "rtl_nonsense").await.fails(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_login_token_ends_soon_and_with_the_account() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let shared = Arc::new(clock.clone());
    let house = ground.start_with(|builder| builder.clock(shared)).await.unwrap();
    let phone = house.person("alice").await;
    let late = mint(&house, &phone).await;
    clock.advance(Duration::from_secs(120));
    log_in(&house, &late).await.fails(403, "M_FORBIDDEN");
    let closed = mint(&house, &phone).await;
    house.homeserver.deactivate_user("alice").await.unwrap();
    log_in(&house, &closed).await.fails(403, "M_FORBIDDEN");
}
