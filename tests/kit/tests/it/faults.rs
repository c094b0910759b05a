//! The main job over transports that lose, repeat and delay, in both directions: every message
//! arrives once, in order, and its sender is told so.

use bridge_demo::Fault;
use bridge_testkit::{Faults, HouseOptions, TestHouse};

use crate::{logged_in, numbered, seeds};

const MESSAGES: usize = 40;

async fn both_ways(seed: u64) {
    let options = HouseOptions { faults: Faults::rough(), seed, ..HouseOptions::default() };
    let house = TestHouse::with(options).await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    let mut sent = Vec::new();
    for number in 0..MESSAGES {
        house.network().says("bob", "lobby", &format!("there {number}"));
        sent.push(alice.says(&lobby, &format!("here {number}")).await);
    }
    for event in &sent {
        let status = alice.status(event).await;
        assert_eq!(status["status"], "SUCCESS", "seed {seed}: {status}");
    }
    let last = format!("there {}", MESSAGES - 1);
    alice.sees(&lobby, "bob", &last).await;

    let all: Vec<usize> = (0..MESSAGES).collect();
    let said = house.network().said_in("lobby");
    let mine = said.iter().filter(|said| said.by == "alice").map(|said| said.text.as_str());
    assert_eq!(numbered(mine, "here "), all, "seed {seed}: to the network");
    let seen = alice.said_in(&lobby);
    let bobs =
        seen.iter().filter(|(sender, _)| sender.contains("_bob:")).map(|(_, text)| text.as_str());
    assert_eq!(numbered(bobs, "there "), all, "seed {seed}: to Matrix");
    assert!(house.to_homeserver().happened() > 0 && house.to_bridge().happened() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_arrives_once_and_in_order_over_faulty_transports() {
    for seed in seeds() {
        both_ways(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_whose_answer_the_network_lost_is_not_doubled() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    house.network().fail_next(Fault::AnswerLost);
    let sent = alice.says(&lobby, "only once").await;
    alice.status(&sent).await;
    let said = house.network().said_in("lobby");
    assert_eq!(said.iter().filter(|said| said.text == "only once").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_wait_while_the_network_is_away() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    house.network().set_reachable(false);
    let mut sent = Vec::new();
    for number in 0..10 {
        sent.push(alice.says(&lobby, &format!("here {number}")).await);
    }
    house.network().set_reachable(true);
    for event in &sent {
        assert_eq!(alice.status(event).await["status"], "SUCCESS");
    }
    let said = house.network().said_in("lobby");
    let texts = said.iter().map(|said| said.text.as_str());
    assert_eq!(numbered(texts, "here "), (0..10).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_asks_to_wait_gets_its_time() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    house.network().fail_next(Fault::Busy(std::time::Duration::from_millis(50)));
    let first = alice.says(&lobby, "first").await;
    let second = alice.says(&lobby, "second").await;
    assert_eq!(alice.status(&first).await["status"], "SUCCESS");
    assert_eq!(alice.status(&second).await["status"], "SUCCESS");
    let said = house.network().said_in("lobby");
    let texts: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
    assert_eq!(texts, ["first", "second"]);
}
