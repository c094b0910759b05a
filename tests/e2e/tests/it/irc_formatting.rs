//! What a text looks like on the other side: codes of IRC and HTML of Matrix, on a modern and on a plain server.

use anyhow::{Result, ensure};
use bridge_testkit::peers::{NgIrcd, RawIrc};
use e2e::chat::{UNPACED, irc_network};
use e2e::matrix::user;
use e2e::{IrcStory, Setup};
use serde_json::json;

use crate::support::modern::{CHANNEL, Modern};

const FOX: &str = "the \u{2}bold\u{2} \u{1d}slanted\u{1d} \u{3}04,01red\u{3} \u{11}fox\u{f} &c";

#[tokio::test]
async fn formatting_crosses_both_ways_on_a_modern_server() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    formatting_crosses(&mut story, &mut bob).await
}

#[tokio::test]
async fn formatting_crosses_both_ways_on_a_legacy_server() -> Result<()> {
    let irc = NgIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    bob.join(CHANNEL).await?;
    let network = irc_network("legacy", &irc.address(), UNPACED);
    let program = Setup::new().section(&network).start().await?;
    let mut story = IrcStory::begin(&program, "legacy", CHANNEL, &mut bob).await?;
    formatting_crosses(&mut story, &mut bob).await
}

async fn formatting_crosses(story: &mut IrcStory, bob: &mut RawIrc) -> Result<()> {
    bob.say(CHANNEL, FOX).await?;
    let (room, ghost) = (story.room.clone(), story.ghost("bob"));
    let event = story.alice.expect_message(&room, &ghost, "the bold slanted red fox &c").await?;
    let html = event["content"]["formatted_body"].as_str().unwrap_or_default();
    for piece in
        ["<b>bold</b>", "<i>slanted</i>", "data-mx-color=\"#ff0000\"", "<code>fox</code>", "&amp;c"]
    {
        ensure!(html.contains(piece), "no {piece} in {html}");
    }

    let html = "<p>a <strong>b</strong> <a href=\"https://x.test/\">link</a></p><ul><li>one</li><li>two</li></ul><span data-mx-spoiler>butler</span>";
    let content = json!({
        "msgtype": "m.text", "body": "a b link", "format": "org.matrix.custom.html", "formatted_body": html,
    });
    story.alice.send_content(&room, content).await?;
    for line in [
        "a \u{2}b\u{f} link (https://x.test/)",
        "\u{2022} one",
        "\u{2022} two",
        "\u{3}01,01butler\u{f}",
    ] {
        bob.expect_message(CHANNEL, line).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_long_bold_text_is_bold_on_every_line() -> Result<()> {
    let Modern { bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    let words = "words that go on and on ".repeat(60);
    let content = json!({
        "msgtype": "m.text", "body": words, "format": "org.matrix.custom.html",
        "formatted_body": format!("<b>{words}</b>the end"),
    });
    let room = story.room.clone();
    story.alice.send_content(&room, content).await?;
    let ends = |heard: &str| heard.ends_with("\u{f}the end");
    bob.wait("the last line", |heard| heard.iter().any(|one| ends(one.line.text()))).await?;
    let lines = bob.texts_to(CHANNEL);
    ensure!(lines.len() > 3, "only {lines:?}");
    ensure!(lines.iter().all(|line| line.starts_with('\u{2}')), "not bold: {lines:?}");
    Ok(())
}
#[tokio::test]
async fn somebody_called_by_nick_is_mentioned_and_a_mention_is_a_nick() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    bob.say(CHANNEL, "alice: look at this").await?;
    let (room, ghost) = (story.room.clone(), story.ghost("bob"));
    let event = story.alice.expect_message(&room, &ghost, "alice: look at this").await?;
    let mentioned = &event["content"]["m.mentions"]["user_ids"];
    ensure!(mentioned == &json!([user("alice")]), "mentioned: {}", event["content"]);

    let html = format!("<a href=\"https://matrix.to/#/{ghost}\">Robert</a>: seen");
    let content = json!({
        "msgtype": "m.text", "body": "Robert: seen", "format": "org.matrix.custom.html",
        "formatted_body": html, "m.mentions": { "user_ids": [ghost] },
    });
    story.alice.send_content(&room, content).await?;
    bob.expect_message(CHANNEL, "bob: seen").await?;
    Ok(())
}
