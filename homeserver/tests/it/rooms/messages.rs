//! People talk.

use serde_json::json;

use super::talk::{CLIENT, bodies, events, next_batch, timeline};
use crate::harness::{Ground, escape};

#[tokio::test]
async fn a_transaction_id_sends_once_even_over_a_restart() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let other = house.room(&alice, json!({})).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let first = house.say(&alice, &room, "t1", "hello").await;
    assert_eq!(house.say(&alice, &room, "t1", "something else").await, first);
    // Another person, room, type or device is another transaction.
    assert_ne!(house.say(&bob, &room, "t1", "hello").await, first);
    assert_ne!(house.say(&alice, &other, "t1", "hello").await, first);
    let path = format!("{CLIENT}/rooms/{}/send/x.other/t1", escape(&room));
    assert_ne!(house.put(&path, &alice, json!({})).await.ok()["event_id"], json!(first));
    let phone = house.log_in("alice", "pass word").await.ok();
    let phone = phone["access_token"].as_str().unwrap();
    assert_ne!(house.say(phone, &room, "t1", "hello").await, first);
    let redaction = house.redact(&alice, &room, &first, "r1").await.ok();
    house.stop().await;

    let house = ground.start().await;
    assert_eq!(house.say(&alice, &room, "t1", "hello").await, first);
    assert_eq!(house.redact(&alice, &room, &first, "r1").await.ok(), redaction);
    // Even who may not speak any more hears what became of what he said.
    house.in_room(&alice, &room, "leave", json!({})).await.ok();
    assert_eq!(house.say(&alice, &room, "t1", "hello").await, first);
    house.try_say(&alice, &room, "t2", "hello").await.fails(403, "M_FORBIDDEN");
    let page = house.look(&bob, &room, "messages?dir=b&limit=100").await.ok();
    let messages = events(&page["chunk"]).iter().filter(|event| event["type"] == "m.room.message");
    assert_eq!(messages.count(), 3);
    house.stop().await;
}

#[tokio::test]
async fn only_the_sending_device_sees_its_transaction_id() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let phone = house.log_in("alice", "pass word").await.ok();
    let phone = phone["access_token"].as_str().unwrap();
    let room = house.room(&alice, json!({})).await;
    let since = next_batch(&house.sync(&alice, "").await);
    let event = house.say(&alice, &room, "mine", "hello").await;
    house.redact(&alice, &room, &event, "gone").await.ok();
    let sync = house.since(&alice, &since).await;
    let ids: Vec<_> =
        timeline(&sync, &room).iter().map(|event| &event["unsigned"]["transaction_id"]).collect();
    assert_eq!(ids, [&json!("mine"), &json!("gone")]);
    let sync = house.since(phone, &since).await;
    assert_eq!(timeline(&sync, &room).len(), 2);
    for event in timeline(&sync, &room) {
        assert!(event["unsigned"].get("transaction_id").is_none(), "{event}");
    }
    house.stop().await;
}

#[tokio::test]
async fn pages_of_history_join_up_in_both_directions() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({})).await;
    let noise = house.room(&alice, json!({})).await;
    let numbers: Vec<String> = (0..25).map(|number| number.to_string()).collect();
    for number in &numbers {
        house.say(&alice, &room, number, number).await;
        house.say(&alice, &noise, number, "noise").await;
    }
    for (dir, backwards) in [("b", true), ("f", false)] {
        let (mut seen, mut from) = (Vec::new(), String::new());
        loop {
            let page =
                house.look(&alice, &room, &format!("messages?dir={dir}&limit=7{from}")).await.ok();
            let chunk = events(&page["chunk"]);
            assert!(chunk.len() <= 7);
            seen.extend(bodies(chunk).into_iter().map(str::to_owned));
            match page["end"].as_str() {
                Some(end) if !chunk.is_empty() => from = format!("&from={end}"),
                _ => break,
            }
        }
        if backwards {
            seen.reverse();
        }
        assert_eq!(seen, numbers, "dir {dir}");
    }
    let filter = escape(r#"{"types":["m.room.message"],"not_senders":["@bob:hs.test"]}"#);
    let page = house.look(&alice, &room, &format!("messages?dir=f&limit=3&filter={filter}")).await;
    assert_eq!(bodies(events(&page.ok()["chunk"])), ["0", "1", "2"]);
    house.look(&alice, &room, "messages?dir=b&from=nonsense").await.fails(400, "M_INVALID_PARAM");
    house.look(&alice, &room, "messages?dir=sideways").await.fails(400, "M_INVALID_PARAM");
    house.stop().await;
}

