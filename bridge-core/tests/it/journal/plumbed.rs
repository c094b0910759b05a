//! A room with several portals: everything goes to each of them, and one does not hold up another.

use bridge_core::ids::LoginId;
use support_db::{DbError, params};

use crate::world::{ALICE, World, eventually, network::message};

const LINK: &str = "INSERT INTO portal_room (portal_id, room_id, own, ready, created_at)
    SELECT id, $1, FALSE, TRUE, 2 FROM portal WHERE chat = 'dm'";
const RELAY: &str = "UPDATE portal SET relay = 'test-2' WHERE chat = 'dm'";

/// Makes a room for `#a`, heard by Alice's first account, and `dm`, her second account's.
async fn plumbed() -> (World, String) {
    let mut world = World::new().with_second_account();
    world.start().await;
    world.connected("test-2").await;
    let room = world.room("#a").await;
    let mut event = message("dm", "zoe", Some("z1"), "hello from zoe");
    event.receiver = Some(LoginId::new("test-2"));
    world.network.hears("test-2", event).await.unwrap();
    world.settled().await;
    let linked = room.clone();
    let link = world.db().write(move |tx| {
        let room = linked.clone();
        Box::pin(async move {
            tx.execute(LINK, params![room]).await?;
            Ok::<_, DbError>(())
        })
    });
    link.await.unwrap();
    (world, room)
}

#[tokio::test]
async fn message_goes_to_every_portal_of_its_room() {
    let (world, room) = plumbed().await;
    let event = world.homeserver.say(&room, ALICE, "to all");
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["to all"]);
    assert_eq!(world.network.texts("dm"), ["to all"]);
    assert_eq!(world.homeserver.statuses(&room, &event), ["sent"]);
}

#[tokio::test]
async fn offline_target_is_planned_when_it_is_back_and_holds_up_no_other() {
    let (mut world, room) = plumbed().await;
    world.network.disconnects("test-2").await;
    let first = world.homeserver.say(&room, ALICE, "one\nand a half");
    world.homeserver.say(&room, ALICE, "two");
    eventually("the other is done", || world.network.texts("#a").len() == 3).await;
    assert!(world.network.texts("dm").is_empty());
    assert!(world.homeserver.statuses(&room, &first).is_empty());

    world.crash().await;
    world.network.reconnects("test-2").await;
    world.start().await;
    world.settled().await;
    assert_eq!(world.network.texts("dm"), ["one", "and a half", "two"]);
    assert_eq!(world.network.texts("#a"), ["one", "and a half", "two"]);
    assert_eq!(world.homeserver.statuses(&room, &first), ["sent"]);
}

#[tokio::test]
async fn what_one_network_says_is_relayed_to_the_other_and_not_back() {
    let (world, room) = plumbed().await;
    let relay = world.db().write(|tx| {
        Box::pin(async move {
            tx.execute(RELAY, params![]).await?;
            Ok::<_, DbError>(())
        })
    });
    relay.await.unwrap();
    world.network.hears("test-1", message("#a", "bob", Some("b2"), "from bob")).await.unwrap();
    world.settled().await;
    assert_eq!(world.network.texts("dm"), ["from bob"]);
    assert!(world.network.texts("#a").is_empty());
    assert_eq!(world.homeserver.said(&room).len(), 2, "{:?}", world.homeserver.said(&room));
    assert!(world.homeserver.events(&room, "com.beeper.message_send_status").is_empty());
}
