//! What is in force in a room.

use serde_json::json;

use super::talk::{CLIENT, event_id, events, next_batch, timeline};
use crate::harness::{Ground, escape};

#[tokio::test]
async fn state_with_an_empty_key_has_two_addresses() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({})).await;
    house.set_state(&alice, &room, "m.room.name", json!({ "name": "one" })).await.ok();
    house.set_state(&alice, &room, "m.room.name/", json!({ "name": "two" })).await.ok();
    for path in ["state/m.room.name", "state/m.room.name/"] {
        assert_eq!(house.look(&alice, &room, path).await.ok(), json!({ "name": "two" }));
    }
    house.set_state(&alice, &room, "x/a%2Fb", json!({ "v": 1 })).await.ok();
    let event = house.look(&alice, &room, "state/x/a%2Fb?format=event").await.ok();
    assert_eq!((&event["state_key"], &event["content"]), (&json!("a/b"), &json!({ "v": 1 })));
    assert_eq!(event["room_id"], json!(room));
    house.look(&alice, &room, "state/x").await.fails(404, "M_NOT_FOUND");
    house.stop().await;
}

#[tokio::test]
async fn a_change_names_what_it_replaced_and_repeating_it_changes_nothing() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({ "name": "one" })).await;
    let since = next_batch(&house.sync(&alice, "").await);
    let first = house.look(&alice, &room, "state/m.room.name?format=event").await.ok();
    let set = || house.set_state(&alice, &room, "m.room.name", json!({ "name": "two" }));
    let second = event_id(set().await.ok());
    assert_eq!(event_id(set().await.ok()), second);
    let sync = house.since(&alice, &since).await;
    let timeline = timeline(&sync, &room);
    assert_eq!(timeline.len(), 1);
    let unsigned = &timeline[0]["unsigned"];
    assert_eq!(unsigned["prev_content"], json!({ "name": "one" }));
    assert_eq!(unsigned["replaces_state"], first["event_id"]);
    house.stop().await;
}

#[tokio::test]
async fn power_is_needed_and_content_checked() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let set = |token, key, content| house.set_state(token, &room, key, content);
    let refused = set(&bob, "m.room.name", json!({ "name": "Bob's" })).await;
    assert!(refused.fails(403, "M_FORBIDDEN")["error"].as_str().unwrap().contains("power"));
    set(&alice, "x/@bob:hs.test", json!({})).await.fails(403, "M_FORBIDDEN");
    set(&alice, "m.room.create", json!({})).await.fails(403, "M_FORBIDDEN");
    for (key, content) in [
        ("m.room.name", json!({ "name": 5 })),
        ("m.room.power_levels", json!({ "ban": "50" })),
        ("m.room.power_levels", json!({ "users": { "@a:b": "100" } })),
        ("m.room.join_rules", json!({})),
        ("m.room.member/@bob:hs.test", json!({ "membership": "asleep" })),
    ] {
        set(&alice, key, content).await.fails(400, "M_BAD_JSON");
    }
    let levels = house.look(&alice, &room, "state/m.room.power_levels").await.ok();
    let mut more = levels.clone();
    more["users"]["@bob:hs.test"] = json!(50);
    set(&alice, "m.room.power_levels", more.clone()).await.ok();
    set(&bob, "m.room.name", json!({ "name": "Bob's" })).await.ok();
    more["users"]["@bob:hs.test"] = json!(100);
    set(&bob, "m.room.power_levels", more).await.fails(403, "M_FORBIDDEN");
    house.stop().await;
}

#[tokio::test]
async fn a_member_event_can_be_set_directly() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({})).await;
    let member = |user: &str| format!("m.room.member/{user}");
    let invite = json!({ "membership": "invite" });
    house
        .set_state(&alice, &room, &member("@nobody:hs.test"), invite.clone())
        .await
        .fails(404, "M_NOT_FOUND");
    house.set_state(&alice, &room, &member("@bob:hs.test"), invite).await.ok();
    let join = json!({ "membership": "join", "displayname": "Only here" });
    house.set_state(&bob, &room, &member("@bob:hs.test"), join.clone()).await.ok();
    let members = house.look(&alice, &room, "joined_members").await.ok();
    assert_eq!(members["joined"]["@bob:hs.test"], json!({ "display_name": "Only here" }));
    let forged = house.set_state(&bob, &room, &member("@alice:hs.test"), join).await;
    forged.fails(403, "M_FORBIDDEN");
    house.stop().await;
}

#[tokio::test]
async fn members_can_be_asked_for_as_they_were() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let then = next_batch(&house.sync(&alice, "").await);
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let path = format!("{CLIENT}/rooms/{}/members", escape(&room));
    let now = house.get(&path, &alice).await.ok();
    let then = house.get(&format!("{path}?at={then}"), &alice).await.ok();
    assert_eq!((events(&now["chunk"]).len(), events(&then["chunk"]).len()), (2, 1));
    house.stop().await;
}
