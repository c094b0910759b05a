//! Long texts: many lines on IRC, one text to the reader.

use anyhow::{Result, ensure};
use bridge_testkit::peers::{InspIrcd, RawIrc};
use e2e::Setup;
use e2e::chat::{UNPACED, is_success};
use e2e::matrix::DEADLINE;

use crate::support::modern::{CHANNEL, Modern};

/// A text without spaces in which every byte offset modulo 4 meets a character of every width, so that each split point
/// falls beside or inside something non-ASCII.
fn unbroken_text(characters: usize) -> String {
    let alphabet = ['ä', '漢', '🦀', 'x', 'é', '字', '🎉', 'ß', 'ع', '€'];
    (0..characters).map(|at| alphabet[(at * 7 + at / 3) % alphabet.len()]).collect()
}

/// Waits until the lines said by Alice, joined as `join` does, are the text.
async fn expect_whole(bob: &mut RawIrc, text: &str, glue: &str) -> Result<Vec<String>> {
    let last = text.chars().last();
    bob.wait_within(DEADLINE * 3, "the whole text", |heard| {
        let lines: Vec<&str> = heard
            .iter()
            .filter(|one| one.line.is_message_to(CHANNEL) && one.line.nick() == "alice")
            .map(|one| one.line.text())
            .collect();
        let length: usize = lines.iter().map(|line| line.chars().count()).sum();
        let expected = text.chars().filter(|c| glue.is_empty() || !c.is_whitespace()).count();
        length >= expected && lines.last().and_then(|line| line.chars().last()) == last
    })
    .await?;
    let lines = bob.texts_to(CHANNEL);
    ensure!(lines.join(glue) == text, "{} lines do not make the text: {lines:#?}", lines.len());
    Ok(lines)
}

#[tokio::test]
async fn three_thousand_characters_without_a_space_are_whole_again_on_irc() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    let text = unbroken_text(3_000);
    let (_, fate) = story.say(&text).await?;
    ensure!(is_success(&fate), "the bridge says {fate}");
    let lines = expect_whole(&mut bob, &text, "").await?;
    ensure!(lines.len() >= text.len() / 500, "{} bytes in {} lines", text.len(), lines.len());
    Ok(())
}

#[tokio::test]
async fn three_thousand_characters_of_prose_are_split_between_words() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    let mut text = String::new();
    let words = ["Nachricht", "über", "größere", "Brücken", "日本語", "🦀", "naïveté", "a"];
    for word in words.iter().cycle() {
        if text.chars().count() + word.chars().count() >= 3_000 {
            break;
        }
        text += word;
        text.push(' ');
    }
    let text = text.trim_end().to_owned();
    let (_, fate) = story.say(&text).await?;
    ensure!(is_success(&fate), "the bridge says {fate}");
    // A space at a split point is the line break now; it may stand at a line's end as well.
    let last = text.rsplit(' ').next().unwrap_or_default().to_owned();
    bob.wait("the last word", |heard| {
        let mut lines = heard.iter().rev().filter(|one| one.line.is_message_to(CHANNEL));
        lines.next().is_some_and(|one| one.line.text().trim_end().ends_with(&last))
    })
    .await?;
    bob.barrier().await?;
    let lines = bob.texts_to(CHANNEL);
    let heard: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
    let said: Vec<&str> = text.split_whitespace().collect();
    ensure!(heard == said, "words differ: {lines:#?}");
    Ok(())
}

#[tokio::test]
async fn lines_of_a_text_stay_lines() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    let (_, fate) = story.say("first\nsecond\n\nfourth").await?;
    ensure!(is_success(&fate), "the bridge says {fate}");
    bob.expect_message(CHANNEL, "first").await?;
    bob.expect_message(CHANNEL, "second").await?;
    bob.expect_message(CHANNEL, "fourth").await?;
    Ok(())
}

#[tokio::test]
async fn a_long_text_passes_inspircds_default_flood_protection() -> Result<()> {
    // With the pacing that networks get by default: the server would throw off whoever talks faster.
    let irc = InspIrcd::builder().flood_protection().start()?;
    let Modern { mut bob, mut story, program: _program, irc: _irc } =
        Modern::begin_with(irc, "tls = false", Setup::new()).await?;
    let text = unbroken_text(1_500);
    let event_id = story.alice.send(&story.room, &text).await?;
    expect_whole(&mut bob, &text, "").await?;
    let fate = story.alice.expect_fate(&story.room, &event_id).await?;
    ensure!(is_success(&fate), "the bridge says {fate}");
    let heard = bob.heard();
    let quits = heard.iter().filter(|one| one.line.command == "QUIT").count();
    ensure!(quits == 0, "Alice was thrown off");
    Ok(())
}

#[tokio::test]
async fn a_burst_under_flood_protection_arrives_whole_at_the_network_s_pace() -> Result<()> {
    let irc = InspIrcd::builder().flood_protection().start()?;
    let faster = "tls = false\npacing = { burst = 4, interval_ms = 1000 }";
    let Modern { bob, mut story, program: _program, irc: _irc } =
        Modern::begin_with(irc, faster, Setup::new()).await?;
    for number in 1..=20 {
        story.alice.send(&story.room, &format!("mx {number}")).await?;
    }
    bob.wait("mx 20", |heard| heard.iter().any(|one| one.line.text() == "mx 20")).await?;
    let expected: Vec<String> = (1..=20).map(|number| format!("mx {number}")).collect();
    let lines = bob.texts_to(CHANNEL);
    ensure!(lines == expected, "on IRC: {lines:?}");
    Ok(())
}

#[tokio::test]
async fn a_thousand_lines_from_irc_arrive_whole() -> Result<()> {
    let Modern { bob, mut story, program, irc: _irc } =
        Modern::begin_with(InspIrcd::start()?, UNPACED, Setup::new()).await?;
    for number in 1..=1_000 {
        bob.say(CHANNEL, &format!("irc {number}")).await?;
    }
    let (room, ghost) = (story.room.clone(), story.ghost("bob"));
    story.alice.expect_message(&room, &ghost, "irc 1000").await?;
    let bodies = story.alice.room(&room).bodies_of(&ghost);
    let expected: Vec<String> = (1..=1_000).map(|number| format!("irc {number}")).collect();
    ensure!(bodies == expected, "{} of 1000 on Matrix, or out of order", bodies.len());
    e2e::journal::expect_all_settled(&program).await?;
    Ok(())
}
