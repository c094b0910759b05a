//! Typing and receipts: told to those appservices that ask and are concerned, beside the events and never at their cost.

use std::{sync::Arc, time::Duration};

use registration::Registration;
use serde_json::{Value, json};
use support_clock::{SharedClock, TestClock};

use super::scripted::{Scripted, Seen, Turn, registration};
use crate::harness::{Ground, House, escape};

struct Stage {
    house: House,
    clock: TestClock,
    scripted: Arc<Scripted>,
    irc: Registration,
    alice: String,
    room: String,
    /// Something Alice has said there.
    event: String,
}

impl Stage {
    /// A room with Alice and the bot, after the appservice has heard everything of it.
    async fn new(ground: &Ground) -> Self {
        let clock = TestClock::new();
        let shared: SharedClock = Arc::new(clock.clone());
        let house = ground.start_with(|builder| builder.clock(shared)).await.unwrap();
        let (irc, scripted) = (registration("irc"), Scripted::new());
        house.homeserver.attach_appservice(irc.clone(), scripted.clone()).await.unwrap();
        let alice = house.person("alice").await;
        let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
        house.join_as(irc.as_token.expose(), &room, "@ircbot:hs.test").await;
        let event = house.say(&alice, &room, "first", "hello").await;
        scripted.until_body("hello").await;
        Self { house, clock, scripted, irc, alice, room, event }
    }

    async fn types(&self, typing: bool) {
        let path = format!(
            "/_matrix/client/v3/rooms/{}/typing/{}",
            escape(&self.room),
            escape("@alice:hs.test")
        );
        let body = json!({ "typing": typing, "timeout": 30_000 });
        self.house.put(&path, &self.alice, body).await.ok();
    }

    async fn reads(&self, token: &str, kind: &str, event: &str, more: Value) {
        let path = format!("receipt/{kind}/{}", escape(event));
        self.house.in_room(token, &self.room, &path, more).await.ok();
    }

    async fn say(&self, text: &str) -> String {
        self.house.say(&self.alice, &self.room, text, text).await
    }
}

/// What is told of one kind, the oldest first.
fn told(scripted: &Scripted, kind: &str) -> Vec<Value> {
    let all = scripted.transactions();
    let all = all.iter().flat_map(Seen::passing);
    all.filter(|event| event["type"] == kind).collect()
}

fn typists(scripted: &Scripted) -> Vec<Value> {
    told(scripted, "m.typing").iter().map(|event| event["content"]["user_ids"].clone()).collect()
}

/// Whether somebody is told to have read up to an event.
fn has_read(scripted: &Scripted, kind: &str, event: &str, who: &str) -> bool {
    let told = told(scripted, "m.receipt");
    told.iter().any(|receipt| receipt["content"][event][kind][who]["ts"].is_i64())
}

#[tokio::test]
async fn typing_and_receipts_come_in_transactions_without_events() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    let before = stage.scripted.transactions().len();
    stage.types(true).await;
    stage.scripted.until(|one| typists(one) == [json!(["@alice:hs.test"])]).await;
    stage.reads(&stage.alice, "m.read", &stage.event, json!({})).await;
    let threaded = json!({ "thread_id": "main" });
    stage.reads(&stage.alice, "m.read", &stage.event, threaded).await;
    let in_thread = |receipt: &Value| {
        receipt["content"][&stage.event]["m.read"]["@alice:hs.test"]["thread_id"] == "main"
    };
    stage.scripted.until(|one| told(one, "m.receipt").iter().any(in_thread)).await;
    assert!(has_read(&stage.scripted, "m.read", &stage.event, "@alice:hs.test"));
    // It ends by itself, and that is told too.
    stage.clock.wait_for_sleepers(2).await;
    stage.clock.advance(Duration::from_secs(31));
    stage.scripted.until(|one| typists(one).last() == Some(&json!([]))).await;

    let seen = stage.scripted.transactions().split_off(before);
    for transaction in &seen {
        let body = transaction.json();
        assert_eq!(body["events"], json!([]), "{body}");
        assert_eq!(body["ephemeral"], body["de.sorunome.msc2409.ephemeral"], "{body}");
        assert!(transaction.passing().iter().all(|event| event["room_id"] == stage.room), "{body}");
    }
    let mut ids: Vec<_> = seen.iter().filter_map(Seen::txn_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), seen.len(), "each has an id of its own");
    stage.house.stop().await;
}

#[tokio::test]
async fn only_who_asks_and_is_concerned_is_told_by_the_names_it_asked_by() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    let mut others = Vec::new();
    for (name, stable, older) in [
        ("stable", Some(true), None),
        ("older", None, Some(true)),
        ("never", Some(false), Some(true)),
        ("silent", None, None),
        ("elsewhere", Some(true), None),
    ] {
        let mut asks = registration(name);
        (asks.receive_ephemeral, asks.push_ephemeral) = (stable, older);
        let (token, scripted) = (asks.as_token.expose().to_owned(), Scripted::new());
        stage.house.homeserver.attach_appservice(asks, scripted.clone()).await.unwrap();
        if name != "elsewhere" {
            stage.house.join_as(&token, &stage.room, &format!("@{name}bot:hs.test")).await;
        }
        others.push((name, scripted));
    }
    stage.types(true).await;
    stage.reads(&stage.alice, "m.read", &stage.event, json!({})).await;
    let reader = "@alice:hs.test";
    stage.scripted.until(|one| has_read(one, "m.read", &stage.event, reader)).await;
    let is_named = |one: &Scripted, name: &str| {
        let named = |seen: &Seen| seen.json()[name].as_array().is_some_and(|all| !all.is_empty());
        one.transactions().iter().any(named)
    };
    for (name, scripted) in &others {
        let names: &[&str] = match *name {
            "stable" => &["ephemeral"],
            "older" => &["de.sorunome.msc2409.ephemeral"],
            _ => &[],
        };
        for wanted in names {
            scripted.until(|one| is_named(one, wanted)).await;
        }
        for other in ["ephemeral", "de.sorunome.msc2409.ephemeral"] {
            assert_eq!(is_named(scripted, other), names.contains(&other), "{name}: {other}");
        }
    }
    stage.house.stop().await;
}

