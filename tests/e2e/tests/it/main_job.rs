//! Rialto's main job: before anything else is worth a look, these have to be true.

use anyhow::{Result, ensure};
use bridge_testkit::peers::NgIrcd;
use e2e::chat::{UNPACED, irc_network, is_success};
use e2e::{IrcStory, NioClient, Setup};

use crate::support::crash::kill_9_loses_and_doubles_nothing;
use crate::support::demo::Demo;
use crate::support::modern::{CHANNEL, Modern};

#[tokio::test]
async fn demo_goes_from_nothing_to_messages_crossing_both_ways() -> Result<()> {
    let mut demo = Demo::start()?;
    let url = demo.value_of("url").await?;
    let user = demo.value_of("user").await?;
    let password = demo.value_of("password").await?;
    ensure!(url.starts_with("http://127.0.0.1:"), "{url} is not a local address");

    // Something crosses both ways before anybody does anything.
    demo.expect_line("→", |line| line.contains('→')).await?;
    demo.expect_line("←", |line| line.contains('←')).await?;

    // And a newcomer's own message crosses as well, from a client of their choice.
    let mut client = NioClient::log_in_at(&url, &user, &password).await?;
    let (room, _) = client
        .expect_event("a portal of the demo network", |_, event| {
            event["type"] == "m.bridge" && event["content"]["protocol"]["id"] == "demo"
        })
        .await?;
    client.send(&room, "is anybody there? ünïcode").await?;
    demo.expect_line("→ … is anybody there?", |line| {
        line.contains('→') && line.contains("is anybody there? ünïcode")
    })
    .await?;
    ensure!(demo.stop().await? == Some(0), "a polite end is an end with 0");
    Ok(())
}

#[tokio::test]
async fn a_line_crosses_each_way_on_a_modern_server() -> Result<()> {
    let Modern { mut bob, mut story, program, irc: _irc } = Modern::begin().await?;
    bob.say(CHANNEL, "hello, Matrix").await?;
    let room = story.room.clone();
    let event = story.alice.expect_message(&room, &story.ghost("bob"), "hello, Matrix").await?;
    let remote = &event["content"]["com.rialto.remote"];
    ensure!(remote["network"] == "story" && remote["id"].is_string(), "no remote id: {event}");

    let (_, fate) = story.say("hello, IRC").await?;
    ensure!(is_success(&fate), "the bridge says {fate}");
    let line = bob.expect_message(CHANNEL, "hello, IRC").await?;
    ensure!(line.nick() == "alice", "said by {}", line.source);
    e2e::journal::expect_all_settled(&program).await?;
    Ok(())
}

#[tokio::test]
async fn a_line_crosses_each_way_on_a_legacy_server() -> Result<()> {
    let irc = NgIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    bob.join(CHANNEL).await?;
    let network = irc_network("legacy", &irc.address(), UNPACED);
    let program = Setup::new().section(&network).start().await?;
    let mut story = IrcStory::begin(&program, "legacy", CHANNEL, &mut bob).await?;

    bob.say(CHANNEL, "hello, Matrix").await?;
    let room = story.room.clone();
    story.alice.expect_message(&room, &story.ghost("bob"), "hello, Matrix").await?;
    let (_, fate) = story.say("hello, IRC").await?;
    ensure!(is_success(&fate), "the bridge says {fate}");
    bob.expect_message(CHANNEL, "hello, IRC").await?;
    e2e::journal::expect_all_settled(&program).await?;
    Ok(())
}

#[tokio::test]
async fn kill_9_loses_and_doubles_nothing_on_sqlite() -> Result<()> {
    kill_9_loses_and_doubles_nothing(Setup::new(), 1).await
}
