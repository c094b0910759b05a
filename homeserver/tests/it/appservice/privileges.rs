//! What an appservice may that people may not: its names, its time, its ghosts' transaction ids.

use registration::Registration;
use serde_json::json;

use super::scripted::{Scripted, registration};
use crate::harness::{Ground, House, escape};

async fn stage(ground: &Ground) -> (House, Registration) {
    let (house, irc) = (ground.start().await, registration("irc"));
    house.homeserver.attach_appservice(irc.clone(), Scripted::new()).await.unwrap();
    (house, irc)
}

async fn time_of(house: &House, token: &str, room: &str, event: &str) -> i64 {
    let (room, event) = (escape(room), escape(event));
    let path = format!("/_matrix/client/v3/rooms/{room}/event/{event}");
    house.get(&path, token).await.ok()["origin_server_ts"].as_i64().unwrap()
}

#[tokio::test]
async fn an_asserted_time_is_believed_and_changes_no_order() {
    let ground = Ground::new();
    let (house, irc) = stage(&ground).await;
    let token = irc.as_token.expose();
    let room = house.room(token, json!({ "preset": "public_chat" })).await;
    house.say(token, &room, "1", "now").await;
    let old = house.say_as(token, &room, "2", "long ago", "ts=1000000000000").await;
    assert_eq!(time_of(&house, token, &room, &old).await, 1_000_000_000_000);
    assert_eq!(house.bodies(token, &room).await, ["now", "long ago"]);

    let path = format!("/_matrix/client/v3/rooms/{}/state/m.room.topic/?ts=5", escape(&room));
    let topic = house.put(&path, token, json!({ "topic": "old" })).await.ok();
    let event = topic["event_id"].as_str().unwrap();
    assert_eq!(time_of(&house, token, &room, event).await, 5);

    let alice = house.person("alice").await;
    house.in_room(&alice, &room, "join", json!({})).await.ok();
    let mine = house.say_as(&alice, &room, "1", "mine", "ts=5").await;
    assert!(time_of(&house, token, &room, &mine).await > 1_000_000_000_000, "people's are not");
}

#[tokio::test]
async fn times_that_are_none_are_refused() {
    let ground = Ground::new();
    let (house, irc) = stage(&ground).await;
    let token = irc.as_token.expose();
    let room = house.room(token, json!({})).await;
    for (number, ts) in ["-5", "NaN", "99999999999999999999", "soon"].iter().enumerate() {
        let path = format!(
            "/_matrix/client/v3/rooms/{}/send/m.room.message/{number}?ts={ts}",
            escape(&room)
        );
        let answer = house.put(&path, token, json!({ "msgtype": "m.text", "body": "x" })).await;
        assert_eq!(answer.status.as_u16(), 400, "{ts}: {}", answer.body);
    }
}

#[tokio::test]
async fn two_ghosts_with_one_transaction_id_make_two_events() {
    let ground = Ground::new();
    let (house, irc) = stage(&ground).await;
    let token = irc.as_token.expose();
    let room = house.room(token, json!({ "preset": "public_chat" })).await;
    let mut events = Vec::new();
    for name in ["_irc_bob", "_irc_eve"] {
        house.ghost(token, name).await;
        let user_id = format!("@{name}:hs.test");
        house.join_as(token, &room, &user_id).await;
        let query = format!("user_id={user_id}");
        events.push(house.say_as(token, &room, "same", name, &query).await);
        // Said again with the same id, it is the same event.
        assert_eq!(
            house.say_as(token, &room, "same", name, &query).await,
            events[events.len() - 1]
        );
    }
    assert_ne!(events[0], events[1]);
    assert_eq!(house.bodies(token, &room).await, ["_irc_bob", "_irc_eve"]);
}

#[tokio::test]
async fn exclusive_aliases_belong_to_the_appservice_alone() {
    let ground = Ground::new();
    let (house, irc) = stage(&ground).await;
    let token = irc.as_token.expose();
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let path = |alias: &str| format!("/_matrix/client/v3/directory/room/{}", escape(alias));
    let (ours, theirs) = (path("#lobby:hs.test"), path("#_irc_lobby:hs.test"));
    let body = json!({ "room_id": room });
    house.put(&theirs, &alice, body.clone()).await.fails(400, "M_EXCLUSIVE");
    house.put(&ours, token, body.clone()).await.fails(400, "M_EXCLUSIVE");
    house.put(&theirs, token, body.clone()).await.ok();
    house.put(&ours, &alice, body).await.ok();
    let delete = |path: String, token: String| {
        let house = &house;
        async move { house.ask(http::Method::DELETE, &path, Some(&token), None).await }
    };
    delete(theirs.clone(), alice.clone()).await.fails(400, "M_EXCLUSIVE");
    delete(theirs, token.to_owned()).await.ok();
    let refused = house
        .post("/_matrix/client/v3/createRoom", &alice, json!({ "room_alias_name": "_irc_x" }))
        .await;
    refused.fails(400, "M_EXCLUSIVE");
}

#[tokio::test]
async fn a_ghosts_new_name_reaches_every_room_it_is_in() {
    let ground = Ground::new();
    let (house, irc) = stage(&ground).await;
    let token = irc.as_token.expose();
    house.ghost(token, "_irc_bob").await;
    let mut rooms = Vec::new();
    for _ in 0..3 {
        let room = house.room(token, json!({ "preset": "public_chat" })).await;
        house.join_as(token, &room, "@_irc_bob:hs.test").await;
        rooms.push(room);
    }
    let path = "/_matrix/client/v3/profile/@_irc_bob:hs.test/displayname?user_id=@_irc_bob:hs.test";
    house.put(path, token, json!({ "displayname": "Bob" })).await.ok();
    for room in rooms {
        name_arrives(&house, token, &room).await;
    }
}

#[tokio::test]
async fn a_name_that_had_not_arrived_everywhere_arrives_after_a_restart() {
    let ground = Ground::new();
    let (house, irc) = stage(&ground).await;
    let token = irc.as_token.expose();
    house.ghost(token, "_irc_bob").await;
    let mut rooms = Vec::new();
    for _ in 0..10 {
        let room = house.room(token, json!({ "preset": "public_chat" })).await;
        house.join_as(token, &room, "@_irc_bob:hs.test").await;
        rooms.push(room);
    }
    let path = "/_matrix/client/v3/profile/@_irc_bob:hs.test/displayname?user_id=@_irc_bob:hs.test";
    house.put(path, token, json!({ "displayname": "Bob" })).await.ok();
    house.stop().await;
    let house = ground.start().await;
    house.homeserver.attach_appservice(irc.clone(), Scripted::new()).await.unwrap();
    for room in rooms {
        name_arrives(&house, token, &room).await;
    }
}

async fn name_arrives(house: &House, token: &str, room: &str) {
    let room = escape(room);
    let path = format!("/_matrix/client/v3/rooms/{room}/state/m.room.member/@_irc_bob:hs.test");
    // The change travels in the background; each look is a request, so this does not spin idly.
    let mut looks = 0;
    while house.get(&path, token).await.ok()["displayname"] != "Bob" {
        looks += 1;
        assert!(looks < 2_000, "the name did not arrive");
        tokio::task::yield_now().await;
    }
}
