//! Rooms begin.

use serde_json::json;

use super::talk::{CLIENT, events, of_type};
use crate::harness::{Ground, escape};

#[tokio::test]
async fn a_preset_decides_what_a_room_begins_with() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    for (preset, join_rule, guests) in [
        ("private_chat", "invite", "can_join"),
        ("trusted_private_chat", "invite", "can_join"),
        ("public_chat", "public", "forbidden"),
    ] {
        let room = house.room(&alice, json!({ "preset": preset })).await;
        let state = house.look(&alice, &room, "state").await.ok();
        let content = |kind: &str| of_type(events(&state), kind).unwrap()["content"].clone();
        assert_eq!(content("m.room.join_rules"), json!({ "join_rule": join_rule }), "{preset}");
        assert_eq!(content("m.room.guest_access"), json!({ "guest_access": guests }));
        assert_eq!(content("m.room.history_visibility"), json!({ "history_visibility": "shared" }));
        assert_eq!(content("m.room.create"), json!({ "room_version": "11" }));
        assert_eq!(content("m.room.power_levels")["users"], json!({ "@alice:hs.test": 100 }));
    }
    house.stop().await;
}

#[tokio::test]
async fn what_is_asked_for_comes_before_what_is_usual() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, _bob) = (house.person("alice").await, house.person("bob").await);
    let room = house
        .room(
            &alice,
            json!({
                "preset": "trusted_private_chat",
                "name": "Name",
                "topic": "Topic",
                "invite": ["@bob:hs.test"],
                "is_direct": true,
                "creation_content": { "m.federate": false, "type": "m.space", "room_version": "1" },
                "power_level_content_override": { "events_default": 5, "users_default": 1 },
                "initial_state": [
                    { "type": "m.room.name", "content": { "name": "Other" } },
                    { "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } },
                    { "type": "m.bridge", "state_key": "irc", "content": { "a": [1, "x"] } },
                ],
            }),
        )
        .await;
    let state = house.look(&alice, &room, "state").await.ok();
    let content = |kind: &str| of_type(events(&state), kind).unwrap()["content"].clone();
    let create = json!({ "m.federate": false, "type": "m.space", "room_version": "11" });
    assert_eq!(content("m.room.create"), create);
    assert_eq!(content("m.room.name"), json!({ "name": "Name" }));
    assert_eq!(content("m.room.topic"), json!({ "topic": "Topic" }));
    assert_eq!(content("m.room.history_visibility"), json!({ "history_visibility": "joined" }));
    assert_eq!(content("m.bridge"), json!({ "a": [1, "x"] }));
    let levels = content("m.room.power_levels");
    assert_eq!((&levels["events_default"], &levels["users_default"]), (&json!(5), &json!(1)));
    assert_eq!(levels["users"], json!({ "@alice:hs.test": 100, "@bob:hs.test": 100 }));
    let bob = house.look(&alice, &room, "state/m.room.member/@bob:hs.test").await.ok();
    assert_eq!(bob, json!({ "membership": "invite", "is_direct": true }));
    house.stop().await;
}

#[tokio::test]
async fn every_offered_version_makes_rooms_that_work() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    for version in ["10", "11", "12"] {
        let wish = json!({ "room_version": version, "preset": "public_chat" });
        let room = house.room(&alice, wish.clone()).await;
        let other = house.room(&alice, wish).await;
        assert_ne!(room, other);
        assert_eq!(room.contains(':'), version != "12", "{room}");
        house.in_room(&bob, &room, "join", json!({})).await.ok();
        let event = house.say(&bob, &room, "1", "hello").await;
        house.redact(&alice, &room, &event, "2").await.ok();
        let redacted = house.look(&bob, &room, &format!("event/{}", escape(&event))).await.ok();
        assert_eq!(redacted["content"], json!({}));
        let because = &redacted["unsigned"]["redacted_because"];
        assert_eq!(because["redacts"], json!(event));
        assert_eq!(because["content"]["redacts"], json!(event), "version {version}");
        house.try_say(&alice, &room, "3", "bye").await.ok();
    }
    let wish = json!({ "room_version": "1" });
    let answer = house.post(&format!("{CLIENT}/createRoom"), &alice, wish).await;
    answer.fails(400, "M_UNSUPPORTED_ROOM_VERSION");
    house.stop().await;
}

#[tokio::test]
async fn creators_of_version_12_stand_above_all_power() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let wish = json!({
        "room_version": "12", "preset": "trusted_private_chat", "invite": ["@bob:hs.test"],
    });
    let room = house.room(&alice, wish).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let create = house.look(&alice, &room, "state/m.room.create").await.ok();
    assert_eq!(create["additional_creators"], json!(["@bob:hs.test"]));
    house.set_state(&bob, &room, "m.room.tombstone", json!({ "body": "moved" })).await.ok();
    house.stop().await;
}

#[tokio::test]
async fn a_room_is_made_as_a_whole_or_not_at_all() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let create = |wish| house.post("/_matrix/client/v3/createRoom", &alice, wish);
    let wish = json!({ "room_alias_name": "tea", "invite": ["@nobody:hs.test"] });
    create(wish).await.fails(404, "M_NOT_FOUND");
    let wish = json!({ "room_alias_name": "tea", "invite": ["@bob:elsewhere.test"] });
    create(wish).await.fails(403, "M_FORBIDDEN");
    let wish = json!({
        "room_alias_name": "tea",
        "initial_state": [{ "type": "m.room.create", "content": {} }],
    });
    create(wish).await.fails(400, "M_INVALID_ROOM_STATE");
    let wish = json!({ "room_alias_name": "tea", "initial_state": [{ "type": "x", "content": { "a": 1.5 } }] });
    create(wish).await.fails(400, "M_BAD_JSON");
    let joined = house.get(&format!("{CLIENT}/joined_rooms"), &alice).await.ok();
    assert_eq!(joined, json!({ "joined_rooms": [] }));
    let alias = format!("{CLIENT}/directory/room/%23tea%3Ahs.test");
    house.get_bare(&alias).await.fails(404, "M_NOT_FOUND");
    create(json!({ "room_alias_name": "tea" })).await.ok();
    house.get_bare(&alias).await.ok();
    house.stop().await;
}
