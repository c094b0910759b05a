//! From the network to Matrix: once, in order, under the right name.

use bridge_core::{
    ids::{RemoteChatId, RemoteMessageId, RemoteUserId},
    network::{
        MembershipChange, RemoteEvent, RemoteEventKind, RemoteMembership, RemoteSender, ReplyTo,
        TopicChange,
    },
};

use crate::world::{
    ALICE, World,
    network::{from_me, message},
};

async fn ten_messages(world: &World) {
    for number in 1..=10 {
        let id = format!("n{number}");
        let event = message("#a", "bob", Some(&id), &format!("line {number}"));
        world.network.hears("test-1", event).await.unwrap();
    }
    world.settled().await;
}

fn ten_lines() -> Vec<String> {
    let lines = (1..=10).map(|number| format!("_rialto_test_bob: line {number}"));
    std::iter::once("_rialto_test_bob: hello".to_owned()).chain(lines).collect()
}

#[tokio::test]
async fn lost_answers_of_an_idempotent_homeserver_double_nothing() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.homeserver.lose_every(Some(3));
    ten_messages(&world).await;
    assert_eq!(world.homeserver.said(&room), ten_lines());
}

#[tokio::test]
async fn lost_answers_of_a_forgetful_homeserver_are_looked_up_by_their_tag() {
    let mut world = World::new().with_forgetful_homeserver();
    world.start().await;
    let room = world.room("#a").await;
    world.homeserver.forget_transactions();
    world.homeserver.lose_every(Some(3));
    world.pause_pushing();
    for number in 1..=10 {
        let id = format!("n{number}");
        let event = message("#a", "bob", Some(&id), &format!("line {number}"));
        world.network.hears("test-1", event).await.unwrap();
    }
    crate::world::eventually("all is said", || world.homeserver.said(&room).len() >= 11).await;
    world.resume_pushing();
    world.settled().await;
    assert_eq!(world.homeserver.said(&room), ten_lines());
    assert!(world.homeserver.calls_to("/messages") > 0);
}

#[tokio::test]
async fn own_event_coming_back_settles_a_send_whose_answer_was_lost() {
    let mut world = World::new().with_forgetful_homeserver();
    world.start().await;
    let room = world.room("#a").await;
    world.homeserver.forget_transactions();
    world.stop_time();
    world.homeserver.lose_answers("/send/", 1);
    world.network.hears("test-1", message("#a", "bob", Some("2"), "back")).await.unwrap();
    world.settled().await;
    assert_eq!(world.homeserver.said(&room).len(), 2);
    assert_eq!(world.homeserver.calls_to("/messages"), 0);
    let pairs = world.rows("SELECT event_id FROM message WHERE remote_id = '2'").await;
    assert_eq!(pairs.len(), 1);
}

#[tokio::test]
async fn homeserver_that_is_away_for_a_while_gets_everything_in_order() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.homeserver.refuse_connections("", 5);
    ten_messages(&world).await;
    assert_eq!(world.homeserver.said(&room), ten_lines());
}

#[tokio::test]
async fn same_news_delivered_again_is_shown_once() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    for _ in 0..3 {
        let event = message("#a", "bob", Some("again"), "once");
        world.network.hears("test-1", event).await.unwrap();
    }
    world.settled().await;
    let once = world.homeserver.said(&room);
    assert_eq!(once.iter().filter(|line| line.contains("once")).count(), 1, "{once:?}");
}

#[tokio::test]
async fn event_says_which_remote_message_it_is() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.network.hears("test-1", message("#a", "bob", Some("the id"), "x")).await.unwrap();
    world.network.hears("test-1", message("#a", "bob", None, "y")).await.unwrap();
    world.settled().await;
    let events = world.homeserver.events(&room, "m.room.message");
    let remote = |index: usize| events[index]["content"]["com.rialto.remote"].clone();
    assert_eq!(remote(1)["network"], "test");
    assert_eq!(remote(1)["id"], "the id");
    assert_eq!(remote(1)["part"], 0);
    assert!(remote(2)["id"].as_str().unwrap().starts_with("rialto:"));
}

#[tokio::test]
async fn own_words_from_elsewhere_appear_under_the_own_name_and_do_not_come_back() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world
        .network
        .hears("test-1", from_me(message("#a", "alice", Some("p"), "from my phone")))
        .await
        .unwrap();
    world.settled().await;
    assert_eq!(world.homeserver.said(&room), ["_rialto_test_bob: hello", "alice: from my phone"]);
    assert!(world.network.texts("#a").is_empty());
    let ours = world.rows("SELECT seq FROM journal_row WHERE reason = 'ours'").await;
    assert!(ours.len() >= 2);
}

#[tokio::test]
async fn ghost_that_was_thrown_out_is_brought_back() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.homeserver.unseat(&room, "@_rialto_test_bob:x");
    world.network.hears("test-1", message("#a", "bob", Some("2"), "back")).await.unwrap();
    world.settled().await;
    assert_eq!(world.homeserver.said(&room).last().unwrap(), "_rialto_test_bob: back");
}

