//! Servers that go away, and come back.

use std::time::Duration;

use anyhow::{Result, ensure};
use bridge_testkit::peers::{InspIrcd, Wire};
use e2e::chat::{UNPACED, irc_network, is_success, wait_for_nick};
use e2e::numbers::{ensure_once_and_in_order, numbers_of};
use e2e::{IrcStory, Setup};

use crate::support::crash::ensure_sender_is_told;
use crate::support::modern::{CHANNEL, Modern, NETWORK};

#[tokio::test]
async fn a_connection_that_breaks_loses_no_message_of_ours() -> Result<()> {
    let irc = InspIrcd::start()?;
    let wire = Wire::to(&irc.address()).await?;
    let mut bob = irc.observer("bob").await?;
    bob.join(CHANNEL).await?;
    let network = irc_network(NETWORK, wire.address(), UNPACED);
    let program = Setup::new().section(&network).start().await?;
    let mut story = IrcStory::begin(&program, NETWORK, CHANNEL, &mut bob).await?;
    let mut events = Vec::new();
    for number in 1..=60 {
        events.push((number, story.alice.send(&story.room, &format!("mx {number}")).await?));
        if number % 20 == 10 {
            wire.cut();
        }
    }
    // She comes back by herself, to the channel as well, and the rest follows.
    wait_for_nick(&mut bob, "alice").await?;
    let room = story.room.clone();
    let mut certain = Vec::new();
    for (number, event_id) in events {
        let fate = story.alice.expect_fate(&room, &event_id).await?;
        if is_success(&fate) {
            certain.push(number);
        } else {
            ensure!(fate["com.rialto.outcome"] == "unknown", "mx {number} ended as {fate}");
            ensure_sender_is_told(&mut story.alice, &room, &event_id).await?;
        }
    }
    bob.barrier().await?;
    let on_irc = bob.texts_to(CHANNEL);
    let on_irc = numbers_of("mx", on_irc.iter().map(String::as_str));
    ensure_once_and_in_order("Matrix to IRC", &on_irc)?;
    for number in certain {
        ensure!(on_irc.contains(&number), "mx {number} was called sent and is not on IRC");
    }
    e2e::journal::expect_all_settled(&program).await?;
    Ok(())
}

#[tokio::test]
async fn messages_wait_for_a_server_that_is_down() -> Result<()> {
    let Modern { bob, mut story, program: _program, mut irc } = Modern::begin().await?;
    irc.kill()?;
    drop(bob);
    let mut events = Vec::new();
    for number in 1..=5 {
        events.push(story.alice.send(&story.room, &format!("mx {number}")).await?);
    }
    irc.resume()?;
    let mut bob = irc.observer("bob").await?;
    bob.join(CHANNEL).await?;
    let room = story.room.clone();
    for event_id in &events {
        let fate = story.alice.expect_fate(&room, event_id).await?;
        // The first ones may have been written into a connection that was breaking.
        ensure!(
            is_success(&fate) || fate["com.rialto.outcome"] == "unknown",
            "a message that could wait ended as {fate}"
        );
    }
    // Both ways work again.
    bob.wait("Alice in the channel", |heard| {
        heard.iter().any(|one| {
            one.line.nick() == "alice"
                || (one.line.command == "353" && one.line.text().contains("alice"))
        })
    })
    .await?;
    bob.say(CHANNEL, "back again").await?;
    story.alice.expect_message(&room, &story.ghost("bob"), "back again").await?;
    let (_, fate) = story.say("so am I").await?;
    ensure!(is_success(&fate), "the bridge says {fate}");
    bob.expect_message(CHANNEL, "so am I").await?;
    Ok(())
}

#[tokio::test]
async fn a_frozen_server_delays_and_doubles_nothing() -> Result<()> {
    let Modern { bob, mut story, program, irc } = Modern::begin().await?;
    irc.freeze()?;
    let mut events = Vec::new();
    for number in 1..=10 {
        events.push(story.alice.send(&story.room, &format!("mx {number}")).await?);
    }
    irc.thaw()?;
    let room = story.room.clone();
    for event_id in &events {
        let fate = story.alice.expect_fate(&room, event_id).await?;
        ensure!(is_success(&fate), "the bridge says {fate}");
    }
    let expected: Vec<String> = (1..=10).map(|number| format!("mx {number}")).collect();
    ensure!(bob.texts_to(CHANNEL) == expected, "on IRC: {:?}", bob.texts_to(CHANNEL));
    e2e::journal::expect_all_settled(&program).await?;
    Ok(())
}

#[tokio::test]
async fn a_clean_restart_comes_back_to_the_channel_and_delivers_what_waited() -> Result<()> {
    let Modern { mut bob, mut story, mut program, irc: _irc } = Modern::begin().await?;
    story.say("before").await?;
    program.stop()?;
    bob.expect("Alice to leave", |line| line.command == "QUIT" && line.nick() == "alice").await?;
    program.up().await?;
    bob.expect("Alice to come back", |line| line.command == "JOIN" && line.nick() == "alice")
        .await?;
    bob.say(CHANNEL, "after").await?;
    let (room, ghost) = (story.room.clone(), story.ghost("bob"));
    story.alice.expect_message(&room, &ghost, "after").await?;
    let (_, fate) = story.say("after, too").await?;
    ensure!(is_success(&fate), "the bridge says {fate}");
    ensure!(bob.texts_to(CHANNEL).iter().filter(|text| *text == "before").count() == 1, "doubled");
    Ok(())
}

#[tokio::test]
async fn an_operators_kill_is_told_and_outlived() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc } = Modern::begin().await?;
    let root = irc.operator("root").await?;
    root.command("KILL alice :out with you").await?;
    bob.expect("Alice to be gone", |line| line.command == "QUIT" && line.nick() == "alice").await?;
    // Who is thrown off does not storm back: a minute is polite. Meanwhile what she says waits.
    let event_id = story.alice.send(&story.room, "I am back").await?;
    bob.wait_within(Duration::from_secs(150), "Alice's message", |heard| {
        heard.iter().any(|one| one.line.text() == "I am back")
    })
    .await?;
    let fate = story.alice.expect_fate(&story.room, &event_id).await?;
    ensure!(is_success(&fate), "the bridge says {fate}");
    Ok(())
}
