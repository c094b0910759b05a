//! How transactions are delivered: one at a time, repeated byte by byte until they are acknowledged.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use support_clock::{SharedClock, TestClock};

use super::scripted::{Scripted, Turn, registration};
use crate::harness::{Ground, House};

/// A house whose clock is turned by hand, with an appservice and a room that interests it.
async fn stage(ground: &Ground, scripted: &Arc<Scripted>) -> (House, TestClock, String, String) {
    let clock = TestClock::new();
    let shared: SharedClock = Arc::new(clock.clone());
    let house = ground.start_with(|builder| builder.clock(shared)).await.unwrap();
    let irc = registration("irc");
    house.homeserver.attach_appservice(irc.clone(), scripted.clone()).await.unwrap();
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({ "room_alias_name": "lobby" })).await;
    house.in_room(&alice, &room, "invite", json!({ "user_id": "@ircbot:hs.test" })).await.ok();
    house.join_as(irc.as_token.expose(), &room, "@ircbot:hs.test").await;
    (house, clock, alice, room)
}

#[tokio::test]
async fn only_a_2xx_acknowledges_and_every_attempt_is_the_same_request() {
    let ground = Ground::new();
    let scripted = Scripted::new();
    let (house, clock, alice, room) = stage(&ground, &scripted).await;
    scripted.until(|one| one.events().len() >= 2).await;
    let before = scripted.transactions().len();
    let turns = [
        Turn::Answer(500, "oops"),
        Turn::Answer(502, "<html>"),
        Turn::Answer(302, ""),
        Turn::Answer(404, "{\"errcode\":\"M_UNRECOGNIZED\"}"),
        Turn::BreakOff,
        Turn::Answer(200, "garbage, but a 200"),
    ];
    let attempts = turns.len();
    for turn in turns {
        scripted.then(turn);
    }
    house.say(&alice, &room, "1", "again and again").await;
    for attempt in 1..attempts {
        scripted.until(|one| one.transactions().len() >= before + attempt).await;
        if attempt == 1 {
            // What is said meanwhile belongs to the next transaction.
            house.say(&alice, &room, "2", "later").await;
        }
        clock.wait_for_sleepers(1).await;
        clock.advance_to_next().await;
    }
    scripted.until_body("later").await;
    let seen = scripted.transactions().split_off(before);
    assert_eq!(seen.len(), attempts + 1);
    assert!(seen[1..attempts].iter().all(|one| *one == seen[0]), "{seen:#?}");
    assert_eq!(seen[0].events().len(), 1);
    assert_ne!(seen[0].txn_id(), seen[attempts].txn_id());
    assert_eq!(scripted.bodies(), ["again and again", "later"]);
    assert_eq!(scripted.most_in_flight(), 1);
}

#[tokio::test]
async fn the_first_retry_comes_within_a_second_and_pauses_grow() {
    let ground = Ground::new();
    let scripted = Scripted::new();
    let (house, clock, alice, room) = stage(&ground, &scripted).await;
    scripted.until(|one| one.events().len() >= 2).await;
    let before = scripted.transactions().len();
    scripted.usually(Turn::Answer(503, ""));
    house.say(&alice, &room, "1", "hello").await;
    let mut pauses = Vec::new();
    for attempt in 1..=6 {
        scripted.until(|one| one.transactions().len() >= before + attempt).await;
        clock.wait_for_sleepers(1).await;
        let began = support_clock::Clock::monotonic(&clock);
        clock.advance_to_next().await;
        pauses.push(support_clock::Clock::monotonic(&clock) - began);
    }
    assert!(pauses[0] <= Duration::from_secs(1), "{pauses:?}");
    assert!(pauses.windows(2).all(|pair| pair[1] > pair[0]), "{pauses:?}");
    let info = house.homeserver.list_appservices().await.unwrap().remove(0);
    assert!(info.failures >= 6, "{info:?}");
    assert_eq!(info.last_failure.as_deref(), Some("it answered 503 Service Unavailable"));
    assert_eq!(info.owed, 1);
}

