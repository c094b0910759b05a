//! What was said is taken back.

use serde_json::json;

use super::talk::{CLIENT, event_id, next_batch, timeline};
use crate::harness::{Ground, escape};

#[tokio::test]
async fn a_redaction_strips_the_event_everywhere() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let said = house.say(&bob, &room, "1", "regrettable").await;
    let since = next_batch(&house.sync(&alice, "").await);
    let redaction = event_id(house.redact(&bob, &room, &said, "2").await.ok());
    let sync = house.since(&alice, &since).await;
    let seen = &timeline(&sync, &room)[0];
    assert_eq!((&seen["redacts"], &seen["content"]["redacts"]), (&json!(said), &json!(said)));
    assert_eq!(seen["content"]["reason"], "second thoughts");
    let everything = [
        house.look(&alice, &room, "messages?dir=b&limit=100").await.ok().to_string(),
        house.look(&alice, &room, &format!("event/{}", escape(&said))).await.ok().to_string(),
        house.sync(&alice, "").await.to_string(),
    ];
    for shown in everything {
        assert!(!shown.contains("regrettable"), "{shown}");
        assert!(shown.contains(&redaction), "{shown}");
    }
    let event = house.look(&alice, &room, &format!("event/{}", escape(&said))).await.ok();
    let because = &event["unsigned"]["redacted_because"];
    assert_eq!(
        (&because["event_id"], &because["sender"]),
        (&json!(redaction), &json!("@bob:hs.test"))
    );
    assert_eq!((&event["content"], &event["type"]), (&json!({}), &json!("m.room.message")));
    house.stop().await;
}

#[tokio::test]
async fn others_words_are_taken_back_only_with_power() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let other = house.room(&alice, json!({})).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let of_alice = house.say(&alice, &room, "1", "mine").await;
    let of_bob = house.say(&bob, &room, "1", "mine").await;
    house.redact(&bob, &room, &of_alice, "2").await.fails(403, "M_FORBIDDEN");
    house.redact(&alice, &room, "$unknown", "3").await.fails(404, "M_NOT_FOUND");
    house.redact(&alice, &other, &of_bob, "4").await.fails(404, "M_NOT_FOUND");
    house.redact(&alice, &room, &of_bob, "5").await.ok();
    // The same through the door for messages, as newer clients may.
    let path = format!("{CLIENT}/rooms/{}/send/m.room.redaction/6", escape(&room));
    house.put(&path, &bob, json!({ "redacts": of_alice })).await.fails(403, "M_FORBIDDEN");
    house.put(&path, &alice, json!({ "redacts": of_alice })).await.ok();
    house.put(&path, &bob, json!({})).await.fails(400, "M_BAD_JSON");
    house.stop().await;
}

#[tokio::test]
async fn redacted_state_loses_its_content_and_its_effect() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let topic = house.set_state(&alice, &room, "m.room.topic", json!({ "topic": "tea" })).await;
    house.redact(&alice, &room, &event_id(topic.ok()), "1").await.ok();
    assert_eq!(house.look(&alice, &room, "state/m.room.topic").await.ok(), json!({}));
    // Setting it again is a change, although the same was said before.
    house.set_state(&alice, &room, "m.room.topic", json!({ "topic": "tea" })).await.ok();
    let topic = house.look(&alice, &room, "state/m.room.topic").await.ok();
    assert_eq!(topic, json!({ "topic": "tea" }));
    let levels = house.look(&alice, &room, "state/m.room.power_levels?format=event").await.ok();
    let mut content = levels["content"].clone();
    content["notifications"] = json!({ "room": 20 });
    let levels = house.set_state(&alice, &room, "m.room.power_levels", content).await.ok();
    house.redact(&alice, &room, &event_id(levels), "2").await.ok();
    // What the rules need is kept.
    house
        .set_state(&bob, &room, "m.room.topic", json!({ "topic": "b" }))
        .await
        .fails(403, "M_FORBIDDEN");
    house.set_state(&alice, &room, "m.room.topic", json!({ "topic": "a" })).await.ok();
    house.stop().await;
}
