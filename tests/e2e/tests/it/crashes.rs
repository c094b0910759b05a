//! Crashes beyond the first: PostgreSQL, more seeds, and the middle of a split text.

use anyhow::{Context, Result, ensure};
use bridge_testkit::peers::{InspIrcd, PostgresServer};
use e2e::chat::is_success;
use e2e::{Setup, journal};

use crate::support::crash::{ensure_sender_is_told, kill_9_loses_and_doubles_nothing};
use crate::support::modern::{CHANNEL, Modern};

#[tokio::test]
async fn kill_9_loses_and_doubles_nothing_on_postgresql() -> Result<()> {
    let postgres = PostgresServer::start()?;
    let url = postgres.create_database("story")?;
    kill_9_loses_and_doubles_nothing(Setup::new().database(&url), 2).await
}

#[tokio::test]
async fn kill_9_at_other_moments_loses_and_doubles_nothing() -> Result<()> {
    kill_9_loses_and_doubles_nothing(Setup::new(), 20_261_121).await
}

/// A pace that leaves time between two lines of one text.
const SLOW: &str = "tls = false\npacing = { burst = 1, interval_ms = 400 }";

#[tokio::test]
async fn a_split_text_resumes_at_its_fifth_line() -> Result<()> {
    let irc = InspIrcd::start()?;
    let Modern { bob, mut story, mut program, irc: _irc } =
        Modern::begin_with(irc, SLOW, Setup::new()).await?;
    let text = numbered_words(3_000);
    let event_id = story.alice.send(&story.room, &text).await?;

    bob.wait("the fourth line", |heard| {
        heard.iter().filter(|one| one.line.is_message_to(CHANNEL)).count() >= 4
    })
    .await?;
    program.kill_9()?;
    let before = bob.texts_to(CHANNEL).len();
    ensure!(before == 4, "the kill came after line {before}");
    program.up().await?;

    let last_word = text.rsplit(' ').next().context("an empty text")?.to_owned();
    bob.wait("the last line", |heard| {
        let mut lines = heard.iter().filter(|one| one.line.is_message_to(CHANNEL));
        lines.any(|one| one.line.text().ends_with(&last_word))
    })
    .await?;
    let lines = bob.texts_to(CHANNEL);
    ensure!(lines.len() >= 7, "a text of 3,000 bytes in {} lines", lines.len());
    // Whole again, and no line twice: the words are numbered.
    let words: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
    let expected: Vec<&str> = text.split(' ').collect();
    ensure!(words == expected, "the text came as {lines:#?}");

    // Line 4 may be in doubt: its echo can have died with the program. Then the sender is told.
    let fate = story.alice.expect_fate(&story.room, &event_id).await?;
    if !is_success(&fate) {
        ensure!(fate["com.rialto.outcome"] == "unknown", "the text ended as {fate}");
        ensure_sender_is_told(&mut story.alice, &story.room, &event_id).await?;
    }
    journal::expect_all_accounted_for(&program).await?;
    program.stop()
}

fn numbered_words(length: usize) -> String {
    let mut text = String::new();
    let mut number = 0;
    while text.len() < length {
        number += 1;
        text += &format!("w{number:04} ");
    }
    text.trim_end().to_owned()
}

#[tokio::test]
async fn a_message_sent_just_before_a_kill_is_on_irc_after_it() -> Result<()> {
    let Modern { mut bob, mut story, mut program, irc: _irc } = Modern::begin().await?;
    let event_id = story.alice.send(&story.room, "before the storm").await?;
    program.kill_9()?;
    program.up().await?;
    let fate = story.alice.expect_fate(&story.room, &event_id).await?;
    if is_success(&fate) {
        bob.expect_message(CHANNEL, "before the storm").await?;
    } else {
        ensure!(fate["com.rialto.outcome"] == "unknown", "it ended as {fate}");
    }
    bob.barrier().await?;
    let times = bob.texts_to(CHANNEL).iter().filter(|text| *text == "before the storm").count();
    ensure!(times <= 1, "it is on IRC {times} times");
    Ok(())
}

#[tokio::test]
async fn postgresql_may_restart_while_messages_flow() -> Result<()> {
    let mut postgres = PostgresServer::start()?;
    let url = postgres.create_database("story")?;
    let setup = Setup::new().database(&url);
    let irc = InspIrcd::start()?;
    let Modern { mut bob, mut story, program, irc: _irc } =
        Modern::begin_with(irc, e2e::chat::UNPACED, setup).await?;
    for number in 1..=10 {
        bob.say(CHANNEL, &format!("irc {number}")).await?;
    }
    bob.barrier().await?;
    postgres.kill()?;
    for number in 11..=20 {
        bob.say(CHANNEL, &format!("irc {number}")).await?;
    }
    bob.barrier().await?;
    postgres.resume()?;
    let ghost = story.ghost("bob");
    story.alice.expect_message(&story.room, &ghost, "irc 20").await?;
    let bodies = story.alice.room(&story.room).bodies_of(&ghost);
    let expected: Vec<String> = (1..=20).map(|number| format!("irc {number}")).collect();
    ensure!(bodies == expected, "on Matrix: {bodies:?}");
    drop(program);
    Ok(())
}
