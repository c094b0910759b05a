//! Two people in a room.

use serde_json::json;

use crate::harness::{Ground, escape};

#[tokio::test]
async fn two_people_meet_in_a_room() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house
        .post(
            "/_matrix/client/v3/createRoom",
            &alice,
            json!({ "preset": "private_chat", "name": "Tea", "topic": "Leaves", "invite": ["@bob:hs.test"], "is_direct": true }),
        )
        .await
        .ok();
    let room = escape(room["room_id"].as_str().unwrap());
    let invited = house.get("/_matrix/client/v3/sync", &bob).await.ok();
    println!("{}", serde_json::to_string_pretty(&invited).unwrap());
    house.post(&format!("/_matrix/client/v3/rooms/{room}/join"), &bob, json!({})).await.ok();
    let sent = house
        .put(
            &format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/1"),
            &bob,
            json!({ "msgtype": "m.text", "body": "hello" }),
        )
        .await
        .ok();
    let sync = house.get("/_matrix/client/v3/sync", &bob).await.ok();
    println!("{}", serde_json::to_string_pretty(&sync).unwrap());
    let page = house.get(&format!("/_matrix/client/v3/rooms/{room}/messages?dir=b"), &alice).await.ok();
    assert_eq!(page["chunk"][0]["event_id"], sent["event_id"]);
    house.stop().await;
}
