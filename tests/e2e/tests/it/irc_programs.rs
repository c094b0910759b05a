//! Program to program: CTCP, and being away.

use anyhow::{Result, ensure};
use bridge_testkit::peers::InspIrcd;
use e2e::Setup;
use e2e::chat::UNPACED;
use e2e::matrix::user;

use crate::support::modern::{Modern, NETWORK};

#[tokio::test]
async fn ctcp_requests_are_answered_as_configured() -> Result<()> {
    let section = format!("{UNPACED}\nctcp_version = \"story 1.0\"");
    let Modern { mut bob, story: _story, program: _program, irc: _irc } =
        Modern::begin_with(InspIrcd::start()?, &section, Setup::new()).await?;
    bob.say("alice", "\u{1}VERSION\u{1}").await?;
    let is_answer = |text: &str, to: &str| text.starts_with(&format!("\u{1}{to} "));
    let version = bob
        .expect("an answer to VERSION", |line| {
            line.command == "NOTICE" && is_answer(line.text(), "VERSION")
        })
        .await?;
    ensure!(version.text() == "\u{1}VERSION story 1.0\u{1}", "it says {}", version.text());
    ensure!(version.nick() == "alice", "said by {}", version.source);
    bob.say("alice", "\u{1}PING 4711\u{1}").await?;
    bob.expect("an answer to PING", |line| {
        line.command == "NOTICE" && line.text() == "\u{1}PING 4711\u{1}"
    })
    .await?;
    // Not without end: a flood of requests gets a few answers.
    for _ in 0..20 {
        bob.say("alice", "\u{1}TIME\u{1}").await?;
    }
    bob.say("alice", "still there?").await?;
    let heard = bob.heard();
    let answers = heard
        .iter()
        .filter(|one| is_answer(one.line.text(), "TIME") && one.line.command == "NOTICE");
    ensure!(answers.count() <= 4, "every request of a flood was answered");
    Ok(())
}

#[tokio::test]
async fn who_is_away_is_told_in_the_conversation() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    bob.say("alice", "back later").await?;
    let room = story.alice.expect_portal(NETWORK, "bob").await?;
    bob.command("AWAY :gone fishing").await?;
    bob.expect("to be away", |line| line.command == "306").await?;
    story.alice.send(&room, "are you there?").await?;
    bob.expect_message("bob", "are you there?").await?;
    story.alice.expect_message(&room, &user("rialtobot"), "bob is away: gone fishing").await?;
    Ok(())
}
