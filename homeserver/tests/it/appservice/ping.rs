//! Ping and its error codes.

use registration::Registration;
use serde_json::{Value, json};

use super::scripted::{Scripted, Turn, registration};
use crate::harness::{Answer, Ground, House};

async fn ping(house: &House, irc: &Registration, id: &str) -> Answer {
    let path = format!("/_matrix/client/v1/appservice/{id}/ping");
    house.post(&path, irc.as_token.expose(), json!({ "transaction_id": "meow" })).await
}

#[tokio::test]
async fn a_ping_comes_back_with_its_duration() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (irc, scripted) = (registration("irc"), Scripted::new());
    house.homeserver.attach_appservice(irc.clone(), scripted.clone()).await.unwrap();
    let answer = ping(&house, &irc, "irc").await.ok();
    assert!(answer["duration_ms"].is_u64(), "{answer}");
    let seen = scripted.seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/_matrix/app/v1/ping"));
    assert_eq!(seen.json(), json!({ "transaction_id": "meow" }));
    assert_eq!(seen.authorization, format!("Bearer {}", irc.hs_token.expose()));
    assert_eq!(seen.query, None, "the token is in the header only");
}

#[tokio::test]
async fn every_failure_has_its_code() {
    let ground = Ground::new();
    let house = ground.start().await;
    let irc = registration("irc");
    let turns = [Turn::Answer(403, "{\"errcode\":\"M_FORBIDDEN\"}"), Turn::Refuse, Turn::BreakOff];
    house.homeserver.attach_appservice(irc.clone(), Scripted::with(turns)).await.unwrap();
    let bad = ping(&house, &irc, "irc").await.fails(502, "M_BAD_STATUS");
    assert_eq!(
        (&bad["status"], &bad["body"]),
        (&json!(403), &json!("{\"errcode\":\"M_FORBIDDEN\"}"))
    );
    ping(&house, &irc, "irc").await.fails(502, "M_CONNECTION_FAILED");
    ping(&house, &irc, "irc").await.fails(502, "M_CONNECTION_FAILED");
    ping(&house, &irc, "other").await.fails(403, "M_FORBIDDEN");
    let alice = house.person("alice").await;
    let path = "/_matrix/client/v1/appservice/irc/ping";
    house.post(path, &alice, json!({})).await.fails(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn an_appservice_that_does_not_answer_times_out() {
    let ground = Ground::new();
    let clock = support_clock::TestClock::new();
    let shared: support_clock::SharedClock = std::sync::Arc::new(clock.clone());
    let house = ground.start_with(|builder| builder.clock(shared)).await.unwrap();
    let (irc, scripted) = (registration("irc"), Scripted::with([Turn::Hold]));
    house.homeserver.attach_appservice(irc.clone(), scripted.clone()).await.unwrap();
    let waiting = ping(&house, &irc, "irc");
    let turn = async {
        scripted.until(|one| !one.seen().is_empty()).await;
        clock.advance(std::time::Duration::from_secs(60));
    };
    let (answer, ()) = tokio::join!(waiting, turn);
    answer.fails(504, "M_CONNECTION_TIMEOUT");
}

#[tokio::test]
async fn a_registration_without_url_cannot_be_pinged() {
    let ground = Ground::new();
    let house = ground.start().await;
    let mut irc = registration("irc");
    irc.url = None;
    house.homeserver.attach_appservice(irc.clone(), Scripted::new()).await.unwrap();
    let refusal: Value = ping(&house, &irc, "irc").await.fails(400, "M_URL_NOT_SET");
    assert!(refusal["error"].is_string());
}
