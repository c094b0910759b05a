//! Several logins in one chat: one room, every message heard once.

use bridge_core::network::LostAnswer;

use crate::world::{
    ALICE, World,
    network::{Confirms, Nature, from_me, message},
};

async fn shared(ids_shared: bool) -> (World, String) {
    let mut world = World::new().with_bert();
    world.network.set_nature(Nature { ids_shared, ..Nature::default() });
    world.start().await;
    world.connected("test-2").await;
    let room = world.room("#a").await;
    (world, room)
}

#[tokio::test]
async fn two_logins_hear_a_message_with_a_shared_id_once() {
    let (world, room) = shared(true).await;
    for login in ["test-2", "test-1"] {
        world.network.hears(login, message("#a", "bob", Some("m"), "once")).await.unwrap();
    }
    world.settled().await;
    assert_eq!(world.homeserver.said(&room).len(), 2, "{:?}", world.homeserver.said(&room));
    let witnesses = world.rows("SELECT login_id FROM journal_witness").await;
    assert_eq!(witnesses.len(), 1);
    assert_eq!(witnesses[0].get::<&str>("login_id").unwrap(), "test-1");
}

#[tokio::test]
async fn without_shared_ids_one_login_listens_and_another_takes_over() {
    let (world, room) = shared(false).await;
    for login in ["test-2", "test-1"] {
        world.network.hears(login, message("#a", "bob", None, "once")).await.unwrap();
    }
    world.settled().await;
    assert_eq!(world.homeserver.said(&room).len(), 2, "{:?}", world.homeserver.said(&room));

    world.network.disconnects("test-1").await;
    world.network.hears("test-2", message("#a", "bob", None, "heard by Bert")).await.unwrap();
    world.settled().await;
    assert_eq!(world.homeserver.said(&room).last().unwrap(), "_rialto_test_bob: heard by Bert");
    world.network.reconnects("test-1").await;
    world.network.hears("test-1", message("#a", "bob", None, "not doubled")).await.unwrap();
    world.network.hears("test-2", message("#a", "bob", None, "not doubled")).await.unwrap();
    world.settled().await;
    assert_eq!(world.homeserver.said(&room).len(), 4, "{:?}", world.homeserver.said(&room));
}

#[tokio::test]
async fn what_alice_says_is_not_brought_back_by_the_one_who_hears_her() {
    for ids_shared in [true, false] {
        let (world, room) = shared(ids_shared).await;
        world.homeserver.say(&room, ALICE, "hi all");
        crate::world::eventually("it is said", || world.network.texts("#a").len() == 1).await;
        let id = world.network.said()[0].id.clone();
        let id = ids_shared.then_some(id.as_str());
        world.network.hears("test-2", message("#a", "alice", id, "hi all")).await.unwrap();
        world.settled().await;
        let said = world.homeserver.said(&room);
        assert_eq!(said, ["_rialto_test_bob: hello", "alice: hi all"], "{ids_shared}");
    }
}

#[tokio::test]
async fn copy_that_is_faster_than_the_echo_waits_for_it() {
    let (world, room) = shared(true).await;
    let nature = Nature {
        confirms: Confirms::ByEcho,
        lost_answer: LostAnswer::EchoMatch,
        ..Nature::default()
    };
    world.network.set_nature(nature);
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    world.network.script("hi all", crate::world::network::Script::Gate(gate.clone()));
    world.homeserver.say(&room, ALICE, "hi all");
    crate::world::eventually("it is tried", || !world.network.attempts().is_empty()).await;
    // Bert's connection is the faster one: his copy is here before Alice's echo.
    world.network.hears("test-2", message("#a", "alice", Some("m1"), "hi all")).await.unwrap();
    gate.add_permits(1);
    world.settled().await;
    assert_eq!(world.homeserver.said(&room), ["_rialto_test_bob: hello", "alice: hi all"]);
}

#[tokio::test]
async fn words_alice_types_elsewhere_are_told_by_her_own_login() {
    let (world, room) = shared(false).await;
    world.network.hears("test-2", message("#a", "alice", None, "typed elsewhere")).await.unwrap();
    world
        .network
        .hears("test-1", from_me(message("#a", "alice", None, "typed elsewhere")))
        .await
        .unwrap();
    world.settled().await;
    assert_eq!(world.homeserver.said(&room), ["_rialto_test_bob: hello", "alice: typed elsewhere"]);
}
