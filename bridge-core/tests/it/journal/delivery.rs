//! What becomes of a message, and how its sender hears of it.

use std::time::Duration;

use bridge_core::network::LostAnswer;
use serde_json::json;

use crate::world::{
    ALICE, CARL, World, eventually,
    network::{Confirms, Nature, Script},
};

#[tokio::test]
async fn message_that_arrived_is_reported_once_and_remembered() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let event = world.homeserver.say(&room, ALICE, "one\ntwo");
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["one", "two"]);
    assert_eq!(world.homeserver.statuses(&room, &event), ["sent"]);
    let pairs =
        world.rows("SELECT event_id, remote_id FROM message WHERE sender_mxid = '@alice:x'").await;
    assert_eq!(pairs.len(), 2);
    assert!(pairs.iter().all(|pair| pair.get::<&str>("event_id").unwrap() == event));
    let crossings = world.crossings.lock().unwrap();
    assert!(crossings.iter().any(|crossing| crossing.text == "one\ntwo"));
}

#[tokio::test]
async fn failing_step_ends_its_plan_and_is_told_in_words() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.network.script("two", Script::Failed("You are banned from #a."));
    let event = world.homeserver.say(&room, ALICE, "one\ntwo\nthree");
    world.homeserver.say(&room, ALICE, "next");
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["one", "next"]);
    assert_eq!(world.homeserver.statuses(&room, &event), ["failed"]);
    let notices: Vec<_> = world
        .homeserver
        .said(&room)
        .into_iter()
        .filter(|line| line.starts_with("rialtobot"))
        .collect();
    assert_eq!(
        notices,
        [
            "rialtobot: Your message was not delivered: You are banned from #a. (1 of 3 parts were carried.)"
        ]
    );
}

#[tokio::test]
async fn doubtful_line_is_reported_once_and_the_rest_is_sent() {
    let mut world = World::new();
    world.network.set_nature(Nature { lost_answer: LostAnswer::None, ..Nature::default() });
    world.start().await;
    let room = world.room("#a").await;
    world.network.script("two", Script::Unknown { applied: false });
    let event = world.homeserver.say(&room, ALICE, "one\ntwo\nthree");
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["one", "three"]);
    assert_eq!(world.homeserver.statuses(&room, &event), ["unknown"]);
    let told = world.homeserver.said(&room);
    let told: Vec<_> = told.iter().filter(|line| line.contains("not known whether")).collect();
    assert_eq!(told.len(), 1, "{told:?}");

    world.crash().await;
    world.start().await;
    world.settled().await;
    assert_eq!(world.homeserver.statuses(&room, &event), ["unknown"]);
    assert_eq!(world.network.texts("#a"), ["one", "three"]);
}

#[tokio::test]
async fn lost_answer_is_found_out_where_the_network_can_tell() {
    for applied in [true, false] {
        let mut world = World::new();
        world.start().await;
        let room = world.room("#a").await;
        world.network.script("doubtful", Script::Unknown { applied });
        let event = world.homeserver.say(&room, ALICE, "doubtful");
        world.settled().await;
        assert_eq!(world.network.texts("#a"), ["doubtful"], "applied: {applied}");
        assert_eq!(world.network.asked(), 1);
        assert_eq!(world.homeserver.statuses(&room, &event), ["sent"]);
    }
}

#[tokio::test]
async fn what_does_no_harm_twice_is_simply_sent_again() {
    let mut world = World::new();
    let lost_answer = LostAnswer::ClientKey { window_ms: 600_000 };
    world.network.set_nature(Nature { lost_answer, ..Nature::default() });
    world.start().await;
    let room = world.room("#a").await;
    world.network.script("keyed", Script::Unknown { applied: true });
    world.homeserver.say(&room, ALICE, "keyed");
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["keyed"]);
    assert_eq!(world.network.attempts(), ["keyed", "keyed"]);
    assert_eq!(world.network.asked(), 0);
}

#[tokio::test]
async fn own_echo_settles_its_step_and_is_not_bridged() {
    let mut world = World::new();
    let nature = Nature {
        confirms: Confirms::ByEcho,
        lost_answer: LostAnswer::EchoMatch,
        max_inflight: 4,
        ..Nature::default()
    };
    world.network.set_nature(nature);
    world.start().await;
    let room = world.room("#a").await;
    let event = world.homeserver.say(&room, ALICE, "one\ntwo\nthree");
    let second = world.homeserver.say(&room, ALICE, "four");
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["one", "two", "three", "four"]);
    assert_eq!(world.homeserver.said(&room).len(), 3, "{:?}", world.homeserver.said(&room));
    assert_eq!(world.homeserver.statuses(&room, &event), ["sent"]);
    assert_eq!(world.homeserver.statuses(&room, &second), ["sent"]);
    let pairs = world.rows("SELECT remote_id FROM message WHERE sender_mxid = '@alice:x'").await;
    assert_eq!(pairs.len(), 4);
    let echoes = world.rows("SELECT seq FROM journal_row WHERE reason = 'own echo'").await;
    assert_eq!(echoes.len(), 4);
}

