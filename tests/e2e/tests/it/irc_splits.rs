//! A netsplit between two real servers: who comes back in time never left.

use anyhow::{Result, ensure};
use bridge_testkit::peers::{InspIrcd, RawIrc};
use e2e::chat::UNPACED;
use e2e::matrix::user;
use e2e::{IrcStory, MatrixClient, Setup};

use crate::support::modern::{CHANNEL, Modern};

/// Waits until the servers see each other's people.
async fn linked(witness: &mut RawIrc, other: &str) -> Result<()> {
    e2e::chat::wait_for_nick(witness, other).await
}

fn memberships(client: &MatrixClient, room: &str, mxid: &str) -> Vec<String> {
    let room = client.room(room);
    let events = room.timeline.iter().filter(|event| {
        event["type"] == "m.room.member" && event["state_key"].as_str() == Some(mxid)
    });
    events.filter_map(|event| event["content"]["membership"].as_str().map(str::to_owned)).collect()
}

async fn expect_last(story: &mut IrcStory, nick: &str, wanted: &str) -> Result<()> {
    let (room, mxid) = (story.room.clone(), story.ghost(nick));
    story
        .alice
        .wait(&format!("{nick} to be `{wanted}`"), |client| {
            let last = memberships(client, &room, &mxid).pop()?;
            (last == wanted).then_some(())
        })
        .await
}

#[tokio::test]
async fn who_comes_back_after_a_split_of_two_servers_never_left() -> Result<()> {
    let hub = InspIrcd::builder().hub().start()?;
    let mut leaf = InspIrcd::builder().leaf_of(&hub).start()?;
    let section = format!("{UNPACED}\nnetsplit_hold_seconds = 15");
    let Modern { mut bob, mut story, program: _program, irc: _hub } =
        Modern::begin_with(hub, &section, Setup::new()).await?;
    let mut carol = leaf.observer("carol").await?;
    let mut dave = leaf.observer("dave").await?;
    linked(&mut bob, "carol").await?;
    linked(&mut bob, "dave").await?;
    for person in [&mut carol, &mut dave] {
        person.join(CHANNEL).await?;
    }
    for nick in ["carol", "dave"] {
        expect_last(&mut story, nick, "join").await?;
    }

    leaf.kill()?;
    let quit = bob.expect("a netsplit", |line| line.command == "QUIT").await?;
    ensure!(quit.text().contains("leaf.story.test"), "it is told as {}", quit.text());
    leaf.resume()?;
    let mut carol = leaf.observer("carol").await?;
    linked(&mut bob, "carol").await?;
    carol.join(CHANNEL).await?;
    let (room, carols) = (story.room.clone(), story.ghost("carol"));
    bob.expect("carol to be back", |line| line.command == "JOIN" && line.nick() == "carol").await?;
    carol.say(CHANNEL, "where was I?").await?;
    story.alice.expect_message(&room, &carols, "where was I?").await?;

    // Dave stays away: he is gone after the time, and the room is told why, once.
    expect_last(&mut story, "dave", "leave").await?;
    carol.say(CHANNEL, "poor dave").await?;
    story.alice.expect_message(&room, &carols, "poor dave").await?;
    let seen = memberships(&story.alice, &room, &carols);
    ensure!(!seen.iter().any(|one| one == "leave"), "carol was shown as {seen:?}");
    let said = story.alice.room(&room).bodies_of(&user("rialtobot"));
    let told: Vec<_> = said.iter().filter(|text| text.contains("split")).collect();
    ensure!(told.len() == 1 && told[0].contains("dave"), "the bot said {said:?}");
    Ok(())
}
