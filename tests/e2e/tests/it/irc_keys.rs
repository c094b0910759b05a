//! Channels with a key: it is kept, sealed, and follows when somebody changes it.

use anyhow::{Context, Result, ensure};
use bridge_testkit::peers::RawIrc;
use e2e::chat::room_id_in;
use e2e::matrix::user;

use crate::support::modern::{Modern, NETWORK};

const VAULT: &str = "#vault";

async fn expect_alice_in_the_vault(bob: &mut RawIrc) -> Result<()> {
    bob.expect("alice to come in", |line| {
        line.command == "JOIN" && line.nick() == "alice" && line.param(0) == VAULT
    })
    .await
    .map(drop)
}

#[tokio::test]
async fn a_channel_with_a_key_is_joined_again_after_a_restart_and_a_crash() -> Result<()> {
    let Modern { mut bob, mut story, mut program, irc: _irc } = Modern::begin().await?;
    bob.join(VAULT).await?;
    bob.command(&format!("MODE {VAULT} +k swordfish")).await?;

    let join = format!("join {NETWORK} {VAULT}");
    let refused = story.bot.ask(&mut story.alice, &join, |text| text.contains("key")).await?;
    ensure!(room_id_in(&refused).is_none(), "let in without a key: {refused}");
    let with_key = format!("{join} swordfish");
    let answer =
        story.bot.ask(&mut story.alice, &with_key, |text| room_id_in(text).is_some()).await?;
    let room = room_id_in(&answer).context("an answer without a room")?;
    ensure!(!answer.contains("swordfish"), "the bot repeats the key: {answer}");
    expect_alice_in_the_vault(&mut bob).await?;

    program.restart().await?;
    expect_alice_in_the_vault(&mut bob).await?;
    let ghost = story.ghost("bob");
    bob.say(VAULT, "back so soon").await?;
    story.alice.expect_message(&room, &ghost, "back so soon").await?;

    // Another key: the room hears that there is one, and not which.
    bob.command(&format!("MODE {VAULT} -k swordfish")).await?;
    bob.command(&format!("MODE {VAULT} +k opensesame")).await?;
    let bot = user("rialtobot");
    let words = "bob set a key for the channel.";
    story.alice.expect_message(&room, &bot, words).await?;
    program.kill_9()?;
    program.up().await?;
    expect_alice_in_the_vault(&mut bob).await?;
    bob.say(VAULT, "and again").await?;
    story.alice.expect_message(&room, &ghost, "and again").await?;

    for secret in ["swordfish", "opensesame"] {
        ensure!(!program.log().contains(secret), "the log shows a key");
    }
    let said = story.alice.room(&room).bodies_of(&bot).join("\n");
    ensure!(!said.contains("opensesame"), "the room was told the key: {said}");
    Ok(())
}
