//! Asking to be let in: knocks, and rooms that are open to the members of others.

use serde_json::{Value, json};

use super::talk::{CLIENT, events};
use crate::harness::{Answer, Ground, House, escape};

impl House {
    async fn knock(&self, token: &str, room: &str, body: Value) -> Answer {
        self.post(&format!("{CLIENT}/knock/{}?via=hs.test", escape(room)), token, body).await
    }

    async fn room_with_rule(&self, token: &str, rule: Value) -> String {
        let state = json!([{ "type": "m.room.join_rules", "content": rule }]);
        self.room(token, json!({ "initial_state": state, "name": "Tea" })).await
    }

    async fn membership(&self, token: &str, room: &str, name: &str) -> Value {
        self.look(token, room, &format!("state/m.room.member/@{name}:hs.test")).await.ok()
    }
}

#[tokio::test]
async fn who_knocks_is_let_in_by_an_invitation() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room_with_rule(&alice, json!({ "join_rule": "knock" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.fails(403, "M_FORBIDDEN");
    let answer = house.knock(&bob, &room, json!({ "reason": "tea?" })).await.ok();
    assert_eq!(answer, json!({ "room_id": room }));
    // The answer may be lost: once more is not a second knock.
    house.knock(&bob, &room, json!({})).await.ok();
    let knock = json!({ "membership": "knock", "reason": "tea?" });
    assert_eq!(house.membership(&alice, &room, "bob").await, knock);
    let knocking = house.look(&alice, &room, "members?membership=knock").await.ok();
    assert_eq!(events(&knocking["chunk"]).len(), 1);
    // A knock opens nothing.
    house.in_room(&bob, &room, "join", json!({})).await.fails(403, "M_FORBIDDEN");
    house.look(&bob, &room, "messages?dir=b").await.ok();
    house.look(&bob, &room, "state").await.fails(403, "M_FORBIDDEN");
    house.in_room(&alice, &room, "invite", json!({ "user_id": "@bob:hs.test" })).await.ok();
    let refused = house.knock(&bob, &room, json!({})).await.fails(403, "M_FORBIDDEN");
    assert!(refused["error"].as_str().unwrap().contains("invited"));
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.knock(&bob, &room, json!({})).await.fails(403, "M_FORBIDDEN");
    house.stop().await;
}

#[tokio::test]
async fn a_knock_is_taken_back_or_turned_down() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room_with_rule(&alice, json!({ "join_rule": "knock" })).await;
    let of_bob = json!({ "user_id": "@bob:hs.test" });
    house.knock(&bob, &room, json!({})).await.ok();
    house.in_room(&bob, &room, "leave", json!({})).await.ok();
    assert_eq!(house.membership(&alice, &room, "bob").await["membership"], "leave");
    house.knock(&bob, &room, json!({})).await.ok();
    house.in_room(&alice, &room, "kick", of_bob.clone()).await.ok();
    assert_eq!(house.membership(&alice, &room, "bob").await["membership"], "leave");
    house.in_room(&alice, &room, "ban", of_bob).await.ok();
    house.knock(&bob, &room, json!({})).await.fails(403, "M_FORBIDDEN");
    house.stop().await;
}

#[tokio::test]
async fn doors_without_a_knocker_say_so() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    for rule in ["invite", "public", "restricted"] {
        let room = house.room_with_rule(&alice, json!({ "join_rule": rule })).await;
        house.knock(&bob, &room, json!({})).await.fails(403, "M_FORBIDDEN");
    }
    house.knock(&bob, "!none:hs.test", json!({})).await.fails(404, "M_NOT_FOUND");
    house.knock(&bob, "#none:hs.test", json!({})).await.fails(404, "M_NOT_FOUND");
    house.stop().await;
}

#[tokio::test]
async fn members_of_another_room_enter_where_strangers_knock() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let carol = house.person("carol").await;
    let space = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let rule = json!({
        "join_rule": "knock_restricted",
        "allow": [
            { "type": "m.room_membership", "room_id": "!elsewhere:other.test" },
            { "type": "org.example.unknown" },
            { "type": "m.room_membership", "room_id": space },
        ],
    });
    let room = house.room_with_rule(&alice, rule).await;
    house.in_room(&carol, &room, "join", json!({})).await.fails(403, "M_FORBIDDEN");
    house.knock(&carol, &room, json!({})).await.ok();
    house.in_room(&bob, &space, "join", json!({})).await.ok();
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let member = house.membership(&bob, &room, "bob").await;
    assert_eq!(member["join_authorised_via_users_server"], "@alice:hs.test");
    // Who knocked and came into the other room afterwards needs nobody any more.
    house.in_room(&carol, &space, "join", json!({})).await.ok();
    house.in_room(&carol, &room, "join", json!({})).await.ok();
    house.stop().await;
}

#[tokio::test]
async fn anybody_who_may_invite_vouches_when_the_mighty_are_gone() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let (carol, dora) = (house.person("carol").await, house.person("dora").await);
    let space = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let allow = json!([{ "type": "m.room_membership", "room_id": space }]);
    let rule = json!({ "join_rule": "restricted", "allow": allow });
    let room = house.room_with_rule(&alice, rule).await;
    for token in [&bob, &carol, &dora] {
        house.in_room(token, &space, "join", json!({})).await.ok();
    }
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.in_room(&alice, &room, "leave", json!({})).await.ok();
    house.in_room(&carol, &room, "join", json!({})).await.ok();
    let member = house.membership(&carol, &room, "carol").await;
    assert_eq!(member["join_authorised_via_users_server"], "@bob:hs.test");
    // Once everybody has left, nobody lets in any more.
    house.in_room(&bob, &room, "leave", json!({})).await.ok();
    house.in_room(&carol, &room, "leave", json!({})).await.ok();
    house.in_room(&dora, &room, "join", json!({})).await.fails(403, "M_FORBIDDEN");
    house.stop().await;
}