#[tokio::test]
async fn what_somebody_reads_in_private_is_told_to_the_appservice_of_the_reader_only() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    stage.reads(&stage.alice, "m.read.private", &stage.event, json!({})).await;
    let path = format!(
        "receipt/m.read.private/{}?user_id={}",
        escape(&stage.event),
        escape("@ircbot:hs.test")
    );
    let token = stage.irc.as_token.expose();
    stage.house.in_room(token, &stage.room, &path, json!({})).await.ok();
    let private = "m.read.private";
    stage.scripted.until(|one| has_read(one, private, &stage.event, "@ircbot:hs.test")).await;
    stage.reads(&stage.alice, "m.read", &stage.event, json!({})).await;
    let reader = "@alice:hs.test";
    stage.scripted.until(|one| has_read(one, "m.read", &stage.event, reader)).await;
    assert!(!has_read(&stage.scripted, private, &stage.event, reader));
    stage.house.stop().await;
}

#[tokio::test]
async fn events_do_not_wait_for_what_passes() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    // The appservice hears of the typing, and never answers.
    stage.scripted.then(Turn::Hold);
    stage.types(true).await;
    stage.scripted.until(|one| !typists(one).is_empty()).await;
    let texts = ["one", "two", "three"];
    for text in texts {
        stage.say(text).await;
    }
    stage.scripted.until_body("three").await;
    assert_eq!(stage.scripted.bodies(), ["hello", "one", "two", "three"]);
    // It was given up for them, and is told after them.
    stage.scripted.until(|one| typists(one).len() >= 2).await;
    let durable = |seen: &Seen| !seen.events().is_empty();
    let all = stage.scripted.transactions();
    assert!(all.iter().filter(|seen| durable(seen)).all(|seen| seen.passing().is_empty()));
    // The numbers of the stored ones have no gaps for it.
    let numbers = all.iter().filter(|seen| durable(seen)).filter_map(|seen| {
        let (_, number) = seen.txn_id()?.rsplit_once('-')?;
        number.parse::<i64>().ok()
    });
    let numbers: Vec<_> = numbers.collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    stage.house.stop().await;
}

#[tokio::test]
async fn for_who_is_away_only_the_newest_is_kept_and_comes_after_the_events() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    let before = stage.scripted.transactions().len();
    stage.scripted.usually(Turn::Refuse);
    let mut last = String::new();
    for number in 0..20 {
        last = stage.say(&format!("unheard-{number}")).await;
        stage.reads(&stage.alice, "m.read", &last, json!({})).await;
        stage.types(true).await;
        stage.types(false).await;
    }
    stage.clock.wait_for_sleepers(2).await;
    stage.scripted.usually(Turn::Answer(200, "{}"));
    let ping = "/_matrix/client/v1/appservice/irc/ping";
    stage.house.post(ping, stage.irc.as_token.expose(), json!({})).await.ok();
    let reader = "@alice:hs.test";
    stage.scripted.until(|one| has_read(one, "m.read", &last, reader)).await;
    let seen = stage.scripted.transactions().split_off(before);
    assert!(seen[0].passing().is_empty(), "the events first");
    assert_eq!(stage.scripted.bodies().len(), 21);
    assert_eq!(told(&stage.scripted, "m.receipt").len(), 1, "the newest only");
    assert_eq!(typists(&stage.scripted), [json!([])]);
    stage.house.stop().await;
}

#[tokio::test]
async fn what_cannot_be_told_is_told_later_unless_it_was_refused() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    stage.scripted.then(Turn::BreakOff);
    stage.types(true).await;
    stage.scripted.until(|one| typists(one).len() == 1).await;
    // The watch over the typing, the files, and the pause.
    stage.clock.wait_for_sleepers(3).await;
    stage.clock.advance(Duration::from_secs(2));
    stage.scripted.until(|one| typists(one).len() == 2).await;

    stage.scripted.then(Turn::Answer(400, "{}"));
    stage.types(false).await;
    stage.scripted.until(|one| typists(one).len() == 3).await;
    stage.clock.wait_for_sleepers(2).await;
    stage.clock.advance(Duration::from_secs(60));
    stage.reads(&stage.alice, "m.read", &stage.event, json!({})).await;
    let reader = "@alice:hs.test";
    stage.scripted.until(|one| has_read(one, "m.read", &stage.event, reader)).await;
    assert_eq!(typists(&stage.scripted).len(), 3, "what was refused does not come again");
    let info = stage.house.homeserver.list_appservices().await.unwrap().remove(0);
    assert_eq!((info.failures, info.owed), (0, 0), "{info:?}");
    stage.house.stop().await;
}
