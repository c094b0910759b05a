//! There is one order of things.

use std::{collections::HashSet, sync::Arc};

use serde_json::{Value, json};
use support_db::testing::test_locations;

use super::talk::{events, next_batch, spawn};
use crate::harness::{Ground, House};

/// Follows a room through `/sync` until an event that ends the story is seen.
async fn follow(house: Arc<House>, token: String, room: String, mut since: String) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let filter = "%7B%22room%22%3A%7B%22timeline%22%3A%7B%22limit%22%3A5%7D%7D%7D";
        let query = format!("since={since}&timeout=30000&filter={filter}");
        let sync = house.sync(&token, &query).await;
        let timeline = &sync["rooms"]["join"][&room]["timeline"];
        let mut batch: Vec<Value> = events(&timeline["events"]).to_vec();
        if timeline["limited"] == true {
            // What the timeline left out is read by its token, down to what is known.
            let mut from = timeline["prev_batch"].as_str().unwrap().to_owned();
            while !from.is_empty() {
                let path = format!("messages?dir=b&limit=9&from={from}&to={since}");
                let page = house.look(&token, &room, &path).await.ok();
                for event in events(&page["chunk"]) {
                    batch.insert(0, event.clone());
                }
                from = page["end"].as_str().unwrap_or_default().to_owned();
            }
        }
        let ended = batch.iter().any(|event| event["content"]["body"] == "end");
        seen.extend(batch.iter().map(|event| event["event_id"].as_str().unwrap().to_owned()));
        if ended {
            return seen;
        }
        since = next_batch(&sync);
    }
}

#[tokio::test]
async fn fifty_who_speak_at_once_keep_one_order_for_everybody() {
    for place in test_locations() {
        let ground = Ground::on(place);
        let house = Arc::new(ground.start().await);
        let (alice, bob) = (house.person("alice").await, house.person("bob").await);
        let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
        house.in_room(&bob, &room, "join", json!({})).await.ok();
        let since = next_batch(&house.sync(&bob, "").await);
        let follower = spawn(follow(house.clone(), bob.clone(), room.clone(), since.clone()));
        let mut speakers = Vec::new();
        for speaker in 0..50 {
            let (house, alice, room) = (house.clone(), alice.clone(), room.clone());
            speakers.push(spawn(async move {
                let mut own = Vec::new();
                for number in 0..6 {
                    let txn = format!("{speaker}-{number}");
                    own.push(house.say(&alice, &room, &txn, &txn).await);
                    // An answer that got lost is asked for again.
                    assert_eq!(house.say(&alice, &room, &txn, &txn).await, own[number]);
                }
                own
            }));
        }
        let mut said = Vec::new();
        for speaker in speakers {
            said.push(speaker.await.unwrap());
        }
        house.say(&alice, &room, "end", "end").await;
        let synced = follower.await.unwrap();

        let page = format!("messages?dir=f&limit=1000&from={since}");
        let page = house.look(&alice, &room, &page).await.ok();
        let read: Vec<String> = events(&page["chunk"])
            .iter()
            .map(|event| event["event_id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(synced, read);
        assert_eq!(read.len(), 301);
        assert_eq!(read.iter().collect::<HashSet<_>>().len(), 301);
        for own in said {
            let places: Vec<usize> =
                own.iter().map(|id| read.iter().position(|seen| seen == id).unwrap()).collect();
            assert!(places.is_sorted(), "{places:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_event_leaves_no_trace_in_a_busy_room() {
    let ground = Ground::new();
    let house = Arc::new(ground.start().await);
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let mut tasks = Vec::new();
    for number in 0..40 {
        let (house, alice, bob, room) = (house.clone(), alice.clone(), bob.clone(), room.clone());
        tasks.push(spawn(async move {
            let txn = number.to_string();
            house.say(&alice, &room, &txn, &txn).await;
            let name = json!({ "name": txn });
            house
                .set_state(&bob, &room, "m.room.name", name.clone())
                .await
                .fails(403, "M_FORBIDDEN");
            house.set_state(&alice, &room, "m.room.name", name).await.ok();
            house.redact(&bob, &room, "$none", &txn).await.fails(404, "M_NOT_FOUND");
            let banned = json!({ "user_id": "@alice:hs.test" });
            house.in_room(&bob, &room, "ban", banned).await.fails(403, "M_FORBIDDEN");
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let page = house.look(&alice, &room, "messages?dir=b&limit=500").await.ok();
    let page = events(&page["chunk"]);
    let count = |kind: &str| page.iter().filter(|event| event["type"] == kind).count();
    assert_eq!(
        (count("m.room.message"), count("m.room.name"), count("m.room.member")),
        (40, 40, 2)
    );
    // Each name replaced the one before it.
    let names: Vec<&Value> = page.iter().filter(|event| event["type"] == "m.room.name").collect();
    for pair in names.windows(2) {
        assert_eq!(pair[0]["unsigned"]["replaces_state"], pair[1]["event_id"]);
    }
}
