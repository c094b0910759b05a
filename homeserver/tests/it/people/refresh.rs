//! Access tokens that end, and the refresh tokens by which a device goes on.

use std::{sync::Arc, time::Duration};

use homeserver::RegistrationMode;
use http::Method;
use serde_json::{Value, json};
use support_clock::TestClock;
use support_db::testing::test_locations;

use crate::harness::{Ground, House, login};

const WHOAMI: &str = "/_matrix/client/v3/account/whoami";
const LOGIN: &str = "/_matrix/client/v3/login";
const LIFETIME: Duration = Duration::from_secs(300);

async fn start(ground: &Ground, clock: &TestClock) -> House {
    let clock = Arc::new(clock.clone());
    let house = ground.start_with(|builder| builder.clock(clock)).await.unwrap();
    // There already, after a restart.
    house.homeserver.create_user("alice", Some(&"pass word".into()), false).await.ok();
    house
}

/// A pair of tokens, as they were handed out.
struct Pair {
    access: String,
    refresh: String,
}

impl Pair {
    fn read(answer: &Value) -> Self {
        assert_eq!(answer["expires_in_ms"], 300_000, "{answer}");
        let text = |key: &str| answer[key].as_str().unwrap().to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }

    async fn renew(&self, house: &House) -> Self {
        Self::read(&refresh(house, &self.refresh).await.ok())
    }
}

async fn log_in(house: &House, device: &str) -> Pair {
    let mut body = login("alice", "pass word");
    body["device_id"] = json!(device);
    body["refresh_token"] = json!(true);
    Pair::read(&house.post_bare(LOGIN, body).await.ok())
}

async fn refresh(house: &House, token: &str) -> crate::harness::Answer {
    house.post_bare("/_matrix/client/v3/refresh", json!({ "refresh_token": token })).await
}

#[tokio::test]
async fn an_access_token_ends_softly_and_is_renewed_on_every_database() {
    for place in test_locations() {
        let (ground, clock) = (Ground::on(place), TestClock::new());
        let house = start(&ground, &clock).await;
        let first = log_in(&house, "PHONE").await;
        house.get(WHOAMI, &first.access).await.ok();
        clock.advance(LIFETIME);
        let ended = house.get(WHOAMI, &first.access).await.fails(401, "M_UNKNOWN_TOKEN");
        assert_eq!(ended["soft_logout"], true, "{ended}");
        let second = first.renew(&house).await;
        let whoami = house.get(WHOAMI, &second.access).await.ok();
        assert_eq!(whoami["device_id"], "PHONE");
        house.stop().await;
        let house = start(&ground, &clock).await;
        house.get(WHOAMI, &second.access).await.ok();
        clock.advance(LIFETIME);
        house.get(WHOAMI, &second.access).await.fails(401, "M_UNKNOWN_TOKEN");
        let third = second.renew(&house).await;
        house.get(WHOAMI, &third.access).await.ok();
        house.stop().await;
    }
}

#[tokio::test]
async fn who_does_not_ask_for_it_gets_a_token_that_does_not_end() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let session = house.log_in("alice", "pass word").await.ok();
    assert!(session.get("refresh_token").is_none() && session.get("expires_in_ms").is_none());
    clock.advance(Duration::from_secs(3_000_000));
    house.get(WHOAMI, session["access_token"].as_str().unwrap()).await.ok();
}

#[tokio::test]
async fn a_new_account_can_ask_for_it_too() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let shared = Arc::new(clock.clone());
    let house = ground
        .start_with(|builder| {
            builder
                .clock(shared)
                .registration(RegistrationMode::Open)
                .access_token_lifetime(LIFETIME)
        })
        .await
        .unwrap();
    let body = json!({
        "username": "bob", "password": "pass word", "refresh_token": true,
        "auth": { "type": "m.login.dummy" },
    });
    let made = house.post_bare("/_matrix/client/v3/register", body).await.ok();
    let pair = Pair::read(&made);
    clock.advance(LIFETIME);
    house.get(WHOAMI, &pair.renew(&house).await.access).await.ok();
}

