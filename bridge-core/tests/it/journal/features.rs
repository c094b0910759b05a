//! What a chat can do is said in its room.

use serde_json::Value;

use crate::world::{
    ALICE, World, eventually,
    network::{self, Nature},
};

fn told(world: &World, room: &str) -> Vec<Value> {
    world.homeserver.events(room, "com.beeper.room_features")
}

#[tokio::test]
async fn a_room_says_what_its_chat_can_do_once_for_each_table() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    assert_eq!(told(&world, &room).len(), 1, "a new room says it from the start");
    assert_eq!(told(&world, &room)[0]["content"]["edit"], -2);

    world.homeserver.say(&room, ALICE, "one");
    world.settled().await;
    world.network.set_nature(Nature { edits: true, ..Nature::default() });
    world.homeserver.say(&room, ALICE, "two");
    world.settled().await;
    eventually("the room says it anew", || told(&world, &room).len() > 1).await;
    world.homeserver.say(&room, ALICE, "three");
    world.settled().await;
    let told = told(&world, &room);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert_eq!(told[1]["content"]["edit"], 2);
    assert_eq!(told[1]["state_key"], told[0]["state_key"]);
}

#[tokio::test]
async fn a_room_says_what_was_changed_while_the_bridge_was_down() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.crash().await;
    world.network.set_nature(Nature { edits: true, ..Nature::default() });
    world.start().await;
    world.connected("test-1").await;
    world.homeserver.say(&room, ALICE, "one");
    eventually("the room says it anew", || told(&world, &room).len() > 1).await;
    world.settled().await;
    let event = network::message("#a", "bob", Some("second"), "hello again");
    world.network.hears("test-1", event).await.expect("it is committed");
    world.settled().await;
    assert_eq!(told(&world, &room).len(), 2);
}
