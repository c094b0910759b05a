//! Clients keep up.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use support_matrix_http::HttpTransport;

use super::talk::{CLIENT, bodies, events, next_batch, of_type, spawn, timeline};
use crate::harness::{Ground, escape};

#[tokio::test]
async fn a_first_sync_shows_each_room_and_a_second_only_what_is_new() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "invite": ["@bob:hs.test"] })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    for number in 0..15 {
        house.say(&bob, &room, &number.to_string(), &number.to_string()).await;
    }
    let first = house.sync(&alice, "").await;
    let shown = &first["rooms"]["join"][&room];
    assert_eq!(shown["timeline"]["limited"], true);
    assert_eq!(bodies(timeline(&first, &room)).len(), 10);
    let state = events(&shown["state"]["events"]);
    assert_eq!(state.iter().filter(|event| event["type"] == "m.room.member").count(), 2);
    assert!(state.iter().all(|event| event.get("room_id").is_none()));
    let summary = &shown["summary"];
    assert_eq!(summary["m.heroes"], json!(["@bob:hs.test"]));
    assert_eq!(summary["m.joined_member_count"], 2);
    assert!(of_type(events(&first["account_data"]["events"]), "m.push_rules").is_some());
    let rest = shown["timeline"]["prev_batch"].as_str().unwrap();
    let page = house.look(&alice, &room, &format!("messages?dir=b&limit=5&from={rest}")).await.ok();
    assert_eq!(bodies(events(&page["chunk"])), ["4", "3", "2", "1", "0"]);

    let second = house.since(&alice, &next_batch(&first)).await;
    assert_eq!(second, json!({ "next_batch": first["next_batch"] }));
    house.say(&bob, &room, "new", "new").await;
    let third = house.since(&alice, &next_batch(&second)).await;
    assert_eq!(bodies(timeline(&third, &room)), ["new"]);
    let shown = &third["rooms"]["join"][&room];
    assert!(shown["timeline"].get("limited").is_none() && shown.get("state").is_none(), "{shown}");
    house.stop().await;
}

#[tokio::test]
async fn a_gap_is_marked_and_bridged_by_state() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let since = next_batch(&house.sync(&alice, "").await);
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    for name in ["one", "two"] {
        house.set_state(&alice, &room, "m.room.name", json!({ "name": name })).await.ok();
    }
    for number in 0..12 {
        house.say(&bob, &room, &number.to_string(), &number.to_string()).await;
    }
    house.set_state(&alice, &room, "m.room.name", json!({ "name": "three" })).await.ok();
    let sync = house.since(&alice, &since).await;
    let shown = &sync["rooms"]["join"][&room];
    assert_eq!(shown["timeline"]["limited"], true);
    let state = events(&shown["state"]["events"]);
    assert_eq!(state.len(), 2, "{state:?}");
    assert_eq!(of_type(state, "m.room.name").unwrap()["content"]["name"], "two");
    assert_eq!(of_type(state, "m.room.member").unwrap()["state_key"], "@bob:hs.test");
    assert_eq!(timeline(&sync, &room).last().unwrap()["content"]["name"], "three");
    let after = house.sync(&alice, &format!("since={since}&use_state_after=true")).await;
    let state = events(&after["rooms"]["join"][&room]["state_after"]["events"]);
    assert_eq!(of_type(state, "m.room.name").unwrap()["content"]["name"], "three");
    house.stop().await;
}

#[tokio::test]
async fn a_long_poll_waits_for_news_and_is_woken_by_them() {
    let ground = Ground::new();
    let house = Arc::new(ground.start().await);
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let foreign = house.room(&bob, json!({})).await;
    let mut since = next_batch(&house.sync(&alice, "").await);
    for number in 0..20 {
        let text = number.to_string();
        let poll = {
            let (house, alice) = (Arc::clone(&house), alice.clone());
            let query = format!("since={since}&timeout=60000");
            spawn(async move { house.sync(&alice, &query).await })
        };
        // Sometimes before the poll has begun, sometimes after: it may be missed neither way.
        if number % 2 == 0 {
            tokio::task::yield_now().await;
        }
        // What happens elsewhere is not news.
        house.say(&bob, &foreign, &text, "elsewhere").await;
        house.say(&alice, &room, &text, &text).await;
        let sync = tokio::time::timeout(Duration::from_secs(20), poll).await.unwrap().unwrap();
        assert_eq!(bodies(timeline(&sync, &room)), [text]);
        since = next_batch(&sync);
    }
    let poll = {
        let (house, alice) = (Arc::clone(&house), alice.clone());
        let query = format!("since={since}&timeout=60000");
        spawn(async move { house.sync(&alice, &query).await })
    };
    house.in_room(&bob, &foreign, "invite", json!({ "user_id": "@alice:hs.test" })).await.ok();
    let sync = tokio::time::timeout(Duration::from_secs(20), poll).await.unwrap().unwrap();
    assert!(sync["rooms"]["invite"][&foreign].is_object());
    // Nothing more: the poll gives up by itself.
    let query = format!("since={}&timeout=30", next_batch(&sync));
    assert!(house.sync(&alice, &query).await.get("rooms").is_none());
}