#[tokio::test]
async fn the_old_refresh_token_is_good_until_a_new_token_is_used() {
    for uses_access in [true, false] {
        let (ground, clock) = (Ground::new(), TestClock::new());
        let house = start(&ground, &clock).await;
        let first = log_in(&house, "PHONE").await;
        // The answer is lost, twice: the device asks again with what it has.
        let lost = first.renew(&house).await;
        let second = first.renew(&house).await;
        house.get(WHOAMI, &first.access).await.ok();
        if uses_access {
            house.get(WHOAMI, &second.access).await.ok();
        } else {
            second.renew(&house).await;
        }
        refresh(&house, &first.refresh).await.fails(401, "M_UNKNOWN_TOKEN");
        refresh(&house, &lost.refresh).await.fails(401, "M_UNKNOWN_TOKEN");
        let ended = house.get(WHOAMI, &first.access).await.fails(401, "M_UNKNOWN_TOKEN");
        assert!(ended.get("soft_logout").is_none(), "{ended}");
        second.renew(&house).await;
    }
}

#[tokio::test]
async fn either_of_two_answers_may_be_kept_and_few_are_remembered() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let first = log_in(&house, "PHONE").await;
    let forgotten = first.renew(&house).await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(first.renew(&house).await);
    }
    refresh(&house, &forgotten.refresh).await.fails(401, "M_UNKNOWN_TOKEN");
    house.get(WHOAMI, &answers[2].access).await.ok();
    house.get(WHOAMI, &answers[5].access).await.ok();
    answers[5].renew(&house).await;
}

#[tokio::test]
async fn what_ends_a_session_ends_its_refresh_token() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let proof = json!({
        "type": "m.login.password", "password": "pass word",
        "identifier": { "type": "m.id.user", "user": "alice" },
    });
    let kept = log_in(&house, "KEPT").await;
    for what in ["logout", "again", "deletion", "password", "everywhere", "closing"] {
        let pair = log_in(&house, "PHONE").await;
        match what {
            "logout" => {
                house.post("/_matrix/client/v3/logout", &pair.access, json!({})).await.ok();
            }
            "again" => drop(log_in(&house, "PHONE").await),
            "deletion" => {
                let (path, body) = ("/_matrix/client/v3/devices/PHONE", json!({ "auth": proof }));
                house.ask(Method::DELETE, path, Some(&kept.access), Some(body)).await.ok();
            }
            "password" => {
                let body = json!({ "new_password": "pass word", "auth": proof });
                let path = "/_matrix/client/v3/account/password";
                house.post(path, &kept.access, body).await.ok();
                house.get(WHOAMI, &kept.access).await.ok();
            }
            "everywhere" => {
                house.homeserver.set_password("alice", &"pass word".into()).await.unwrap();
                refresh(&house, &kept.refresh).await.fails(401, "M_UNKNOWN_TOKEN");
            }
            _ => house.homeserver.deactivate_user("alice").await.unwrap(),
        }
        house.get(WHOAMI, &pair.access).await.fails(401, "M_UNKNOWN_TOKEN");
        let ended = refresh(&house, &pair.refresh).await.fails(401, "M_UNKNOWN_TOKEN");
        assert!(ended.get("soft_logout").is_none(), "{what}: {ended}");
    }
    refresh(&house, &kept.access).await.fails(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn devices_tell_when_they_were_last_seen() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let session = house.log_in("alice", "pass word").await.ok();
    let token = session["access_token"].as_str().unwrap().to_owned();
    let at = |seconds: i64| json!(1_700_000_000_000 + seconds * 1000);
    let path = format!("/_matrix/client/v3/devices/{}", session["device_id"].as_str().unwrap());
    assert_eq!(house.get(&path, &token).await.ok()["last_seen_ts"], at(0));
    let mut house = house;
    // It is written down once in some minutes and beside the request; a stop waits for it.
    for (pause, seen) in [(299, 0), (2, 301), (60, 301)] {
        clock.advance(Duration::from_secs(pause));
        house.get(WHOAMI, &token).await.ok();
        house.stop().await;
        house = start(&ground, &clock).await;
        let devices = house.get("/_matrix/client/v3/devices", &token).await.ok();
        assert_eq!(devices["devices"][0]["last_seen_ts"], at(seen));
    }
}
