//! Private messages: a direct room for each person on the other side.

use anyhow::{Result, ensure};
use bridge_testkit::peers::{NgIrcd, RawIrc};
use e2e::chat::{UNPACED, irc_network, is_success};
use e2e::matrix::user;
use e2e::{IrcStory, Setup};

use crate::support::modern::{CHANNEL, Modern, NETWORK};

#[tokio::test]
async fn private_messages_cross_both_ways_on_a_modern_server() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    a_private_conversation(&mut story, &mut bob, NETWORK).await
}

#[tokio::test]
async fn private_messages_cross_both_ways_on_a_legacy_server() -> Result<()> {
    let irc = NgIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    bob.join(CHANNEL).await?;
    let network = irc_network("legacy", &irc.address(), UNPACED);
    let program = Setup::new().section(&network).start().await?;
    let mut story = IrcStory::begin(&program, "legacy", CHANNEL, &mut bob).await?;
    a_private_conversation(&mut story, &mut bob, "legacy").await
}

/// Bob speaks first, which opens a direct room of two; Alice answers in it.
async fn a_private_conversation(
    story: &mut IrcStory,
    bob: &mut RawIrc,
    network: &str,
) -> Result<()> {
    bob.say("alice", "psst, it is me").await?;
    let room = story.alice.expect_portal(network, "bob").await?;
    let ghost = story.ghost("bob");
    story.alice.expect_message(&room, &ghost, "psst, it is me").await?;
    ensure!(room != story.room, "a private message in the channel's room");

    let event_id = story.alice.send(&room, "I hear you – très bien").await?;
    let line = bob.expect_message("bob", "I hear you – très bien").await?;
    ensure!(line.nick() == "alice", "said by {}", line.source);
    let fate = story.alice.expect_fate(&room, &event_id).await?;
    ensure!(is_success(&fate), "the bridge says {fate}");

    // A second one lands in the same room.
    bob.say("alice", "and again").await?;
    story.alice.expect_message(&room, &ghost, "and again").await?;
    Ok(())
}

#[tokio::test]
async fn a_conversation_can_be_begun_from_matrix() -> Result<()> {
    let Modern { mut bob, story, program: _program, irc: _irc } = Modern::begin().await?;
    let IrcStory { mut alice, bot, .. } = story;
    let room = e2e::chat::join_channel(&mut alice, &bot, NETWORK, "bob").await?;
    alice.send(&room, "may I?").await?;
    bob.expect_message("bob", "may I?").await?;
    bob.say("alice", "you may").await?;
    alice.expect_message(&room, &e2e::chat::ghost(NETWORK, "bob"), "you may").await?;
    Ok(())
}

#[tokio::test]
async fn a_message_to_somebody_who_is_gone_is_reported() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    bob.say("alice", "bye for now").await?;
    let room = story.alice.expect_portal(NETWORK, "bob").await?;
    bob.command("QUIT").await?;
    bob.expect("the end", |line| line.command == "ERROR").await?;
    let event_id = story.alice.send(&room, "wait!").await?;
    let fate = story.alice.expect_fate(&room, &event_id).await?;
    ensure!(!is_success(&fate), "nobody is there, and the bridge says {fate}");
    let words =
        crate::support::crash::ensure_sender_is_told(&mut story.alice, &room, &event_id).await?;
    let words = words["content"]["body"].as_str().unwrap_or_default().to_lowercase();
    ensure!(words.contains("bob") || words.contains("no such nick"), "it says: {words}");
    Ok(())
}

#[tokio::test]
async fn what_is_said_to_the_bot_before_it_has_come_in_is_answered() -> Result<()> {
    let program = Setup::new().start().await?;
    let mut alice = program.person("alice").await?;
    let bot = user("rialtobot");
    let room = alice
        .create_room(serde_json::json!({
            "preset": "trusted_private_chat", "is_direct": true, "invite": [bot],
        }))
        .await?;
    alice.send(&room, "list-logins").await?;
    alice
        .wait("the answer to `list-logins`", |client| {
            let said = client.rooms().get(&room)?.bodies_of(&bot);
            said.iter().any(|text| text.contains("You have no logins")).then_some(())
        })
        .await?;
    Ok(())
}