#[tokio::test]
async fn one_transaction_is_in_flight_and_the_next_carries_all_that_waited() {
    let ground = Ground::new();
    let scripted = Scripted::new();
    let (house, _clock, alice, room) = stage(&ground, &scripted).await;
    scripted.until(|one| one.events().len() >= 2).await;
    scripted.then(Turn::Hold);
    house.say(&alice, &room, "0", "held").await;
    scripted.until_body("held").await;
    let before = scripted.transactions().len();
    for number in 1..=250 {
        house.say(&alice, &room, &number.to_string(), &number.to_string()).await;
    }
    assert_eq!(scripted.transactions().len(), before, "nothing is sent beside the one in flight");
    scripted.release();
    scripted.until_body("250").await;
    let seen = scripted.transactions().split_off(before);
    let sizes: Vec<_> = seen.iter().map(|one| one.events().len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert_eq!(scripted.most_in_flight(), 1);
    let expected: Vec<_> = (1..=250).map(|number| number.to_string()).collect();
    assert_eq!(scripted.bodies()[1..], expected);
}

#[tokio::test]
async fn a_ping_that_works_ends_the_pause() {
    let ground = Ground::new();
    let scripted = Scripted::new();
    let clock = TestClock::new();
    let shared: SharedClock = Arc::new(clock.clone());
    let house = ground.start_with(|builder| builder.clock(shared)).await.unwrap();
    let irc = registration("irc");
    let token = irc.as_token.expose();
    house.homeserver.attach_appservice(irc.clone(), scripted.clone()).await.unwrap();
    scripted.usually(Turn::Refuse);
    let room = house.room(token, json!({})).await;
    house.say(token, &room, "1", "hello").await;
    clock.wait_for_sleepers(1).await;
    scripted.usually(Turn::Answer(200, "{}"));
    house.post("/_matrix/client/v1/appservice/irc/ping", token, json!({})).await.ok();
    // The clock stands still: only the ping can have ended the pause.
    scripted.until_body("hello").await;
    let info = house.homeserver.list_appservices().await.unwrap().remove(0);
    assert_eq!(info.failures, 0, "{info:?}");
}

#[tokio::test]
async fn a_slow_appservice_does_not_delay_another() {
    let ground = Ground::new();
    let (slow, quick) = (Scripted::new(), Scripted::new());
    slow.usually(Turn::Hold);
    let house = ground.start().await;
    for (name, scripted) in [("slow", &slow), ("quick", &quick)] {
        house.homeserver.attach_appservice(registration(name), scripted.clone()).await.unwrap();
    }
    let alice = house.person("alice").await;
    let invite = json!(["@slowbot:hs.test", "@quickbot:hs.test"]);
    let room = house.room(&alice, json!({ "invite": invite })).await;
    slow.until(|one| !one.transactions().is_empty()).await;
    house
        .in_room(&alice, &room, "invite", json!({ "user_id": "@_quick_a:hs.test" }))
        .await
        .fails(404, "M_NOT_FOUND");
    quick.until(|one| !one.events().is_empty()).await;
    assert_eq!(slow.transactions().len(), 1);
}

#[tokio::test]
async fn transactions_carry_the_token_in_the_header_only() {
    let ground = Ground::new();
    let scripted = Scripted::new();
    let house = ground.start().await;
    let irc = registration("irc");
    house.homeserver.attach_appservice(irc.clone(), scripted.clone()).await.unwrap();
    let room = house.room(irc.as_token.expose(), json!({})).await;
    scripted.until(|one| !one.transactions().is_empty()).await;
    let seen = scripted.transactions().remove(0);
    assert_eq!((seen.method.as_str(), seen.query.as_deref()), ("PUT", None));
    assert_eq!(seen.authorization, format!("Bearer {}", irc.hs_token.expose()));
    let id = seen.txn_id().unwrap();
    let (prefix, number) = id.split_once('-').unwrap();
    assert!(prefix.len() == 8 && number.parse::<u64>().is_ok(), "{id}");
    let event = seen.events().remove(0);
    assert_eq!((&event["type"], &event["room_id"]), (&json!("m.room.create"), &json!(room)));
    assert!(event["event_id"].is_string() && event["origin_server_ts"].is_i64(), "{event}");
    assert_eq!((&event["state_key"], &event["sender"]), (&json!(""), &json!("@ircbot:hs.test")));
}
