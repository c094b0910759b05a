//! What was said before: it comes whole, once and in its true order, whatever happens meanwhile.

use std::time::Duration;

use bridge_demo::HistoryPace;
use bridge_testkit::{BotRoom, HouseOptions, Place, TestHouse, TestUser};
use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use support_clock::{Random as _, SeededRandom};
use support_matrix_http::{HttpTransport as _, InProcess};

use crate::{logged_in, numbered, seeds};

/// How long to wait until the room is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

async fn house_with(demo: Value) -> TestHouse {
    TestHouse::with(HouseOptions { demo, ..HouseOptions::default() }).await
}

/// Has bob and carol say old things, in turns.
fn say_old(house: &TestHouse, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let who = if number % 2 == 0 { "bob" } else { "carol" };
        house.network().says(who, "lobby", &format!("old {number}"));
    }
}

/// Reads the whole room as a client does that scrolls back, oldest first.
async fn read_room(alice: &TestUser, room: &str) -> Vec<Value> {
    let room = room.replace('!', "%21").replace(':', "%3A");
    let (mut events, mut from) = (Vec::new(), String::new());
    loop {
        let path = format!("rooms/{room}/messages?dir=b&limit=500{from}");
        let mut page = alice.call(Method::GET, &path, None).await.expect("the room can be read");
        let Value::Array(chunk) = page["chunk"].take() else { panic!("a page has events") };
        let is_empty = chunk.is_empty();
        events.extend(chunk);
        match page["end"].as_str() {
            Some(end) if !is_empty => from = format!("&from={end}"),
            _ => {
                events.reverse();
                return events;
            }
        }
    }
}

fn numbers(events: &[Value], prefix: &str) -> Vec<usize> {
    numbered(events.iter().filter_map(|event| event["content"]["body"].as_str()), prefix)
}

