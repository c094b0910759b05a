//! Receipts and typing: told to those in the room, private ones to their owner, once each.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use support_clock::TestClock;

use super::talk::{events, next_batch, of_type};
use crate::harness::{Ground, House};

/// Returns an event of a room's ephemeral section.
fn ephemeral<'a>(sync: &'a Value, room: &str, kind: &str) -> Option<&'a Value> {
    of_type(events(&sync["rooms"]["join"][room]["ephemeral"]["events"]), kind)
}

async fn read_upto(house: &House, token: &str, room: &str, event: &str, kind: &str, body: Value) {
    house.in_room(token, room, &format!("receipt/{kind}/{event}"), body).await.ok();
}

async fn types(house: &House, token: &str, room: &str, user: &str, body: Value) {
    let path = format!("/_matrix/client/v3/rooms/{room}/typing/{user}");
    house.put(&path, token, body).await.ok();
}

#[tokio::test]
async fn receipts_reach_the_room_once_and_private_ones_their_owner() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let first = house.say(&alice, &room, "1", "one").await;
    let second = house.say(&alice, &room, "2", "two").await;
    let at_alice = next_batch(&house.sync(&alice, "").await);
    let at_bob = next_batch(&house.sync(&bob, "").await);

    read_upto(&house, &bob, &room, &second, "m.read", json!({})).await;
    let news = house.since(&alice, &at_alice).await;
    let receipt = ephemeral(&news, &room, "m.receipt").unwrap();
    assert!(receipt["content"][&second]["m.read"]["@bob:hs.test"]["ts"].is_i64(), "{receipt}");
    let at_alice = next_batch(&news);
    assert!(ephemeral(&house.since(&alice, &at_alice).await, &room, "m.receipt").is_none());

    // Back is no direction, and a receipt of an event that is not there is none.
    read_upto(&house, &bob, &room, &first, "m.read", json!({})).await;
    assert!(ephemeral(&house.since(&alice, &at_alice).await, &room, "m.receipt").is_none());
    house
        .in_room(&bob, &room, "receipt/m.read/$nothing", json!({}))
        .await
        .fails(404, "M_NOT_FOUND");

    read_upto(&house, &bob, &room, &first, "m.read.private", json!({})).await;
    assert!(ephemeral(&house.since(&alice, &at_alice).await, &room, "m.receipt").is_none());
    let own = house.since(&bob, &at_bob).await;
    let own = ephemeral(&own, &room, "m.receipt").unwrap();
    assert!(own["content"][&first]["m.read.private"]["@bob:hs.test"].is_object(), "{own}");

    read_upto(&house, &alice, &room, &second, "m.read", json!({ "thread_id": "main" })).await;
    house.stop().await;

    // All of them are still there after a restart, for whoever begins afresh or comes into the room.
    let house = ground.start().await;
    let begun = house.sync(&alice, "").await;
    let content = &ephemeral(&begun, &room, "m.receipt").unwrap()["content"][&second]["m.read"];
    assert_eq!(content["@alice:hs.test"]["thread_id"], "main");
    assert!(content["@bob:hs.test"].get("thread_id").is_none(), "{content}");
    let carol = house.person("carol").await;
    let before = next_batch(&house.sync(&carol, "").await);
    house.in_room(&carol, &room, "join", json!({})).await.ok();
    let news = house.since(&carol, &before).await;
    assert!(ephemeral(&news, &room, "m.receipt").is_some(), "{news}");
    house.stop().await;
}

#[tokio::test]
async fn read_markers_set_all_three_marks() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({})).await;
    let event = house.say(&alice, &room, "1", "one").await;
    let before = next_batch(&house.sync(&alice, "").await);
    let body = json!({ "m.fully_read": event, "m.read": event, "m.read.private": event });
    house.in_room(&alice, &room, "read_markers", body).await.ok();
    let news = house.since(&alice, &before).await;
    let read = &ephemeral(&news, &room, "m.receipt").unwrap()["content"][&event];
    assert!(read["m.read"].is_object() && read["m.read.private"].is_object(), "{read}");
    let kept = events(&news["rooms"]["join"][&room]["account_data"]["events"]);
    assert_eq!(of_type(kept, "m.fully_read").unwrap()["content"]["event_id"], event);
    let threaded = json!({ "thread_id": "main" });
    let path = format!("receipt/m.fully_read/{event}");
    house.in_room(&alice, &room, &path, threaded).await.fails(400, "M_INVALID_PARAM");
    house.stop().await;
}

#[tokio::test]
async fn typing_is_told_and_ends_by_itself() {
    let ground = Ground::new();
    let clock = Arc::new(TestClock::new());
    let house = ground.start_with(|one| one.clock(clock.clone())).await.unwrap();
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let before = next_batch(&house.sync(&alice, "").await);

    let waiting = format!("since={before}&timeout=30000");
    let (told, ()) = tokio::join!(
        house.sync(&alice, &waiting),
        types(&house, &bob, &room, "@bob:hs.test", json!({ "typing": true, "timeout": 5000 })),
    );
    let typists = |sync: &Value| {
        ephemeral(sync, &room, "m.typing").map(|one| one["content"]["user_ids"].clone())
    };
    assert_eq!(typists(&told), Some(json!(["@bob:hs.test"])));
    let before = next_batch(&told);
    assert_eq!(typists(&house.since(&alice, &before).await), None);
    // Who begins afresh sees it too.
    assert_eq!(typists(&house.sync(&alice, "").await), Some(json!(["@bob:hs.test"])));

    let waiting = format!("since={before}&timeout=30000");
    let waiting = house.sync(&alice, &waiting);
    let passing = async {
        // Who types, who waits, and the collection of files.
        while clock.sleepers() < 3 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(6));
    };
    let (told, ()) = tokio::join!(waiting, passing);
    assert_eq!(typists(&told), Some(json!([])));

    let stranger = house.person("carol").await;
    let path = format!("/_matrix/client/v3/rooms/{room}/typing/@carol:hs.test");
    let body = json!({ "typing": true, "timeout": 5000 });
    house.put(&path, &stranger, body.clone()).await.fails(403, "M_FORBIDDEN");
    let path = format!("/_matrix/client/v3/rooms/{room}/typing/@bob:hs.test");
    house.put(&path, &alice, body).await.fails(403, "M_FORBIDDEN");
    house.stop().await;
}

#[tokio::test]
async fn a_filter_leaves_them_out() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({})).await;
    let event = house.say(&alice, &room, "1", "one").await;
    read_upto(&house, &alice, &room, &event, "m.read", json!({})).await;
    types(&house, &alice, &room, "@alice:hs.test", json!({ "typing": true, "timeout": 5000 }))
        .await;
    let filter = json!({ "room": { "ephemeral": { "not_types": ["m.receipt"] } } }).to_string();
    let sync = house.sync(&alice, &format!("filter={}", crate::harness::escape(&filter))).await;
    assert!(ephemeral(&sync, &room, "m.receipt").is_none());
    assert!(ephemeral(&sync, &room, "m.typing").is_some());
    house.stop().await;
}
