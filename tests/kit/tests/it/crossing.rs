//! The main job: what is said on one side is heard on the other.

use std::sync::{Arc, Mutex};

use bridge_core::{Crossing, Direction};
use bridge_demo::SaidKind;
use bridge_testkit::{HouseOptions, TestHouse};
use serde_json::json;

use crate::logged_in;

#[tokio::test(flavor = "multi_thread")]
async fn messages_cross_both_ways_and_say_so() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;

    house.network().says("bob", "lobby", "hello from over there");
    let seen = alice.sees(&lobby, "bob", "hello from over there").await;
    assert_eq!(seen["sender"], "@_rialto_demo_bob:house.test");
    assert_eq!(seen["content"]["com.rialto.remote"]["network"], "demo");

    let sent = alice.says(&lobby, "hello from here").await;
    let status = alice.status(&sent).await;
    assert_eq!(status["status"], "SUCCESS", "{status}");
    let said = house.network().said_in("lobby");
    let mine: Vec<_> = said.iter().filter(|said| said.by == "alice").collect();
    assert_eq!(mine.len(), 1);
    assert_eq!(mine[0].text, "hello from here");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_says_elsewhere_appears_as_theirs() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    house.network().says("alice", "lobby", "said from my telephone");
    let seen = alice.waits_for("her own words", |timeline| {
        timeline.iter().find(|event| event["content"]["body"] == "said from my telephone").cloned()
    });
    assert_eq!(seen.await["sender"], alice.id());
    // It does not go back where it came from.
    let sent = alice.says(&lobby, "after that").await;
    alice.status(&sent).await;
    let said = house.network().said_in("lobby");
    assert_eq!(said.iter().filter(|said| said.text == "said from my telephone").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_and_emotes_keep_their_kind() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    house.network().speaks("bob", "lobby", SaidKind::Emote, "waves");
    let waved = alice.sees(&lobby, "bob", "waves").await;
    assert_eq!(waved["content"]["msgtype"], "m.emote");
    for (msgtype, kind) in [("m.notice", SaidKind::Notice), ("m.emote", SaidKind::Emote)] {
        let content = json!({ "msgtype": msgtype, "body": msgtype });
        let sent = alice.send_event(&lobby, "m.room.message", content).await;
        alice.status(&sent).await;
        let said = house.network().said_in("lobby");
        assert_eq!(said.iter().find(|said| said.text == msgtype).map(|said| said.kind), Some(kind));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_long_for_one_arrives_whole() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    let text = "acqua alta à Venezia ".repeat(300);
    let sent = alice.says(&lobby, text.trim_end()).await;
    assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
    let said = house.network().said_in("lobby");
    let pieces: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
    assert!(pieces.len() > 1);
    assert_eq!(pieces.concat(), text.trim_end());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_network_does_not_carry_is_refused_in_words() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    let image = json!({ "msgtype": "m.image", "body": "gondola.jpg", "url": "mxc://house.test/x" });
    let sent = alice.send_event(&lobby, "m.room.message", image).await;
    let status = alice.status(&sent).await;
    assert_ne!(status["status"], "SUCCESS");
    assert!(status["message"].as_str().is_some_and(|words| !words.is_empty()), "{status}");
    assert!(house.network().said_in("lobby").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gondolier_shows_both_directions_to_one_person_alone() {
    let crossings: Arc<Mutex<Vec<Crossing>>> = Arc::default();
    let seen = crossings.clone();
    let observer = Arc::new(move |crossing: &Crossing| seen.lock().unwrap().push(crossing.clone()));
    let options = HouseOptions { observer: Some(observer), ..HouseOptions::default() };
    let house = TestHouse::with(options).await;
    house.network().send_gondolier();
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    alice.sees(&lobby, "gondolier", "Welcome aboard, alice! Say something, I listen.").await;
    alice.says(&lobby, "ciao").await;
    alice
        .waits_for("the gondolier's answer", |timeline| {
            let mut bodies = timeline.iter().filter_map(|event| event["content"]["body"].as_str());
            bodies.any(|body| body.starts_with("You said \"ciao\", alice.")).then_some(())
        })
        .await;
    let crossings = crossings.lock().unwrap().clone();
    let ways: Vec<Direction> = crossings.iter().map(|crossing| crossing.direction).collect();
    assert!(
        ways.contains(&Direction::FromMatrix) && ways.contains(&Direction::ToMatrix),
        "{ways:?}"
    );
}