#[tokio::test]
async fn reply_finds_its_event_and_what_concerns_nothing_here_is_put_into_words() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let mut reply = message("#a", "bob", Some("2"), "yes");
    if let RemoteEventKind::Message(said) = &mut reply.kind {
        said.reply_to = Some(ReplyTo::message(RemoteMessageId::new("first #a")));
    }
    world.network.hears("test-1", reply).await.unwrap();
    let mut reaction = message("#a", "bob", Some("3"), "");
    reaction.kind = RemoteEventKind::Reaction {
        target: RemoteMessageId::new("2"),
        key: "👍".to_owned(),
        picture: None,
    };
    world.network.hears("test-1", reaction.clone()).await.unwrap();
    world.network.hears("test-1", reaction).await.unwrap();
    let mut stray = message("#a", "bob", Some("4"), "");
    stray.kind = RemoteEventKind::Reaction {
        target: RemoteMessageId::new("unheard"),
        key: "👍".to_owned(),
        picture: None,
    };
    world.network.hears("test-1", stray).await.unwrap();
    world.settled().await;
    let events = world.homeserver.events(&room, "m.room.message");
    assert_eq!(
        events[1]["content"]["m.relates_to"]["m.in_reply_to"]["event_id"],
        events[0]["event_id"]
    );
    let reactions = world.homeserver.events(&room, "m.reaction");
    assert_eq!(reactions.len(), 1, "the same reaction again changes nothing");
    assert_eq!(reactions[0]["content"]["m.relates_to"]["event_id"], events[1]["event_id"]);
    assert_eq!(world.homeserver.said(&room)[2], "rialtobot: * bob reacted to a message with 👍");
}

#[tokio::test]
async fn people_and_topic_follow_the_network() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let news = |kind| {
        let mut event = RemoteEvent::new(RemoteChatId::new("#a"), kind);
        event.sender =
            Some(RemoteSender { user: RemoteUserId::new("bob"), is_me: false, profile: None });
        event
    };
    let carol = |membership| {
        news(RemoteEventKind::Membership(MembershipChange {
            user: RemoteUserId::new("carol"),
            is_me: false,
            profile: None,
            membership,
            reason: None,
        }))
    };
    let member = |world: &World| world.homeserver.events(&room, "m.room.member");
    world.network.hears("test-1", carol(RemoteMembership::Join)).await.unwrap();
    world.network.hears("test-1", carol(RemoteMembership::Join)).await.unwrap();
    world
        .network
        .hears("test-1", news(RemoteEventKind::Topic(TopicChange { topic: "news".to_owned() })))
        .await
        .unwrap();
    world.settled().await;
    let joins = member(&world);
    let joins = joins.iter().filter(|event| {
        event["state_key"] == "@_rialto_test_carol:x" && event["content"]["membership"] == "join"
    });
    assert_eq!(joins.count(), 1);
    let topic = world.homeserver.state(&room, "m.room.topic", "").unwrap();
    assert_eq!(topic["topic"], "news");

    world.network.hears("test-1", carol(RemoteMembership::Leave)).await.unwrap();
    world.settled().await;
    let last = member(&world).last().cloned().unwrap();
    assert_eq!(last["content"]["membership"], "leave");
    // A topic set on Matrix goes out; the one we set came back and did not.
    assert!(world.network.texts("#a").is_empty(), "{:?}", world.network.texts("#a"));
    world.homeserver.send(
        &room,
        ALICE,
        "m.room.message",
        serde_json::json!({"body": "hi", "msgtype": "m.text"}),
    );
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["hi"]);
}

/// Hears a burst as one batch, as from a busy channel: two people in turns, and an answer among them.
async fn a_burst(world: &World, lines: usize) -> Vec<String> {
    let who = |number: usize| if number.is_multiple_of(2) { "bob" } else { "carol" };
    let mut events: Vec<RemoteEvent> = (1..=lines)
        .map(|number| {
            message("#a", who(number), Some(&format!("b{number}")), &format!("line {number}"))
        })
        .collect();
    if let Some(RemoteEventKind::Message(answer)) = events.get_mut(6).map(|event| &mut event.kind) {
        answer.reply_to = Some(ReplyTo::message(RemoteMessageId::new("b6")));
    }
    let sink = world.network.sink("test-1").unwrap();
    sink.commit(bridge_core::network::Batch::events(events)).await.unwrap();
    let lines = (1..=lines).map(|number| format!("_rialto_test_{}: line {number}", who(number)));
    std::iter::once("_rialto_test_bob: hello".to_owned()).chain(lines).collect()
}

#[tokio::test]
async fn a_burst_shares_its_commits() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    // Carol is in the room: who has to be brought in first makes others wait.
    world.network.hears("test-1", message("#a", "carol", Some("c"), "here")).await.unwrap();
    world.settled().await;
    world.pause_pushing();
    let before = world.db().stats().commits;
    let mut expected = a_burst(&world, 60).await;
    expected.insert(1, "_rialto_test_carol: here".to_owned());
    let said = || world.homeserver.said(&room);
    crate::world::eventually("all is said", || said().len() == expected.len()).await;
    assert_eq!(said(), expected);
    let commits = world.db().stats().commits - before;
    assert!(commits <= 12, "60 messages took {commits} commits");
    world.resume_pushing();
    world.settled().await;
}

#[tokio::test]
async fn a_burst_planned_ahead_is_whole_after_a_crash_at_any_call() {
    for ticks in [1, 2, 3, 4, 6, 9, 13, 18, 24] {
        let mut world = World::new();
        world.start().await;
        let room = world.room("#a").await;
        let burnt = world.fuse.set(ticks);
        let expected = a_burst(&world, 20).await;
        burnt.cancelled().await;
        world.crash().await;
        world.fuse.remove();
        world.start().await;
        world.settled().await;
        assert_eq!(world.homeserver.said(&room), expected, "after {ticks} calls");
        let pairs = world.rows("SELECT event_id FROM message WHERE remote_id LIKE 'b%'").await;
        assert_eq!(pairs.len(), 20, "after {ticks} calls");
    }
}