#[tokio::test]
async fn a_long_poll_of_a_newly_joined_room_hears_it() {
    let ground = Ground::new();
    let house = Arc::new(ground.start().await);
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&bob, json!({ "preset": "public_chat" })).await;
    let since = next_batch(&house.sync(&alice, "").await);
    // The rooms of a waiting user are read once; a later join has to be added to them.
    let sync = house.sync(&alice, &format!("since={since}&timeout=1")).await;
    house.in_room(&alice, &room, "join", json!({})).await.ok();
    let sync = house.since(&alice, &next_batch(&sync)).await;
    assert!(sync["rooms"]["join"][&room].is_object());
    let poll = {
        let (house, alice) = (Arc::clone(&house), alice.clone());
        let query = format!("since={}&timeout=60000", next_batch(&sync));
        spawn(async move { house.sync(&alice, &query).await })
    };
    tokio::task::yield_now().await;
    house.say(&bob, &room, "1", "welcome").await;
    let sync = tokio::time::timeout(Duration::from_secs(20), poll).await.unwrap().unwrap();
    assert_eq!(bodies(timeline(&sync, &room)), ["welcome"]);
}

#[tokio::test]
async fn a_stopping_server_answers_its_long_polls() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let since = next_batch(&house.sync(&alice, "").await);
    let request = http::Request::get(format!("{CLIENT}/sync?since={since}&timeout=60000"))
        .header("authorization", format!("Bearer {alice}"))
        .body(bytes::Bytes::new())
        .unwrap();
    let transport = Arc::clone(&house.transport);
    let poll = spawn(async move { transport.call(request).await.unwrap() });
    tokio::task::yield_now().await;
    house.stop().await;
    let answer = tokio::time::timeout(Duration::from_secs(20), poll).await.unwrap().unwrap();
    assert!(answer.status().is_success() || answer.status() == 503, "{answer:?}");
}

#[tokio::test]
async fn filters_choose_rooms_types_and_lengths() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat", "name": "Tea" })).await;
    let other = house.room(&alice, json!({})).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    for number in 0..5 {
        house.say(&alice, &room, &number.to_string(), &number.to_string()).await;
    }
    let filter = json!({
        "room": {
            "rooms": [room],
            "timeline": { "limit": 2, "types": ["m.room.message"] },
            "state": { "lazy_load_members": true, "not_types": ["m.room.name"] },
        },
        "account_data": { "types": [] },
    });
    let path = format!("{CLIENT}/user/@alice:hs.test/filter");
    let stored = house.post(&path, &alice, filter.clone()).await.ok();
    let stored = stored["filter_id"].as_str().unwrap().to_owned();
    for filter in [escape(&filter.to_string()), stored] {
        let sync = house.sync(&alice, &format!("filter={filter}")).await;
        assert!(sync["rooms"]["join"].get(&other).is_none() && sync.get("account_data").is_none());
        assert_eq!(bodies(timeline(&sync, &room)), ["3", "4"]);
        let state = events(&sync["rooms"]["join"][&room]["state"]["events"]);
        assert!(of_type(state, "m.room.name").is_none());
        let members: Vec<_> = state
            .iter()
            .filter(|event| event["type"] == "m.room.member")
            .map(|event| &event["state_key"])
            .collect();
        assert_eq!(members, [&json!("@alice:hs.test")]);
    }
    house.get(&format!("{CLIENT}/sync?filter=none"), &alice).await.fails(400, "M_INVALID_PARAM");
    house.get(&format!("{CLIENT}/sync?since=none"), &alice).await.fails(400, "M_INVALID_PARAM");
    house.stop().await;
}

#[tokio::test]
async fn a_room_joined_between_two_syncs_is_told_from_scratch() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat", "name": "Tea" })).await;
    for number in 0..12 {
        house.say(&alice, &room, &number.to_string(), &number.to_string()).await;
    }
    let since = next_batch(&house.sync(&bob, "").await);
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let sync = house.since(&bob, &since).await;
    let shown = &sync["rooms"]["join"][&room];
    assert_eq!(shown["timeline"]["limited"], true);
    let state = events(&shown["state"]["events"]);
    assert_eq!(of_type(state, "m.room.name").unwrap()["content"]["name"], "Tea");
    assert!(of_type(state, "m.room.create").is_some());
    let full = house.sync(&bob, &format!("since={}&full_state=true", next_batch(&sync))).await;
    let state = events(&full["rooms"]["join"][&room]["state"]["events"]);
    assert!(of_type(state, "m.room.create").is_some());
    house.stop().await;
}
