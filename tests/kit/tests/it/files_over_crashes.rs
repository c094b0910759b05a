//! Files while the house crashes at every call it makes: each is there once, whole and in its place.

use bridge_demo::DemoFile;
use bridge_testkit::{Faults, HouseOptions, TestHouse, TestUser};
use support_clock::{Random as _, SeededRandom};

use crate::files::{picture, sees_file, shown_file};
use crate::{logged_in, seeds};

/// More than a file needs of calls, whichever way it goes.
const MOST_CALLS: u64 = 40;

fn theirs(name: &str) -> DemoFile {
    let (name, content_type) = (name.to_owned(), "image/png".to_owned());
    DemoFile { bytes: picture(&name), name, content_type }
}

async fn file_is_there(alice: &mut TestUser, name: &str) {
    let shown = sees_file(alice, name).await;
    let bytes = alice.download(shown["url"].as_str().expect("it has an address")).await;
    assert_eq!(&bytes[..], picture(name), "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_network_is_brought_once_wherever_the_house_crashes() {
    let mut house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    house.network().says("bob", "lobby", "hello");
    alice.sees(&lobby, "bob", "hello").await;
    let mut names = Vec::new();
    for calls in 1..MOST_CALLS {
        let name = format!("{calls}.png");
        house.to_homeserver().cut_after(calls);
        house.network().shows("bob", "lobby", theirs(&name), "");
        let survived = tokio::select! {
            () = house.to_homeserver().cut() => false,
            () = file_is_there(&mut alice, &name) => true,
        };
        house.crash().await;
        file_is_there(&mut alice, &name).await;
        names.push(name);
        if survived {
            break;
        }
    }
    assert!(names.len() > 3, "an address, the bytes and the message are calls of their own");
    house.network().says("bob", "lobby", "the end");
    alice.sees(&lobby, "bob", "the end").await;
    let shown = alice.timeline_of(&lobby, "m.room.message");
    let shown: Vec<&str> =
        shown.iter().filter_map(|event| event["content"]["filename"].as_str()).collect();
    assert_eq!(shown, names, "each once, in order");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_matrix_is_brought_once_wherever_the_house_crashes() {
    let mut house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    let mut names = Vec::new();
    for calls in 1..MOST_CALLS {
        let name = format!("{calls}.png");
        let mxc = alice.upload("image/png", &picture(&name)).await;
        house.to_homeserver().cut_after(calls);
        let sent = alice.send_event(&lobby, "m.room.message", shown_file(&mxc, &name)).await;
        let survived = tokio::select! {
            () = house.to_homeserver().cut() => false,
            status = alice.status(&sent) => {
                assert_eq!(status["status"], "SUCCESS");
                true
            }
        };
        house.crash().await;
        assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
        names.push(name);
        if survived {
            break;
        }
    }
    assert!(names.len() > 2, "asking for its size and for its bytes are calls of their own");
    let said = house.network().said_in("lobby");
    let files: Vec<&DemoFile> = said.iter().filter_map(|said| said.file.as_ref()).collect();
    assert!(files.iter().all(|file| file.bytes == picture(&file.name)));
    let shown: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(shown, names, "each once, in order");
    house.stop().await;
}

async fn crashing(seed: u64) {
    const FILES: usize = 12;
    const CRASHES: usize = 3;
    let faults = Faults::rough();
    let mut house = TestHouse::with(HouseOptions { faults, seed, ..HouseOptions::default() }).await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    let random = SeededRandom::new(seed);
    let (mut sent, mut order) = (Vec::new(), Vec::new());
    for round in 0..CRASHES {
        let calls = 1 + random.below(30);
        match random.below(2) {
            0 => house.to_homeserver().cut_after(calls),
            _ => house.to_bridge().cut_after(1 + calls / 6),
        }
        for number in (0..FILES).filter(|number| number % CRASHES == round) {
            house.network().shows("bob", "lobby", theirs(&format!("there {number}.png")), "");
            let name = format!("here {number}.png");
            let mxc = alice.upload("image/png", &picture(&name)).await;
            sent.push(alice.send_event(&lobby, "m.room.message", shown_file(&mxc, &name)).await);
            order.push(number);
        }
        tokio::select! {
            () = house.to_homeserver().cut() => {}
            () = house.to_bridge().cut() => {}
            () = tokio::time::sleep(std::time::Duration::from_millis(500)) => {}
        }
        house.crash().await;
    }
    for event in &sent {
        let status = alice.status(event).await;
        assert_eq!(status["status"], "SUCCESS", "seed {seed}: {status}");
    }
    house.network().says("bob", "lobby", "the end");
    alice.sees(&lobby, "bob", "the end").await;
    let named = |way: &str| -> Vec<String> {
        order.iter().map(|number| format!("{way} {number}.png")).collect()
    };
    let said = house.network().said_in("lobby");
    let mine = said.iter().filter(|said| said.by == "alice");
    let mine: Vec<&DemoFile> = mine.filter_map(|said| said.file.as_ref()).collect();
    let names: Vec<&str> = mine.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, named("here"), "seed {seed}: to the network");
    assert!(mine.iter().all(|file| file.bytes == picture(&file.name)), "seed {seed}");
    let shown = alice.timeline_of(&lobby, "m.room.message");
    let bobs = shown.iter().filter(|event| event["sender"] == "@_rialto_demo_bob:house.test");
    let names: Vec<&str> = bobs.filter_map(|event| event["content"]["filename"].as_str()).collect();
    assert_eq!(names, named("there"), "seed {seed}: to Matrix");
    for number in order {
        file_is_there(&mut alice, &format!("there {number}.png")).await;
    }
    // What was seen last may still be on its way into its last state.
    let settled = async {
        while house.bridge().backlog().await.expect("it is counted").rows != 0 {
            tokio::task::yield_now().await;
        }
    };
    let settled = tokio::time::timeout(std::time::Duration::from_secs(30), settled).await;
    settled.expect("every row comes to an end");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_brought_once_over_crashes_and_lines_that_break_off() {
    for seed in seeds() {
        crashing(seed).await;
    }
}
