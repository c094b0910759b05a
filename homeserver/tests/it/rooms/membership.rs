//! People come and go.

use http::Method;
use serde_json::json;

use super::talk::{CLIENT, events, next_batch, of_type};
use crate::harness::{Ground, escape};

#[tokio::test]
async fn who_joins_and_leaves_without_a_body_is_understood() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    for what in ["join", "leave"] {
        let path = format!("{CLIENT}/rooms/{}/{what}", escape(&room));
        house.ask(Method::POST, &path, Some(&bob), None).await.ok();
    }
    // Where something has to be said, nothing is no JSON.
    let path = format!("{CLIENT}/rooms/{}/invite", escape(&room));
    house.ask(Method::POST, &path, Some(&alice), None).await.fails(400, "M_NOT_JSON");
}

#[tokio::test]
async fn an_invitation_shows_the_room_and_opens_it() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "name": "Tea", "topic": "Leaves" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.fails(403, "M_FORBIDDEN");
    let before = next_batch(&house.sync(&bob, "").await);
    let invite = json!({ "user_id": "@bob:hs.test", "reason": "come" });
    house.in_room(&alice, &room, "invite", invite.clone()).await.ok();
    for query in [format!("since={before}"), String::new()] {
        let sync = house.sync(&bob, &query).await;
        let state = events(&sync["rooms"]["invite"][&room]["invite_state"]["events"]);
        assert_eq!(of_type(state, "m.room.name").unwrap()["content"]["name"], "Tea");
        assert!(of_type(state, "m.room.create").is_some());
        let own = state.iter().find(|event| event["state_key"] == "@bob:hs.test").unwrap();
        let expected = json!({ "membership": "invite", "reason": "come" });
        assert_eq!((&own["content"], &own["sender"]), (&expected, &json!("@alice:hs.test")));
        assert!(own.get("event_id").is_none() && own.get("origin_server_ts").is_none());
    }
    // Who is only invited cannot look around.
    house.look(&bob, &room, "state").await.fails(403, "M_FORBIDDEN");
    house.look(&bob, &room, "joined_members").await.fails(403, "M_FORBIDDEN");
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.in_room(&alice, &room, "invite", invite).await.fails(403, "M_FORBIDDEN");
    let members = house.look(&alice, &room, "joined_members").await.ok();
    let expected = json!({ "joined": { "@alice:hs.test": {}, "@bob:hs.test": {} } });
    assert_eq!(members, expected);
    house.stop().await;
}

#[tokio::test]
async fn kicks_bans_and_their_end_need_power_and_sense() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let (of_alice, of_bob) = (
        json!({ "user_id": "@alice:hs.test" }),
        json!({ "user_id": "@bob:hs.test", "reason": "why" }),
    );
    house.in_room(&alice, &room, "kick", of_bob.clone()).await.fails(403, "M_FORBIDDEN");
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.in_room(&bob, &room, "kick", of_alice.clone()).await.fails(403, "M_FORBIDDEN");
    house.in_room(&bob, &room, "ban", of_alice).await.fails(403, "M_FORBIDDEN");
    house.in_room(&alice, &room, "kick", of_bob.clone()).await.ok();
    house.try_say(&bob, &room, "1", "hey").await.fails(403, "M_FORBIDDEN");
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.in_room(&alice, &room, "unban", of_bob.clone()).await.fails(403, "M_FORBIDDEN");
    house.in_room(&alice, &room, "ban", of_bob.clone()).await.ok();
    let refused = house.in_room(&bob, &room, "join", json!({})).await.fails(403, "M_FORBIDDEN");
    assert_eq!(refused["error"], "You are banned from this room.");
    let banned = house.look(&alice, &room, "members?membership=ban").await.ok();
    let banned = events(&banned["chunk"]);
    assert_eq!((banned.len(), &banned[0]["content"]["reason"]), (1, &json!("why")));
    house.in_room(&alice, &room, "unban", of_bob).await.ok();
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let others = house.look(&alice, &room, "members?not_membership=leave").await.ok();
    assert_eq!(events(&others["chunk"]).len(), 2);
    house.stop().await;
}

