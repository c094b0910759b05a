//! Registration by shared secret, as Synapse's callers do it.

use ring::hmac;
use serde_json::{Value, json};

use crate::harness::{Ground, House};

const PATH: &str = "/_synapse/admin/v1/register";

fn mac(secret: &str, parts: &[&str]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let tag = hmac::sign(&key, parts.join("\0").as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn nonce(house: &House) -> String {
    house.get_bare(PATH).await.ok()["nonce"].as_str().unwrap().to_owned()
}

fn body(nonce: &str, name: &str, admin: bool, mac: &str) -> Value {
    json!({ "nonce": nonce, "username": name, "password": "pass word", "admin": admin, "mac": mac })
}

#[tokio::test]
async fn who_knows_the_secret_makes_accounts() {
    let ground = Ground::new();
    let house = ground.start_with(|one| one.shared_secret(Some("s3cret".into()))).await.unwrap();
    let fresh = nonce(&house).await;
    let right = mac("s3cret", &[&fresh, "alice", "pass word", "admin"]);
    let made = house.post_bare(PATH, body(&fresh, "alice", true, &right)).await.ok();
    assert_eq!(
        (&made["user_id"], &made["home_server"]),
        (&json!("@alice:hs.test"), &json!("hs.test"))
    );
    house.log_in("alice", "pass word").await.ok();
    let users = house.homeserver.list_users().await.unwrap();
    assert!(users.iter().any(|user| user.user_id == "@alice:hs.test" && user.admin));

    // A nonce is good once.
    house.post_bare(PATH, body(&fresh, "bob", true, &right)).await.fails(400, "M_UNKNOWN");
    let fresh = nonce(&house).await;
    let wrong = mac("guess", &[&fresh, "bob", "pass word", "notadmin"]);
    house.post_bare(PATH, body(&fresh, "bob", false, &wrong)).await.fails(403, "M_FORBIDDEN");
    // What was signed as an ordinary account makes no administrator.
    let fresh = nonce(&house).await;
    let modest = mac("s3cret", &[&fresh, "bob", "pass word", "notadmin"]);
    house.post_bare(PATH, body(&fresh, "bob", true, &modest)).await.fails(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn without_a_secret_it_is_off() {
    let ground = Ground::new();
    let house = ground.start().await;
    house.get_bare(PATH).await.fails(400, "M_UNKNOWN");
    house.post_bare(PATH, body("x", "alice", false, "00")).await.fails(400, "M_UNKNOWN");
}
