//! Threads, read marks and typing, both ways.

use std::time::Duration;

use bridge_demo::DemoNetwork;
use bridge_testkit::{HouseOptions, TestHouse, TestUser};
use http::Method;
use serde_json::{Value, json};

use crate::logged_in;

async fn in_lobby(demo: Value) -> (TestHouse, TestUser, String) {
    let house = TestHouse::with(HouseOptions { demo, ..HouseOptions::default() }).await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    (house, alice, lobby)
}

fn in_thread(root: &str, text: &str) -> Value {
    json!({ "msgtype": "m.text", "body": text, "m.relates_to": { "rel_type": "m.thread",
        "event_id": root, "is_falling_back": true, "m.in_reply_to": { "event_id": root } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_is_a_thread_on_both_sides() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    let root = house.network().says("bob", "lobby", "a thread");
    let event = alice.sees(&lobby, "bob", "a thread").await;
    let event = event["event_id"].as_str().expect("an event has an id").to_owned();
    house.network().says_in_thread("carol", "lobby", root, "first");
    let first = alice.sees(&lobby, "carol", "first").await;
    let relation = &first["content"]["m.relates_to"];
    assert_eq!(relation["rel_type"], "m.thread");
    assert_eq!(
        (&relation["event_id"], &relation["is_falling_back"]),
        (&json!(event), &json!(true))
    );

    let sent = alice.send_event(&lobby, "m.room.message", in_thread(&event, "second")).await;
    assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
    let last = house.network().said_in("lobby").pop().expect("something was said");
    assert_eq!((last.text.as_str(), last.thread, last.reply_to), ("second", Some(root), None));

    // An answer within the thread is both.
    let mut answer = in_thread(&event, "third");
    answer["m.relates_to"]["is_falling_back"] = json!(false);
    answer["m.relates_to"]["m.in_reply_to"]["event_id"] = first["event_id"].clone();
    let sent = alice.send_event(&lobby, "m.room.message", answer).await;
    assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
    let said = house.network().said_in("lobby");
    let last = said.last().expect("something was said");
    assert_eq!((last.thread, last.reply_to), (Some(root), Some(said[1].number)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_without_threads_is_told_in_its_chat() {
    let (house, mut alice, lobby) = in_lobby(json!({ "lacks": ["threads"] })).await;
    house.network().says("bob", "lobby", "a thread");
    let event = alice.sees(&lobby, "bob", "a thread").await;
    let event = event["event_id"].as_str().expect("an event has an id").to_owned();
    let sent = alice.send_event(&lobby, "m.room.message", in_thread(&event, "second")).await;
    assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
    let last = house.network().said_in("lobby").pop().expect("something was said");
    assert_eq!((last.text.as_str(), last.thread), ("second", None));
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_remote_people_have_read_is_seen() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    let network = house.network();
    network.says("bob", "lobby", "hello");
    alice.sees(&lobby, "bob", "hello").await;
    let sent = alice.says(&lobby, "read this").await;
    alice.status(&sent).await;
    let mine = network.said_in("lobby").pop().expect("it was said").number;
    network.reads("bob", "lobby", mine);
    let ghost = "@_rialto_demo_bob:house.test";
    let read = alice.waits_for_passing("bob's mark", |passing| {
        let marks = passing.iter().filter(|event| event["type"] == "m.receipt");
        let mut of_bob = marks.filter(|event| event["content"][&sent]["m.read"][ghost].is_object());
        of_bob.next().map(drop)
    });
    read.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_of_them_is_typing_is_seen() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    let network = house.network();
    network.says("bob", "lobby", "hello");
    alice.sees(&lobby, "bob", "hello").await;
    network.types("bob", "lobby", true);
    let ghost = "@_rialto_demo_bob:house.test";
    let typing = alice.waits_for_passing("bob typing", |passing| {
        let mut typing = passing.iter().filter(|event| event["type"] == "m.typing");
        typing.find(|event| event["content"]["user_ids"] == json!([ghost])).map(drop)
    });
    typing.await;
    network.types("bob", "lobby", false);
    let typing = alice.waits_for_passing("bob no longer typing", |passing| {
        let mut typing = passing.iter().rev().filter(|event| event["type"] == "m.typing");
        typing.next().filter(|event| event["content"]["user_ids"] == json!([])).map(drop)
    });
    typing.await;
}

async fn becomes(network: &DemoNetwork, what: &str, is_so: impl Fn(&DemoNetwork) -> bool) {
    let waiting = tokio::time::timeout(Duration::from_secs(30), network.wait_until(is_so)).await;
    assert!(waiting.is_ok(), "the network waited in vain for {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_people_here_have_read_and_that_they_type_is_told_to_the_network() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    let network = house.network();
    let said = network.says("bob", "lobby", "hello");
    let event = alice.sees(&lobby, "bob", "hello").await;
    let event = event["event_id"].as_str().expect("an event has an id").replace('$', "%24");

    let path = format!("rooms/{lobby}/receipt/m.read/{event}");
    alice.call(Method::POST, &path, Some(json!({}))).await.expect("one may read");
    becomes(network, "alice's mark", |one| one.read_up_to("alice", "lobby") == Some(said)).await;

    let path = format!("rooms/{lobby}/typing/{}", alice.id());
    let typing = json!({ "typing": true, "timeout": 30_000 });
    alice.call(Method::PUT, &path, Some(typing)).await.expect("one may type");
    becomes(network, "alice typing", |one| one.is_typing("alice", "lobby")).await;
    let still = json!({ "typing": false });
    alice.call(Method::PUT, &path, Some(still)).await.expect("one may stop");
    becomes(network, "alice no longer typing", |one| !one.is_typing("alice", "lobby")).await;
}
