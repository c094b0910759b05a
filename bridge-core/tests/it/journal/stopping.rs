//! The clean stop.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::world::{ALICE, World, eventually, network::Script};

#[tokio::test]
async fn stop_drains_what_can_go_and_leaves_the_rest() {
    let mut world = World::new();
    world.start().await;
    let (room, stuck) = (world.room("#a").await, world.room("#stuck").await);
    let gate = Arc::new(Semaphore::new(0));
    world.network.script("gated", Script::Gate(gate.clone()));
    world.network.script("busy", Script::Retry(Duration::from_hours(1)));
    world.homeserver.say(&room, ALICE, "gated\nrest of it");
    world.homeserver.say(&stuck, ALICE, "busy");
    eventually("both are tried", || world.network.attempts().len() == 2).await;
    let stop = async {
        tokio::task::yield_now().await;
        gate.add_permits(1);
    };
    let ((), ()) = tokio::join!(world.stop(Duration::from_secs(60)), stop);
    assert_eq!(world.network.texts("#a"), ["gated", "rest of it"]);
    assert!(world.network.texts("#stuck").is_empty());

    world.clock.advance(Duration::from_hours(1));
    world.start().await;
    world.settled().await;
    assert_eq!(world.network.texts("#stuck"), ["busy"]);
    assert_eq!(world.network.texts("#a"), ["gated", "rest of it"]);
}

#[tokio::test]
async fn what_does_not_end_by_the_deadline_is_found_out_after_the_next_start() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let gate = Arc::new(Semaphore::new(0));
    world.network.script("stuck", Script::Gate(gate));
    let event = world.homeserver.say(&room, ALICE, "stuck");
    eventually("it is tried", || world.network.attempts().len() == 1).await;
    world.stop(Duration::from_secs(5)).await;
    world.start().await;
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["stuck"]);
    assert_eq!(world.network.asked(), 1);
    assert_eq!(world.homeserver.statuses(&room, &event), ["sent"]);
}

#[tokio::test]
async fn stopped_bridge_takes_no_transaction() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let router = world.bridge().router();
    world.pause_pushing();
    world.bridge().stop(Duration::from_secs(5)).await;
    let body = json!({ "events": [{ "event_id": "$late", "room_id": room, "sender": ALICE,
        "type": "m.room.message", "content": { "body": "late" } }] });
    let status = world.push_to(router, "t", body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let rows = world.rows("SELECT seq FROM journal_row WHERE event_id = '$late'").await;
    assert!(rows.is_empty());
}
