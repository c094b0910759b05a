//! Names of rooms.

use serde_json::json;

use super::talk::CLIENT;
use crate::harness::Ground;

#[tokio::test]
async fn a_room_is_found_by_its_alias_and_joined_through_it() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let wish = json!({ "preset": "public_chat", "room_alias_name": "tea room/ä" });
    let answer = house.post(&format!("{CLIENT}/createRoom"), &alice, wish).await;
    answer.fails(400, "M_INVALID_PARAM");
    let room =
        house.room(&alice, json!({ "preset": "public_chat", "room_alias_name": "tea/ä" })).await;
    let canonical = house.look(&alice, &room, "state/m.room.canonical_alias/").await.ok();
    assert_eq!(canonical, json!({ "alias": "#tea/ä:hs.test" }));
    let alias = "%23tea%2F%C3%A4%3Ahs.test";
    let found = house.get_bare(&format!("{CLIENT}/directory/room/{alias}")).await.ok();
    assert_eq!(found, json!({ "room_id": room, "servers": ["hs.test"] }));
    let joined = house.post(&format!("{CLIENT}/join/{alias}"), &bob, json!({})).await.ok();
    assert_eq!(joined, json!({ "room_id": room }));
    house
        .post(&format!("{CLIENT}/join/%23none%3Ahs.test"), &bob, json!({}))
        .await
        .fails(404, "M_NOT_FOUND");
    let again = json!({ "room_alias_name": "tea/ä" });
    let answer = house.post(&format!("{CLIENT}/createRoom"), &bob, again).await;
    answer.fails(400, "M_ROOM_IN_USE");
    house.stop().await;
}

#[tokio::test]
async fn aliases_are_given_and_taken_by_those_who_may() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let carol = house.person("carol").await;
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let alias = |name: &str| format!("{CLIENT}/directory/room/%23{name}%3Ahs.test");
    let body = json!({ "room_id": room });
    house.put(&alias("one"), &bob, body.clone()).await.fails(403, "M_FORBIDDEN");
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.in_room(&carol, &room, "join", json!({})).await.ok();
    house.put(&alias("one"), &bob, body.clone()).await.ok();
    house.put(&alias("one"), &alice, body.clone()).await.fails(409, "M_UNKNOWN");
    house
        .put(&alias("two"), &alice, json!({ "room_id": "!no:hs.test" }))
        .await
        .fails(404, "M_NOT_FOUND");
    let elsewhere = format!("{CLIENT}/directory/room/%23x%3Aelsewhere.test");
    house.put(&elsewhere, &alice, body.clone()).await.fails(400, "M_INVALID_PARAM");
    house.put(&alias("two"), &alice, body).await.ok();
    let names = house.look(&carol, &room, "aliases").await.ok();
    assert_eq!(names, json!({ "aliases": ["#one:hs.test", "#two:hs.test"] }));

    let set = |alias: &str| {
        house.set_state(&alice, &room, "m.room.canonical_alias", json!({ "alias": alias }))
    };
    set("#other:hs.test").await.fails(400, "M_BAD_ALIAS");
    set("#one:hs.test").await.ok();

    house.delete(&alias("two"), &carol).await.fails(403, "M_FORBIDDEN");
    house.delete(&alias("one"), &bob).await.ok();
    house.delete(&alias("two"), &alice).await.ok();
    house.delete(&alias("two"), &alice).await.fails(404, "M_NOT_FOUND");
    house.stop().await;
}
