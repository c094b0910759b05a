//! Order within a lane, and none between lanes.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use crate::world::{ALICE, BERT, World, eventually, network::Script};

#[tokio::test]
async fn slow_step_keeps_order_in_its_lane_and_holds_up_no_other() {
    let mut world = World::new();
    world.start().await;
    let (slow, other) = (world.room("#slow").await, world.room("#other").await);
    let gate = Arc::new(Semaphore::new(0));
    world.network.script("slow", Script::Gate(gate.clone()));
    world.homeserver.say(&slow, ALICE, "slow");
    for text in ["a", "b", "c"] {
        world.homeserver.say(&slow, ALICE, text);
        world.homeserver.say(&other, ALICE, text);
    }
    eventually("the other lane is done", || world.network.texts("#other").len() == 3).await;
    assert!(world.network.texts("#slow").is_empty());

    gate.add_permits(1);
    world.settled().await;
    assert_eq!(world.network.texts("#slow"), ["slow", "a", "b", "c"]);
    assert_eq!(world.network.texts("#other"), ["a", "b", "c"]);
}

#[tokio::test]
async fn retry_holds_the_lane() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.stop_time();
    world.network.script("first", Script::Retry(Duration::from_secs(60)));
    world.network.script("first", Script::Retry(Duration::from_secs(60)));
    world.homeserver.say(&room, ALICE, "first");
    world.homeserver.say(&room, ALICE, "second");
    eventually("the first is tried", || world.network.attempts().len() == 1).await;
    world.clock.wait_for_sleepers(1).await;
    for attempts in 2..=3 {
        // The pause counts; news does not shorten it.
        world.homeserver.say(&room, ALICE, "more");
        eventually("it is pushed", || world.homeserver.is_pushed()).await;
        assert_eq!(world.network.attempts().len(), attempts - 1);
        while world.network.attempts().len() < attempts {
            world.clock.advance(Duration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["first", "second", "more", "more"]);
}

#[tokio::test]
async fn rows_of_an_offline_login_step_aside_together_and_come_back_in_order() {
    let mut world = World::new().with_bert();
    world.start().await;
    world.connected("test-2").await;
    let room = world.room("#a").await;
    world.homeserver.seat(&room, BERT);
    world.network.disconnects("test-1").await;
    for number in 1..=3 {
        world.homeserver.say(&room, ALICE, &format!("alice {number}"));
        world.homeserver.say(&room, BERT, &format!("bert {number}"));
    }
    eventually("Bert's are sent", || world.network.texts("#a").len() == 3).await;
    assert_eq!(world.network.texts("#a"), ["bert 1", "bert 2", "bert 3"]);
    let parked = "SELECT seq FROM journal_row WHERE state = 'parked' AND waits_for = 'test-1'";
    while world.rows(parked).await.len() < 3 {
        tokio::task::yield_now().await;
    }

    // It comes back, over a crash at that.
    world.crash().await;
    world.network.reconnects("test-1").await;
    world.start().await;
    world.settled().await;
    let alice: Vec<_> =
        world.network.texts("#a").into_iter().filter(|text| text.starts_with("alice")).collect();
    assert_eq!(alice, ["alice 1", "alice 2", "alice 3"]);
}

#[tokio::test]
async fn login_that_goes_away_in_the_middle_of_a_plan_goes_on_where_it_was() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let gate = Arc::new(Semaphore::new(0));
    world.network.script("two", Script::Gate(gate.clone()));
    world.homeserver.say(&room, ALICE, "one\ntwo\nthree\nfour");
    world.homeserver.say(&room, ALICE, "five");
    eventually("two is under way", || world.network.attempts().len() == 2).await;
    world.network.disconnects("test-1").await;
    gate.add_permits(1);
    let parked = "SELECT seq FROM journal_row WHERE state = 'parked'";
    while world.rows(parked).await.len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.network.texts("#a"), ["one", "two"]);
    world.network.reconnects("test-1").await;
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["one", "two", "three", "four", "five"]);
}

#[tokio::test]
async fn client_that_says_offline_while_it_counts_as_connected_is_asked_again() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.network.script("first", Script::Offline);
    world.network.script("first", Script::Offline);
    world.homeserver.say(&room, ALICE, "first");
    world.homeserver.say(&room, ALICE, "second");
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["first", "second"]);
}

#[tokio::test]
async fn bridge_that_panics_while_sending_ends_neither_lane_nor_row() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.network.script("boom", Script::Panic);
    world.homeserver.say(&room, ALICE, "boom");
    world.homeserver.say(&room, ALICE, "after");
    world.settled().await;
    // The network was asked, and had not got it.
    assert_eq!(world.network.texts("#a"), ["boom", "after"]);
    assert_eq!(world.network.asked(), 1);
}