#[tokio::test]
async fn an_event_is_shown_alone_and_among_its_neighbours() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({})).await;
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        ids.push(house.say(&alice, &room, text, text).await);
    }
    let path = format!("event/{}", escape(&ids[1]));
    let event = house.look(&alice, &room, &path).await.ok();
    assert_eq!((&event["room_id"], &event["event_id"]), (&json!(room), &json!(ids[1])));
    for key in ["hashes", "signatures", "prev_events", "auth_events", "depth"] {
        assert!(event.get(key).is_none(), "{key}");
    }
    house.look(&bob, &room, &path).await.fails(404, "M_NOT_FOUND");
    house.look(&alice, &room, "event/$none").await.fails(404, "M_NOT_FOUND");
    let path = format!("context/{}?limit=2", escape(&ids[1]));
    let context = house.look(&alice, &room, &path).await.ok();
    assert_eq!(bodies(events(&context["events_before"])), ["one"]);
    assert_eq!(bodies(events(&context["events_after"])), ["three"]);
    assert_eq!(context["event"]["event_id"], json!(ids[1]));
    house.stop().await;
}

#[tokio::test]
async fn what_cannot_be_an_event_is_refused_with_words() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({})).await;
    house.try_say(&bob, &room, "1", "let me in").await.fails(403, "M_FORBIDDEN");
    house.try_say(&alice, "!none:hs.test", "1", "anybody?").await.fails(403, "M_FORBIDDEN");
    let long = "x".repeat(66_000);
    house.try_say(&alice, &room, "1", &long).await.fails(413, "M_TOO_LARGE");
    let path = |kind: &str| format!("{CLIENT}/rooms/{}/send/{kind}/1", escape(&room));
    house.put(&path(&"t".repeat(256)), &alice, json!({})).await.fails(413, "M_TOO_LARGE");
    let key = format!("x/{}", "k".repeat(256));
    house.set_state(&alice, &room, &key, json!({})).await.fails(413, "M_TOO_LARGE");
    for content in [json!({ "a": 0.5 }), json!({ "a": 9_007_199_254_740_992_i64 }), json!([])] {
        house.put(&path("x"), &alice, content).await.fails(400, "M_BAD_JSON");
    }
    let content = json!({ "msgtype": "m.text", "body": 5 });
    house.put(&path("m.room.message"), &alice, content).await.fails(400, "M_BAD_JSON");
    house.put(&path("m.room.member"), &alice, json!({})).await.fails(400, "M_BAD_JSON");
    // The limit is of the whole event; just below it there is still room.
    house.try_say(&alice, &room, "2", &"x".repeat(64_000)).await.ok();
    house.stop().await;
}

#[tokio::test]
async fn a_person_cannot_choose_the_time() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({})).await;
    let path = format!("{CLIENT}/rooms/{}/send/x/1?ts=5", escape(&room));
    let event = house.put(&path, &alice, json!({})).await.ok();
    let event = event["event_id"].as_str().unwrap();
    let event = house.look(&alice, &room, &format!("event/{}", escape(event))).await.ok();
    assert_ne!(event["origin_server_ts"], json!(5));
    house.stop().await;
}

#[tokio::test]
async fn markers_are_taken_and_the_fully_read_one_is_kept() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({})).await;
    let event = house.say(&alice, &room, "1", "read me").await;
    let since = next_batch(&house.sync(&alice, "").await);
    let marker = json!({ "m.fully_read": event, "m.read": event });
    house.in_room(&alice, &room, "read_markers", marker.clone()).await.ok();
    house.in_room(&bob, &room, "read_markers", marker).await.fails(403, "M_FORBIDDEN");
    let sync = house.since(&alice, &since).await;
    let data = events(&sync["rooms"]["join"][&room]["account_data"]["events"]);
    assert_eq!(data, [json!({ "type": "m.fully_read", "content": { "event_id": event } })]);
    let receipt = format!("receipt/m.read/{}", escape(&event));
    house.in_room(&alice, &room, &receipt, json!({})).await.ok();
    let typing = |user: &str| format!("{CLIENT}/rooms/{}/typing/{user}", escape(&room));
    let body = json!({ "typing": true, "timeout": 1000 });
    house.put(&typing("@alice:hs.test"), &alice, body.clone()).await.ok();
    house.put(&typing("@bob:hs.test"), &alice, body).await.fails(403, "M_FORBIDDEN");
    house.stop().await;
}
