//! Who may read what.

use serde_json::{Value, json};

use super::talk::{bodies, events, next_batch, timeline};
use crate::harness::{Ground, House};

async fn room_with(house: &House, alice: &str, visibility: &str) -> String {
    let rule = json!({ "history_visibility": visibility });
    house
        .room(
            alice,
            json!({
                "preset": "public_chat",
                "initial_state": [{ "type": "m.room.history_visibility", "content": rule }],
            }),
        )
        .await
}

fn said(page: &Value) -> Vec<&str> {
    let mut bodies = bodies(events(&page["chunk"]));
    bodies.reverse();
    bodies
}

#[tokio::test]
async fn history_is_shown_as_the_room_decides() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let carol = house.person("carol").await;
    for (visibility, bob_reads) in [
        ("world_readable", vec!["before", "invited", "joined"]),
        ("shared", vec!["before", "invited", "joined"]),
        ("invited", vec!["invited", "joined"]),
        ("joined", vec!["joined"]),
    ] {
        let room = room_with(&house, &alice, visibility).await;
        house.say(&alice, &room, "1", "before").await;
        house.in_room(&alice, &room, "invite", json!({ "user_id": "@bob:hs.test" })).await.ok();
        house.say(&alice, &room, "2", "invited").await;
        house.in_room(&bob, &room, "join", json!({})).await.ok();
        house.say(&alice, &room, "3", "joined").await;
        let page = house.look(&bob, &room, "messages?dir=b&limit=50").await.ok();
        assert_eq!(said(&page), bob_reads, "{visibility}");
        let initial = house.sync(&bob, "").await;
        let shown = bodies(timeline(&initial, &room));
        assert!(bob_reads.ends_with(&shown), "{visibility}: {shown:?}");
        let stranger = house.look(&carol, &room, "messages?dir=b&limit=50").await;
        if visibility == "world_readable" {
            assert_eq!(said(&stranger.ok()), bob_reads);
            house.look(&carol, &room, "state").await.ok();
        } else {
            stranger.fails(403, "M_FORBIDDEN");
            house.look(&carol, &room, "state").await.fails(403, "M_FORBIDDEN");
        }
    }
    house.stop().await;
}

#[tokio::test]
async fn who_was_away_does_not_hear_what_was_said_meanwhile() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = room_with(&house, &alice, "joined").await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let since = next_batch(&house.sync(&bob, "").await);
    house.say(&alice, &room, "1", "here").await;
    house.in_room(&bob, &room, "leave", json!({})).await.ok();
    house.say(&alice, &room, "2", "behind his back").await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.say(&alice, &room, "3", "back").await;
    let sync = house.since(&bob, &since).await;
    assert_eq!(bodies(timeline(&sync, &room)), ["here", "back"]);
    let page = house.look(&bob, &room, "messages?dir=b&limit=50").await.ok();
    assert_eq!(said(&page), ["here", "back"]);
    house.stop().await;
}