#[tokio::test]
async fn a_leave_is_shown_once_and_a_forgotten_room_never() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.in_room(&bob, &room, "forget", json!({})).await.fails(400, "M_UNKNOWN");
    let before = next_batch(&house.sync(&bob, "").await);
    house.say(&alice, &room, "1", "before").await;
    house.in_room(&bob, &room, "leave", json!({})).await.ok();
    house.in_room(&bob, &room, "leave", json!({})).await.ok();
    house.say(&alice, &room, "2", "after").await;
    let sync = house.since(&bob, &before).await;
    let left = events(&sync["rooms"]["leave"][&room]["timeline"]["events"]);
    assert_eq!(left.len(), 2);
    assert_eq!(left[0]["content"]["body"], "before");
    assert_eq!(left[1]["content"]["membership"], "leave");
    let sync = house.since(&bob, &next_batch(&sync)).await;
    assert!(sync.get("rooms").is_none(), "{sync}");
    assert!(house.sync(&bob, "").await.get("rooms").is_none());
    let filter = "filter=%7B%22room%22%3A%7B%22include_leave%22%3Atrue%7D%7D";
    assert!(house.sync(&bob, filter).await["rooms"]["leave"][&room].is_object());
    // Who left still sees what there was, and nothing later.
    let page = house.look(&bob, &room, "messages?dir=b&limit=2").await.ok();
    assert_eq!(events(&page["chunk"])[1]["content"]["body"], "before");
    let state = house.look(&bob, &room, "state/m.room.member/@bob:hs.test").await.ok();
    assert_eq!(state, json!({ "membership": "leave" }));

    house.in_room(&bob, &room, "forget", json!({})).await.ok();
    assert!(house.sync(&bob, filter).await.get("rooms").is_none());
    house.look(&bob, &room, "messages?dir=b").await.fails(403, "M_FORBIDDEN");
    house.look(&bob, &room, "state").await.fails(403, "M_FORBIDDEN");
    house.stop().await;
}

#[tokio::test]
async fn a_declined_invitation_tells_nothing_of_the_room() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "invite": ["@bob:hs.test"], "name": "Secret" })).await;
    house.say(&alice, &room, "1", "secret").await;
    let before = next_batch(&house.sync(&bob, "").await);
    house.in_room(&bob, &room, "leave", json!({})).await.ok();
    let sync = house.since(&bob, &before).await;
    let left = &sync["rooms"]["leave"][&room];
    assert!(!left.to_string().contains("ecret"), "{left}");
    assert_eq!(events(&left["timeline"]["events"]).len(), 1);
    house.look(&bob, &room, "state").await.fails(403, "M_FORBIDDEN");
    house.stop().await;
}

#[tokio::test]
async fn members_of_one_room_may_enter_another_that_says_so() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let carol = house.person("carol").await;
    let space = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let rule = json!({
        "join_rule": "restricted",
        "allow": [{ "type": "m.room_membership", "room_id": space }],
    });
    let room = house
        .room(
            &alice,
            json!({ "initial_state": [{ "type": "m.room.join_rules", "content": rule }] }),
        )
        .await;
    house.in_room(&bob, &space, "join", json!({})).await.ok();
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let member = house.look(&bob, &room, "state/m.room.member/@bob:hs.test").await.ok();
    assert_eq!(member["join_authorised_via_users_server"], "@alice:hs.test");
    house.in_room(&carol, &room, "join", json!({})).await.fails(403, "M_FORBIDDEN");
    house.stop().await;
}

#[tokio::test]
async fn a_changed_profile_reaches_the_rooms() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "invite": ["@bob:hs.test"] })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let since = next_batch(&house.sync(&alice, "").await);
    let path = format!("{CLIENT}/profile/@bob:hs.test/displayname");
    house.put(&path, &bob, json!({ "displayname": "Bobby" })).await.ok();
    let sync = house.sync(&alice, &format!("since={since}&timeout=10000")).await;
    let member = &super::talk::timeline(&sync, &room)[0];
    assert_eq!(member["content"], json!({ "membership": "join", "displayname": "Bobby" }));
    assert_eq!(member["unsigned"]["prev_content"], json!({ "membership": "join" }));
    let rooms = house.get(&format!("{CLIENT}/joined_rooms"), &bob).await.ok();
    assert_eq!(rooms, json!({ "joined_rooms": [room] }));
    house.stop().await;
}
