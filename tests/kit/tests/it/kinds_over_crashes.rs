//! Edits, reactions and redactions while everything goes wrong: each is done once, on both sides.

use bridge_testkit::{Faults, HouseOptions, TestHouse};
use http::Method;
use serde_json::json;
use support_clock::{Random as _, SeededRandom};

use crate::{logged_in, seeds};

const MESSAGES: usize = 12;
const CRASHES: usize = 3;

async fn crashing(faults: Faults, seed: u64) {
    let options = HouseOptions { faults, seed, ..HouseOptions::default() };
    let mut house = TestHouse::with(options).await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    let random = SeededRandom::new(seed);
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..MESSAGES {
        mine.push(alice.says(&lobby, &format!("here {number}")).await);
        theirs.push(house.network().says("bob", "lobby", &format!("there {number}")));
    }
    // What is taken back before it was shown is never shown, which is another story.
    alice.sees(&lobby, "bob", &format!("there {}", MESSAGES - 1)).await;
    let mut asked = Vec::new();
    for round in 0..CRASHES {
        let calls = 1 + random.below(30);
        match random.below(2) {
            0 => house.to_homeserver().cut_after(calls),
            _ => house.to_bridge().cut_after(1 + calls / 6),
        }
        for number in (0..MESSAGES).filter(|number| number % CRASHES == round) {
            let target = &mine[number];
            let (kind, content) = match number % 2 {
                0 => (
                    "m.reaction",
                    json!({ "m.relates_to": {
                    "rel_type": "m.annotation", "event_id": target, "key": "👍" } }),
                ),
                _ => (
                    "m.room.message",
                    json!({ "msgtype": "m.text", "body": "*",
                    "m.new_content": { "msgtype": "m.text", "body": format!("changed {number}") },
                    "m.relates_to": { "rel_type": "m.replace", "event_id": target } }),
                ),
            };
            asked.push(alice.send_event(&lobby, kind, content).await);
            let network = house.network();
            match number % 3 {
                0 => network.reacts("bob", "lobby", theirs[number], "👍", true),
                1 => network.edits("bob", "lobby", theirs[number], &format!("new {number}")),
                _ => network.takes_back("bob", "lobby", theirs[number]),
            }
            if number % 4 == 3 {
                let path = format!("rooms/{lobby}/redact/{target}/r{number}").replace('$', "%24");
                let gone = alice.call(Method::PUT, &path, Some(json!({}))).await;
                let gone = gone.expect("it is taken back");
                asked.push(gone["event_id"].as_str().expect("it has an id").to_owned());
            }
        }
        tokio::select! {
            () = house.to_homeserver().cut() => {}
            () = house.to_bridge().cut() => {}
            () = tokio::time::sleep(std::time::Duration::from_millis(500)) => {}
        }
        house.crash().await;
    }
    for event in &asked {
        alice.status(event).await;
    }
    house.network().says("bob", "lobby", "the end");
    alice.sees(&lobby, "bob", "the end").await;

    let said = house.network().said_in("lobby");
    for number in 0..MESSAGES {
        let found = said
            .iter()
            .find(|said| said.by == "alice" && said.text.ends_with(&format!(" {number}")));
        let context = format!("seed {seed}, message {number}: {found:?}");
        match (number % 4 == 3, found) {
            (true, found) => assert!(found.is_none(), "{context}"),
            (false, None) => panic!("{context}"),
            (false, Some(said)) if number % 2 == 0 => {
                let one = [("alice".to_owned(), "👍".to_owned())];
                assert_eq!(said.reactions, one, "{context}");
            }
            (false, Some(said)) => assert!(said.edited, "{context}"),
        }
    }
    let of = |kind: &str| alice.timeline_of(&lobby, kind);
    let bobs = |event: &&serde_json::Value| event["sender"] == "@_rialto_demo_bob:house.test";
    let expected = |rest: usize| (0..MESSAGES).filter(|number| number % 3 == rest).count();
    let reactions = of("m.reaction").iter().filter(bobs).count();
    assert_eq!(reactions, expected(0), "seed {seed}: reactions on Matrix");
    let messages = of("m.room.message");
    let edits = messages
        .iter()
        .filter(bobs)
        .filter(|event| event["content"]["m.relates_to"]["rel_type"] == "m.replace");
    assert_eq!(edits.count(), expected(1), "seed {seed}: edits on Matrix");
    let redactions = of("m.room.redaction");
    let redacted: std::collections::BTreeSet<String> = redactions
        .iter()
        .filter(bobs)
        .map(|event| event["redacts"].to_string() + &event["content"]["redacts"].to_string())
        .collect();
    assert_eq!(redacted.len(), expected(2), "seed {seed}: redactions on Matrix");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_made_once_over_crashes() {
    for seed in seeds() {
        crashing(Faults::default(), seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_made_once_over_crashes_and_faulty_transports() {
    for seed in seeds() {
        crashing(Faults::rough(), seed).await;
    }
}
