//! Who is shown in a room: everybody or whoever talks, and what a netsplit does to them.

use anyhow::{Result, ensure};
use bridge_testkit::peers::{InspIrcd, RawIrc};
use e2e::chat::UNPACED;
use e2e::{IrcStory, MatrixClient, Setup};

use crate::support::modern::{CHANNEL, Modern};

fn membership(client: &MatrixClient, room: &str, mxid: &str) -> Option<String> {
    let room = client.rooms().get(room)?;
    room.state("m.room.member", mxid)?["membership"].as_str().map(str::to_owned)
}

async fn expect_membership(story: &mut IrcStory, nick: &str, wanted: &str) -> Result<()> {
    let (room, mxid) = (story.room.clone(), story.ghost(nick));
    story
        .alice
        .wait(&format!("{nick} to be `{wanted}`"), |client| {
            (membership(client, &room, &mxid).as_deref() == Some(wanted)).then_some(())
        })
        .await
}

/// Says something and waits until it is on Matrix: whatever was before it has been dealt with.
async fn settle(story: &mut IrcStory, speaker: &RawIrc, text: &str) -> Result<()> {
    speaker.say(CHANNEL, text).await?;
    let (room, ghost) = (story.room.clone(), story.ghost(speaker.nick()));
    story.alice.expect_message(&room, &ghost, text).await.map(drop)
}

fn member(story: &IrcStory, nick: &str) -> Option<String> {
    membership(&story.alice, &story.room, &story.ghost(nick))
}

async fn begin(members: &str) -> Result<(Modern, RawIrc)> {
    let irc = InspIrcd::start()?;
    let mut carol = irc.observer("carol").await?;
    carol.join(CHANNEL).await?;
    let section = format!("{UNPACED}\nmembers = \"{members}\"");
    Ok((Modern::begin_with(irc, &section, Setup::new()).await?, carol))
}

#[tokio::test]
async fn with_lazy_members_people_come_when_they_talk_and_go_when_they_leave() -> Result<()> {
    let (modern, carol) = begin("lazy").await?;
    let Modern { bob, mut story, program: _program, irc } = modern;
    let mut dave = irc.observer("dave").await?;
    dave.join(CHANNEL).await?;
    settle(&mut story, &bob, "hello").await?;
    ensure!(member(&story, "carol").is_none(), "carol has said nothing");
    ensure!(member(&story, "dave").is_none(), "dave has said nothing");
    expect_membership(&mut story, "bob", "join").await?;
    settle(&mut story, &carol, "hello too").await?;
    carol.command(&format!("PART {CHANNEL}")).await?;
    expect_membership(&mut story, "carol", "leave").await
}

#[tokio::test]
async fn with_half_members_people_come_when_they_join() -> Result<()> {
    let (modern, _carol) = begin("half").await?;
    let Modern { bob, mut story, program: _program, irc } = modern;
    let mut dave = irc.observer("dave").await?;
    dave.join(CHANNEL).await?;
    expect_membership(&mut story, "dave", "join").await?;
    settle(&mut story, &bob, "hello").await?;
    ensure!(member(&story, "carol").is_none(), "carol was there before and has said nothing");
    Ok(())
}

#[tokio::test]
async fn with_members_off_nobody_leaves() -> Result<()> {
    let (modern, carol) = begin("off").await?;
    let Modern { bob, mut story, program: _program, irc: _irc } = modern;
    settle(&mut story, &carol, "hello").await?;
    carol.command(&format!("PART {CHANNEL}")).await?;
    settle(&mut story, &bob, "she is gone").await?;
    ensure!(member(&story, "carol").as_deref() == Some("join"), "{:?}", member(&story, "carol"));
    Ok(())
}

#[tokio::test]
async fn people_of_a_netsplit_who_come_back_never_left() -> Result<()> {
    let irc = InspIrcd::builder().bare_quits().start()?;
    let mut carol = irc.observer("carol").await?;
    carol.join(CHANNEL).await?;
    let section = format!("{UNPACED}\nnetsplit_hold_seconds = 4");
    let Modern { bob, mut story, program: _program, irc } =
        Modern::begin_with(irc, &section, Setup::new()).await?;
    let mut dave = irc.observer("dave").await?;
    dave.join(CHANNEL).await?;
    expect_membership(&mut story, "carol", "join").await?;
    expect_membership(&mut story, "dave", "join").await?;

    carol.command("QUIT :one.story.test two.story.test").await?;
    dave.command("QUIT :one.story.test two.story.test").await?;
    carol.wait("the end", |heard| heard.iter().any(|one| one.line.command == "ERROR")).await?;
    let mut carol = irc.observer("carol").await?;
    carol.join(CHANNEL).await?;
    settle(&mut story, &carol, "that was short").await?;

    // Dave stays away: he is gone after the time, and the room is told why.
    expect_membership(&mut story, "dave", "leave").await?;
    settle(&mut story, &bob, "poor dave").await?;
    let room = story.alice.room(&story.room);
    let said = room.bodies_of(&e2e::matrix::user("rialtobot"));
    let told =
        |text: &String| text.contains("split") && text.contains("dave") && !text.contains("carol");
    ensure!(said.iter().any(told), "the bot said {said:?}");
    let ghost = story.ghost("carol");
    let left = room.timeline.iter().any(|event| {
        event["type"] == "m.room.member"
            && event["state_key"] == ghost.as_str()
            && event["content"]["membership"] == "leave"
    });
    ensure!(!left, "carol was shown as gone");
    Ok(())
}

#[tokio::test]
async fn lines_in_a_row_can_be_one_message() -> Result<()> {
    let section = format!("{UNPACED}\nmerge_lines_ms = 800");
    let Modern { bob, mut story, program: _program, irc: _irc } =
        Modern::begin_with(InspIrcd::start()?, &section, Setup::new()).await?;
    for line in ["one", "two", "three"] {
        bob.say(CHANNEL, line).await?;
    }
    let (room, ghost) = (story.room.clone(), story.ghost("bob"));
    story.alice.expect_message(&room, &ghost, "one\ntwo\nthree").await.map(drop)
}