/// Looks at a room until it has a last thing that is waited for, and returns it.
async fn until(alice: &TestUser, room: &str, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let looking = async {
        loop {
            let events = read_room(alice, room).await;
            if is_so(&events) {
                return events;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(240), looking).await {
        Ok(events) => events,
        Err(_) => {
            let events = read_room(alice, room).await;
            let bodies = events.iter().filter_map(|event| event["content"]["body"].as_str());
            panic!("it did not come: {:?}", bodies.collect::<Vec<_>>());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_room_begins_with_what_was_said_before() {
    let section = json!({ "backfill_messages": 20, "backfill_page": 8, "backfill_pause_ms": 0 });
    let house = house_with(section).await;
    say_old(&house, 0..24);
    let network = house.network();
    let asked = network.says("bob", "lobby", "old 24");
    let answer = network.answers("carol", "lobby", asked, "old 25");
    network.reacts("bob", "lobby", answer, "👍", true);
    network.edits("bob", "lobby", asked, "old 240");
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    house.network().says("bob", "lobby", "now");
    alice.sees(&lobby, "bob", "now").await;

    let wanted = [(6..24).collect(), vec![240, 25]].concat();
    let events = until(&alice, &lobby, |events| numbers(events, "old ") == wanted).await;
    let find = |body: &str| {
        let found = events.iter().position(|event| event["content"]["body"] == body);
        found.map(|at| (at, &events[at])).expect("it is there")
    };
    let ((_, first), (at, last), (now, _)) = (find("old 240"), find("old 25"), find("now"));
    assert!(at < now, "what was said before stands before what is said now");
    assert_eq!(first["sender"], "@_rialto_demo_bob:house.test");
    assert_eq!(last["content"]["m.relates_to"]["m.in_reply_to"]["event_id"], first["event_id"]);
    assert_eq!(last["content"]["com.rialto.remote"]["id"], format!("m{answer}"));
    let reaction = events.iter().find(|event| event["type"] == "m.reaction").expect("it is there");
    assert_eq!(reaction["content"]["m.relates_to"]["event_id"], last["event_id"]);
    let times: Vec<i64> = events
        .iter()
        .filter(|event| event["content"]["body"].as_str().is_some_and(|b| b.starts_with("old ")))
        .filter_map(|event| event["origin_server_ts"].as_i64())
        .collect();
    assert!(times.is_sorted(), "true times: {times:?}");

    // What was brought can be answered, and what happens to it now is shown.
    house.network().takes_back("carol", "lobby", answer);
    until(&alice, &lobby, |events| !numbers(events, "old ").contains(&25)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_off_does_not_come_from_the_past_either() {
    let section = json!({
        "backfill_messages": 20, "backfill_pause_ms": 0, "kinds_off": ["reaction"],
    });
    let house = house_with(section).await;
    let network = house.network();
    network.says("bob", "lobby", "old 0");
    let liked = network.says("carol", "lobby", "old 1");
    network.reacts("bob", "lobby", liked, "👍", true);
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    // A page comes whole: a reaction would be there with its message.
    let events = until(&alice, &lobby, |events| numbers(events, "old ") == [0, 1]).await;
    assert!(events.iter().all(|event| event["type"] != "m.reaction"), "{events:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_messages_come_when_they_are_asked_for() {
    let house = house_with(json!({ "backfill_page": 7, "backfill_pause_ms": 0 })).await;
    say_old(&house, 0..50);
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    house.network().says("bob", "lobby", "now");
    alice.sees(&lobby, "bob", "now").await;
    let here = BotRoom(lobby.clone());
    let answer = alice.command(&here, "!rialto backfill 20").await;
    assert!(answer.contains("Up to 20"), "{answer}");
    until(&alice, &lobby, |events| numbers(events, "old ") == Vec::from_iter(30..50)).await;
    loop {
        let status = alice.command(&here, "!rialto backfill status").await;
        if status.contains("20 earlier messages are here, done") {
            break;
        }
        assert!(status.contains("being brought"), "{status}");
    }
    // The same over HTTP.
    let bridge = InProcess::new(house.bridge().router());
    let ask = async |path: &str| {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/_matrix/provision/v3/backfill/{path}"))
            .header("authorization", format!("Bearer {}", alice.token()))
            .body(Bytes::new());
        let answer = bridge.call(request.expect("it is a request")).await.expect("an answer");
        let body: Value = serde_json::from_slice(answer.body()).expect("every answer is JSON");
        (answer.status().as_u16(), body)
    };
    assert_eq!(ask(&format!("{lobby}?count=500")).await, (200, json!({ "count": 500 })));
    assert_eq!(ask("!nowhere:house.test").await.0, 501);
    assert_eq!(ask(&format!("{lobby}?count=-1")).await.0, 400);
    let all: Vec<usize> = (0..50).collect();
    until(&alice, &lobby, |events| numbers(events, "old ") == all).await;
    alice.command(&here, "!rialto backfill").await;
    loop {
        let status = alice.command(&here, "!rialto backfill status").await;
        if status.contains("done") {
            break;
        }
    }
    assert_eq!(numbers(&read_room(&alice, &lobby).await, "old "), all, "nothing twice");
    let told = alice.said_in(&lobby);
    assert!(told.iter().all(|(_, text)| !text.starts_with("old ")), "no news of it: {told:?}");
    let refusal = alice.command(&bot, "backfill 5").await;
    assert!(refusal.contains("belongs to no chat"), "{refusal}");
    let refusal = alice.command(&here, "!rialto backfill soon").await;
    assert!(refusal.contains("Usage"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_meanwhile_is_there_once_and_after_it() {
    let section = json!({ "backfill_messages": 80, "backfill_page": 5, "backfill_pause_ms": 0 });
    let house = house_with(section).await;
    say_old(&house, 0..60);
    let takes = Duration::from_millis(15);
    house.network().set_history_pace(HistoryPace::slow(takes, 3, takes * 4));
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    for number in 0..30 {
        match number % 3 {
            0 => drop(alice.says(&lobby, &format!("new {number}")).await),
            1 => drop(house.network().says("alice", "lobby", &format!("new {number}"))),
            _ => drop(house.network().says("bob", "lobby", &format!("new {number}"))),
        }
        tokio::time::sleep(takes / 3).await;
    }
    let all: Vec<usize> = (0..60).collect();
    let is_whole =
        |events: &[Value]| numbers(events, "old ") == all && numbers(events, "new ").len() >= 30;
    let events = until(&alice, &lobby, is_whole).await;
    let mut news = numbers(&events, "new ");
    news.sort_unstable();
    assert_eq!(news, Vec::from_iter(0..30), "each once");
    let place = |body: &str| {
        events.iter().position(|event| event["content"]["body"] == body).expect("it is there")
    };
    assert!(place("old 59") < place("new 0"), "the past stands before");
    assert!(house.network().history_asked() > 12, "asked page by page");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_stands_before_what_came_later() {
    let mut house = house_with(json!({ "backfill_page": 4, "backfill_pause_ms": 0 })).await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    say_old(&house, 0..3);
    alice.sees(&lobby, "bob", "old 2").await;
    house.stop().await;
    say_old(&house, 3..20);
    house.network().lose_news();
    say_old(&house, 20..24);
    house.start().await;
    let all: Vec<usize> = (0..24).collect();
    until(&alice, &lobby, |events| numbers(events, "old ") == all).await;
    alice.sees(&lobby, "carol", "old 23").await;
    let told = alice.said_in(&lobby);
    let told = told.iter().map(|(_, text)| text.as_str());
    assert_eq!(numbered(told.clone(), "old "), all, "people are told of what they missed");
    assert!(
        told.clone().all(|text| !text.contains("may be missing")),
        "{:?}",
        Vec::from_iter(told)
    );
    // And once more, without anything that came later.
    house.stop().await;
    say_old(&house, 24..30);
    house.network().lose_news();
    house.start().await;
    let all: Vec<usize> = (0..30).collect();
    until(&alice, &lobby, |events| numbers(events, "old ") == all).await;
    say_old(&house, 30..32);
    let all: Vec<usize> = (0..32).collect();
    until(&alice, &lobby, |events| numbers(events, "old ") == all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_that_is_not_filled_is_told() {
    let section = json!({ "catch_up_messages": 5, "backfill_page": 2, "backfill_pause_ms": 0 });
    let mut house = house_with(section).await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    say_old(&house, 0..1);
    alice.sees(&lobby, "bob", "old 0").await;
    house.stop().await;
    say_old(&house, 1..20);
    house.network().lose_news();
    house.start().await;
    let is_told = |events: &[Value]| {
        let mut bodies = events.iter().filter_map(|event| event["content"]["body"].as_str());
        bodies.any(|body| body.contains("may be missing"))
    };
    let events = until(&alice, &lobby, is_told).await;
    assert_eq!(numbers(&events, "old "), [0, 15, 16, 17, 18, 19]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_homeserver_that_inserts_nothing_is_told_in_order() {
    for crashes in [false, true] {
        let demo = json!({ "backfill_messages": 30, "backfill_page": 7, "backfill_pause_ms": 0 });
        let options = HouseOptions { demo, inserts_history: false, ..HouseOptions::default() };
        let mut house = TestHouse::with(options).await;
        say_old(&house, 0..39);
        let first = house.network().says("bob", "lobby", "old 39");
        house.network().answers("carol", "lobby", first, "old 40");
        let takes = Duration::from_millis(10);
        house.network().set_history_pace(HistoryPace::slow(takes, 3, takes));
        let (mut alice, bot) = logged_in(&house, "alice").await;
        let lobby = alice.join(&bot, "demo", "lobby").await;
        house.network().says("bob", "lobby", "new 0");
        house.network().says("alice", "lobby", "new 1");
        for calls in [9, 14] {
            if crashes {
                house.to_homeserver().cut_after(calls);
                house.to_homeserver().cut().await;
                house.crash().await;
            }
        }
        let is_whole = |events: &[Value]| {
            numbers(events, "old ").len() >= 30 && numbers(events, "new ").len() >= 2
        };
        let events = until(&alice, &lobby, is_whole).await;
        assert_eq!(numbers(&events, "old "), Vec::from_iter(11..41));
        assert_eq!(numbers(&events, "new "), [0, 1]);
        let bodies = events.iter().filter_map(|event| event["content"]["body"].as_str());
        let bodies: Vec<&str> = bodies.collect();
        let place = |body: &str| bodies.iter().position(|said| *said == body);
        assert!(place("old 40") < place("new 0"), "the past goes first: {bodies:?}");
        let answer = events.iter().find(|event| event["content"]["body"] == "old 40");
        let answered = events.iter().find(|event| event["content"]["body"] == "old 39");
        let (answer, answered) = (answer.expect("it is there"), answered.expect("it is there"));
        let relation = &answer["content"]["m.relates_to"]["m.in_reply_to"]["event_id"];
        assert_eq!(relation, &answered["event_id"], "answers name what is there");
        let here = BotRoom(lobby.clone());
        let refusal = alice.command(&here, "!rialto backfill").await;
        assert!(refusal.contains("cannot put earlier messages"), "{refusal}");
        house.stop().await;
    }
}

/// How much past there is: little, or as much as `RIALTO_TEST_HISTORY` says (20000 at full size).
fn how_much() -> usize {
    let asked = std::env::var("RIALTO_TEST_HISTORY").ok();
    asked.map_or(400, |asked| asked.parse().expect("RIALTO_TEST_HISTORY is a number"))
}

async fn through_crashes(place: Place, seed: u64) {
    let messages = how_much();
    let section = json!({
        "backfill_messages": messages, "backfill_page": 100.min(messages / 16), "backfill_pause_ms": 0,
    });
    let options = HouseOptions { place, seed, demo: section, ..HouseOptions::default() };
    let mut house = TestHouse::with(options).await;
    say_old(&house, 0..messages);
    let takes = Duration::from_millis(5);
    house.network().set_history_pace(HistoryPace::slow(takes, 7, takes * 10));
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    let random = SeededRandom::new(seed);
    let begun = std::time::Instant::now();
    for crash in 0..6 {
        house.network().says("bob", "lobby", &format!("new {crash}"));
        // The line dies at some call in the middle; the answer to it is lost with the process.
        house.to_homeserver().cut_after(1 + random.below(12));
        tokio::select! {
            () = house.to_homeserver().cut() => {}
            () = tokio::time::sleep(Duration::from_millis(400)) => {}
        }
        house.crash().await;
    }
    let all: Vec<usize> = (0..messages).collect();
    let is_whole = |events: &[Value]| {
        numbers(events, "old ").len() >= messages && numbers(events, "new ").len() >= 6
    };
    let events = until(&alice, &lobby, is_whole).await;
    assert_eq!(numbers(&events, "old "), all, "seed {seed}: all, once, in order");
    assert_eq!(numbers(&events, "new "), Vec::from_iter(0..6), "seed {seed}");
    let told = alice.said_in(&lobby);
    assert!(told.len() < messages, "history is no news");
    tracing::info!(messages, took = ?begun.elapsed(), "history is whole over six crashes");
    alice.look().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_whole_over_crashes() {
    for seed in seeds() {
        through_crashes(Place::sqlite(), seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_whole_over_crashes_on_postgresql() {
    let Some(url) = support_db::testing::postgres_url() else { return };
    through_crashes(Place::postgres(url), 5).await;
}