#[tokio::test]
async fn echo_that_is_faster_than_the_answer_settles_its_step_for_good() {
    let mut world = World::new();
    let nature = Nature {
        confirms: Confirms::ByEcho,
        lost_answer: LostAnswer::EchoMatch,
        ..Nature::default()
    };
    world.network.set_nature(nature);
    world.start().await;
    let room = world.room("#a").await;
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    world.network.script("slow", Script::SlowAnswer(gate.clone()));
    world.homeserver.say(&room, ALICE, "slow");
    let echo = "SELECT seq FROM journal_row WHERE reason = 'own echo'";
    while world.rows(echo).await.is_empty() {
        tokio::task::yield_now().await;
    }
    gate.add_permits(1);
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["slow"]);
    assert_eq!(world.network.asked(), 0);
}

#[tokio::test]
async fn echo_that_does_not_come_is_asked_for() {
    let mut world = World::new();
    let nature = Nature { lost_answer: LostAnswer::EchoMatch, ..Nature::default() };
    world.network.set_nature(Nature { confirms: Confirms::ByEcho, ..nature });
    world.start().await;
    let room = world.room("#a").await;
    // Applied, and its echo is swallowed.
    world.network.script("mute", Script::Unknown { applied: true });
    world.network.set_nature(nature);
    world.homeserver.say(&room, ALICE, "mute");
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["mute"]);
    assert_eq!(world.network.asked(), 1);
}

#[tokio::test]
async fn person_without_login_hears_what_to_do() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.homeserver.seat(&room, CARL);
    let event = world.homeserver.say(&room, CARL, "hello?");
    world.settled().await;
    assert!(world.network.texts("#a").is_empty());
    assert_eq!(world.homeserver.statuses(&room, &event), ["failed"]);
    let said = world.homeserver.said(&room);
    assert!(said.last().unwrap().contains("log in with `login test`"), "{said:?}");
}

#[tokio::test]
async fn what_the_network_cannot_do_is_said_or_degraded() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let image = json!({ "msgtype": "m.image", "body": "cat.png", "url": "mxc://x/cat" });
    let image = world.homeserver.send(&room, ALICE, "m.room.message", image);
    let refused = world.homeserver.say(&room, ALICE, "refuse me");
    let hello = world.homeserver.events(&room, "m.room.message")[0]["event_id"].clone();
    let reaction =
        json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": hello, "key": "👍" } });
    world.homeserver.send(&room, ALICE, "m.reaction", reaction);
    let unheard = world.homeserver.send(&room, ALICE, "org.example.unheard", json!({}));
    world.settled().await;
    assert_eq!(world.homeserver.statuses(&room, &image), ["failed"]);
    assert_eq!(world.homeserver.statuses(&room, &refused), ["failed"]);
    assert_eq!(world.homeserver.statuses(&room, &unheard), ["ignored"]);
    let said = world.homeserver.said(&room);
    assert!(said.iter().any(|line| line.contains("Pictures cannot be sent on Test")), "{said:?}");
    assert!(said.iter().any(|line| line.contains("does not like that text")), "{said:?}");
    assert_eq!(world.network.texts("#a"), ["reacts with 👍 to “hello”"]);
}

#[tokio::test]
async fn redaction_finds_what_it_takes_back() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let event = world.homeserver.say(&room, ALICE, "oops");
    world.settled().await;
    world.homeserver.redact(&room, ALICE, &event);
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["oops", "redact m1"]);
}

#[tokio::test]
async fn message_that_waited_too_long_is_given_up_and_its_sender_told() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.network.disconnects("test-1").await;
    let event = world.homeserver.say(&room, ALICE, "too late");
    let parked = "SELECT seq FROM journal_row WHERE state = 'parked'";
    while world.rows(parked).await.is_empty() {
        tokio::task::yield_now().await;
    }
    world.clock.advance(Duration::from_hours(25));
    world.settled().await;
    assert_eq!(world.homeserver.statuses(&room, &event), ["expired"]);
    world.network.reconnects("test-1").await;
    world.settled().await;
    assert!(world.network.texts("#a").is_empty());
}

#[tokio::test]
async fn report_is_sent_again_until_the_homeserver_has_it() {
    let mut world = World::new().with_forgetful_homeserver();
    world.start().await;
    let room = world.room("#a").await;
    world.homeserver.forget_transactions();
    world.homeserver.refuse_connections("message_send_status", 2);
    let first = world.homeserver.say(&room, ALICE, "one");
    world.settled().await;
    assert_eq!(world.homeserver.statuses(&room, &first), ["sent"]);
}

#[tokio::test]
async fn message_costs_four_commits_on_its_way_to_the_network() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.pause_pushing();
    world.network.set_nature(Nature::default());
    let before = world.db().stats().commits;
    let event = json!({ "event_id": "$1", "room_id": room, "sender": ALICE,
        "type": "m.room.message", "content": { "msgtype": "m.text", "body": "x" } });
    world.push("t1", vec![event]).await;
    eventually("it is sent", || world.network.texts("#a").len() == 1).await;
    let open = "SELECT seq FROM journal_row WHERE state <> 'settled'";
    while !world.rows(open).await.is_empty() {
        tokio::task::yield_now().await;
    }
    // Accepted; planned and marked; final; reported.
    assert_eq!(world.db().stats().commits - before, 4);
}
