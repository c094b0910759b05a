//! Ranks in a channel and power levels in its room, both ways.

use anyhow::{Result, ensure};
use e2e::matrix::{escape, user};
use e2e::{IrcStory, MatrixClient};
use reqwest::Method;
use serde_json::Value;

use crate::support::modern::{CHANNEL, Modern};

fn level(client: &MatrixClient, room: &str, mxid: &str) -> i64 {
    let levels = client.rooms().get(room).and_then(|room| room.state("m.room.power_levels", ""));
    levels.and_then(|levels| levels["users"][mxid].as_i64()).unwrap_or(0)
}

async fn expect_level(story: &mut IrcStory, mxid: &str, wanted: i64) -> Result<()> {
    let room = story.room.clone();
    story
        .alice
        .wait(&format!("{mxid} to have level {wanted}"), |client| {
            (level(client, &room, mxid) == wanted).then_some(())
        })
        .await
}

/// Sets somebody's level as a client does; returns the event's id.
async fn set_level(story: &mut IrcStory, mxid: &str, level: i64) -> Result<String> {
    let path =
        format!("/_matrix/client/v3/rooms/{}/state/m.room.power_levels", escape(&story.room));
    let mut levels = story.alice.call(Method::GET, &path, None).await?;
    levels["users"][mxid] = level.into();
    let answer: Value = story.alice.call(Method::PUT, &path, Some(levels)).await?;
    Ok(answer["event_id"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn ranks_become_levels_and_levels_become_ranks() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc } = Modern::begin().await?;
    let mut carol = irc.observer("carol").await?;
    carol.join(CHANNEL).await?;
    let (bobs, carols) = (story.ghost("bob"), story.ghost("carol"));
    // Bob was the first in the channel.
    expect_level(&mut story, &bobs, 50).await?;

    bob.command(&format!("MODE {CHANNEL} +v carol")).await?;
    expect_level(&mut story, &carols, 1).await?;
    bob.command(&format!("MODE {CHANNEL} +o alice")).await?;
    expect_level(&mut story, &user("alice"), 50).await?;

    // Now Alice may, and does.
    story
        .alice
        .wait("carol to be in the room", |client| {
            let room = client.rooms().get(&story.room)?;
            (room.state("m.room.member", &carols)?["membership"] == "join").then_some(())
        })
        .await?;
    let is_mode = |modes: &'static str| {
        move |line: &bridge_testkit::peers::Line| {
            line.command == "MODE" && line.nick() == "alice" && line.param(1) == modes
        }
    };
    set_level(&mut story, &carols, 0).await?;
    let line = bob.expect("carol to lose her voice", is_mode("-v")).await?;
    ensure!(line.param(2) == "carol", "{line:?}");
    Ok(())
}
