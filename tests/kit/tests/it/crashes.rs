//! Crashes at chosen moments while messages flow: nothing is lost, nothing doubled, nothing left
//! without a fate.

use bridge_testkit::{Faults, HouseOptions, Place, TestHouse};
use support_clock::{Random as _, SeededRandom};

use crate::{logged_in, numbered, seeds};

const MESSAGES: usize = 40;
const CRASHES: usize = 4;

async fn crashing(place: Place, faults: Faults, seed: u64) {
    let options = HouseOptions { place, faults, seed, ..HouseOptions::default() };
    let mut house = TestHouse::with(options).await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    let random = SeededRandom::new(seed);
    let mut sent = Vec::new();
    for round in 0..CRASHES {
        // The line dies at some call in the middle, once towards the one and once the other.
        let calls = 1 + random.below(30);
        match random.below(2) {
            0 => house.to_homeserver().cut_after(calls),
            _ => house.to_bridge().cut_after(1 + calls / 6),
        }
        for number in (0..MESSAGES).filter(|number| number % CRASHES == round) {
            house.network().says("bob", "lobby", &format!("there {number}"));
            sent.push((number, alice.says(&lobby, &format!("here {number}")).await));
        }
        tokio::select! {
            () = house.to_homeserver().cut() => {}
            () = house.to_bridge().cut() => {}
            () = tokio::time::sleep(std::time::Duration::from_millis(500)) => {}
        }
        house.crash().await;
    }
    for (number, event) in &sent {
        let status = alice.status(event).await;
        assert_eq!(status["status"], "SUCCESS", "seed {seed}, message {number}: {status}");
    }
    let order: Vec<usize> = sent.iter().map(|(number, _)| *number).collect();
    let last = format!("there {}", order.last().expect("messages were sent"));
    alice.sees(&lobby, "bob", &last).await;

    let said = house.network().said_in("lobby");
    let mine = said.iter().filter(|said| said.by == "alice").map(|said| said.text.as_str());
    assert_eq!(numbered(mine, "here "), order, "seed {seed}: to the network");
    let seen = alice.said_in(&lobby);
    let bobs =
        seen.iter().filter(|(sender, _)| sender.contains("_bob:")).map(|(_, text)| text.as_str());
    assert_eq!(numbered(bobs, "there "), order, "seed {seed}: to Matrix");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_over_crashes() {
    for seed in seeds() {
        crashing(Place::sqlite(), Faults::default(), seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_over_crashes_and_faulty_transports() {
    for seed in seeds() {
        crashing(Place::sqlite(), Faults::rough(), seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_over_crashes_on_postgresql() {
    let Some(url) = support_db::testing::postgres_url() else { return };
    crashing(Place::postgres(url), Faults::rough(), 4).await;
}
