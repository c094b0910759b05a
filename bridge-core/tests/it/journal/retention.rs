//! What is kept, and for how long: what was said no longer than it takes to carry it, what became of it
//! for some days, which message is which as long as the chat is mirrored. And what nobody can bring back
//! is told.

use std::time::Duration;

use bridge_core::{
    JournalAnswer, JournalOrder,
    ids::{RemoteChatId, RemoteMessageId},
    network::{Gap, LostAnswer, RemoteEvent, RemoteEventKind},
};

use crate::world::{
    ALICE, World, eventually,
    network::{Nature, Script, message},
};

/// Everything the journal keeps as text that could hold what was said.
const KEPT: [&str; 3] = [
    "SELECT COALESCE(payload, '') || COALESCE(reason, '') AS kept FROM journal_row",
    "SELECT COALESCE(payload, '') || COALESCE(reason, '') AS kept FROM journal_step",
    "SELECT words AS kept FROM journal_note",
];

async fn nothing_is_kept_of(world: &World, word: &str) {
    for sql in KEPT {
        for row in world.rows(sql).await {
            let kept: &str = row.get("kept").unwrap();
            assert!(!kept.contains(word), "{sql}: {kept}");
        }
    }
}

async fn row_of(world: &World, event: &str) -> i64 {
    let order = JournalOrder::Trace { id: event.to_owned() };
    match world.bridge().desk().serve(order).await {
        Ok(JournalAnswer::Trace(trace)) => trace.stories[0].line.id,
        other => panic!("no trace: {other:?}"),
    }
}

async fn parked(world: &World) -> usize {
    world.rows("SELECT seq FROM journal_row WHERE state = 'parked'").await.len()
}

#[tokio::test]
async fn whatever_becomes_of_a_message_nothing_of_what_was_said_is_kept() {
    let mut world = World::new();
    world.network.set_nature(Nature { lost_answer: LostAnswer::None, ..Nature::default() });
    world.start().await;
    let room = world.room("#a").await;
    let say = |text: &str| world.homeserver.say(&room, ALICE, text);
    world.network.script("failing", Script::Failed("no"));
    world.network.script("doubtful", Script::Unknown { applied: false });
    let mut fates = vec![
        (say("whisper"), "sent"),
        (say("whisper failing\nwhisper too"), "failed"),
        (say("whisper doubtful"), "unknown"),
    ];
    world.settled().await;
    nothing_is_kept_of(&world, "whisper").await;

    world.network.disconnects("test-1").await;
    let (dropped, late) = (say("whisper in vain"), say("whisper late"));
    while parked(&world).await < 2 {
        tokio::task::yield_now().await;
    }
    let id = row_of(&world, &dropped).await;
    world.bridge().desk().serve(JournalOrder::Drop { id }).await.unwrap();
    fates.extend([(dropped, "dropped"), (late, "expired")]);
    world.clock.advance(Duration::from_hours(25));
    world.settled().await;
    nothing_is_kept_of(&world, "whisper").await;
    for (event, fate) in fates {
        assert_eq!(world.homeserver.statuses(&room, &event), [fate]);
    }
}

#[tokio::test]
async fn what_somebody_takes_back_before_it_could_be_shown_is_wiped_and_never_shown() {
    let mut world = World::new();
    world.start().await;
    world.connected("test-1").await;
    world.homeserver.refuse_connections("createRoom", usize::MAX);
    world.network.hears("test-1", message("#new", "bob", Some("1"), "regretted")).await.unwrap();
    world.network.hears("test-1", message("#new", "bob", Some("2"), "meant")).await.unwrap();
    while world.rows("SELECT seq FROM journal_row WHERE attempts > 0").await.is_empty() {
        tokio::task::yield_now().await;
    }
    let target = RemoteMessageId::new("1");
    let back = RemoteEvent::new(RemoteChatId::new("#new"), RemoteEventKind::Redaction { target });
    world.network.hears("test-1", back).await.unwrap();
    nothing_is_kept_of(&world, "regretted").await;

    world.homeserver.mend();
    world.settled().await;
    let rooms = world.rows("SELECT room_id FROM portal_room").await;
    let room: &str = rooms[0].get("room_id").unwrap();
    assert_eq!(world.homeserver.said(room), ["_rialto_test_bob: meant"]);
}

#[tokio::test]
async fn outcomes_are_forgotten_after_a_week_and_which_message_is_which_is_not() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let event = world.homeserver.say(&room, ALICE, "hi");
    world.settled().await;
    let remote = world.network.said()[0].id.clone();
    world.clock.advance(Duration::from_hours(6 * 24));
    assert!(row_of(&world, &event).await > 0);
    world.clock.advance(Duration::from_hours(2 * 24));
    for table in ["SELECT seq FROM journal_row", "SELECT row_seq FROM journal_step"] {
        while !world.rows(table).await.is_empty() {
            // The sweeper looks every ten minutes.
            world.clock.advance(Duration::from_mins(10));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let order = JournalOrder::Trace { id: event.clone() };
    let told = world.bridge().desk().serve(order).await.unwrap().to_string();
    assert!(told.contains("no longer kept"), "{told}");
    assert!(told.contains(&format!("{event} in {room} is {remote} in #a on test")), "{told}");

    world.homeserver.redact(&room, ALICE, &event);
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["hi", &format!("redact {remote}")]);
}

#[tokio::test]
async fn gap_that_nothing_fills_is_told_in_its_room() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let gap = Gap { since: Some(1), until: 2, reason: "the connection was lost".to_owned() };
    let gap = RemoteEvent::new(RemoteChatId::new("#a"), RemoteEventKind::Gap(gap));
    world.network.hears("test-1", gap).await.unwrap();
    world.settled().await;
    let told = || world.homeserver.said(&room).iter().any(|line| line.contains("may be missing"));
    eventually("the gap is told", told).await;
}
