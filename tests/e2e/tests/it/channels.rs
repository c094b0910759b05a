//! Life in a channel: what people do there is seen on the other side.

use anyhow::{Result, ensure};
use bridge_testkit::peers::InspIrcd;
use e2e::chat::{UNPACED, irc_network, is_success};
use e2e::{IrcStory, Setup};
use serde_json::json;

use crate::support::modern::{CHANNEL, Modern, NETWORK};

#[tokio::test]
async fn a_portal_says_what_it_is_a_portal_of() -> Result<()> {
    let Modern { story, .. } = Modern::begin().await?;
    let room = story.alice.room(&story.room);
    let bridges: Vec<_> =
        room.state.iter().filter(|((event_type, _), _)| event_type == "m.bridge").collect();
    ensure!(bridges.len() == 1, "m.bridge events: {bridges:?}");
    let content = bridges[0].1;
    ensure!(content["protocol"]["id"] == "irc", "{content}");
    ensure!(content["network"]["id"] == NETWORK, "{content}");
    ensure!(content["channel"]["id"] == CHANNEL, "{content}");
    ensure!(content["bridgebot"] == "@rialtobot:story.test", "{content}");
    let name = room.state("m.room.name", "").cloned().unwrap_or_default();
    ensure!(name["name"] == CHANNEL, "the room is called {name}");
    let create = room.state("m.room.create", "").cloned().unwrap_or_default();
    ensure!(create["m.federate"] == false, "federation is on: {create}");
    Ok(())
}

#[tokio::test]
async fn emotes_and_notices_stay_what_they_are() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    let (room, ghost) = (story.room.clone(), story.ghost("bob"));
    bob.say(CHANNEL, "\u{1}ACTION waves\u{1}").await?;
    let event = story.alice.expect_message(&room, &ghost, "waves").await?;
    ensure!(event["content"]["msgtype"] == "m.emote", "{event}");
    bob.command(&format!("NOTICE {CHANNEL} :take note")).await?;
    let event = story.alice.expect_message(&room, &ghost, "take note").await?;
    ensure!(event["content"]["msgtype"] == "m.notice", "{event}");

    let emote = json!({ "msgtype": "m.emote", "body": "waves back" });
    story.alice.send_content(&room, emote).await?;
    bob.expect_message(CHANNEL, "\u{1}ACTION waves back\u{1}").await?;
    let notice = json!({ "msgtype": "m.notice", "body": "noted" });
    story.alice.send_content(&room, notice).await?;
    bob.expect("a notice", |line| line.command == "NOTICE" && line.text() == "noted").await?;
    Ok(())
}

#[tokio::test]
async fn the_topic_follows() -> Result<()> {
    let Modern { bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    // Bob came first: he is the operator and may change it.
    bob.command(&format!("TOPIC {CHANNEL} :news of the Rialto – ünïcode")).await?;
    let room = story.room.clone();
    story
        .alice
        .wait("the topic", |client| {
            let topic = client.rooms().get(&room)?.state("m.room.topic", "")?;
            (topic["topic"] == "news of the Rialto – ünïcode").then_some(())
        })
        .await
}

#[tokio::test]
async fn people_come_and_go() -> Result<()> {
    let Modern { story, irc, bob: _bob, program: _program } = Modern::begin().await?;
    let IrcStory { mut alice, room, .. } = story;
    let carol_id = e2e::chat::ghost(NETWORK, "carol");
    let membership = |client: &e2e::MatrixClient, wanted: &str| {
        let member = client.rooms().get(&room)?.state("m.room.member", &carol_id)?;
        (member["membership"] == wanted).then_some(())
    };
    let mut carol = irc.observer("carol").await?;
    carol.join(CHANNEL).await?;
    alice.wait("Carol to come", |client| membership(client, "join")).await?;
    carol.command(&format!("PART {CHANNEL} :lunch")).await?;
    alice.wait("Carol to leave", |client| membership(client, "leave")).await?;
    carol.join(CHANNEL).await?;
    alice.wait("Carol to come again", |client| membership(client, "join")).await?;
    carol.command("QUIT :good night").await?;
    alice.wait("Carol to be gone", |client| membership(client, "leave")).await
}

#[tokio::test]
async fn a_nick_change_is_one_person_still() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    bob.command("NICK robert").await?;
    bob.expect("the new nick", |line| line.command == "NICK").await?;
    bob.say(CHANNEL, "call me Robert").await?;
    let room = story.room.clone();
    let event = story
        .alice
        .wait("Robert's message", |client| {
            let timeline = &client.rooms().get(&room)?.timeline;
            timeline.iter().find(|one| one["content"]["body"] == "call me Robert").cloned()
        })
        .await?;
    let sender = event["sender"].as_str().unwrap_or_default().to_owned();
    // Whoever the ghost is, people read the new nick, and nobody called Bob is left behind.
    story
        .alice
        .wait("the new name", |client| {
            let member = client.rooms().get(&room)?.state("m.room.member", &sender)?;
            let named = member["displayname"].as_str()?.contains("robert");
            (named && member["membership"] == "join").then_some(())
        })
        .await?;
    let old = story.ghost("bob");
    if old != sender {
        story
            .alice
            .wait("Bob to be gone", |client| {
                let member = client.rooms().get(&room)?.state("m.room.member", &old)?;
                (member["membership"] == "leave").then_some(())
            })
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_kick_is_told_with_its_reason() -> Result<()> {
    let Modern { bob, mut story, irc, program: _program } = Modern::begin().await?;
    let mut carol = irc.observer("carol").await?;
    carol.join(CHANNEL).await?;
    let room = story.room.clone();
    let carol_id = story.ghost("carol");
    story
        .alice
        .wait("Carol to come", |client| {
            client.rooms().get(&room)?.state("m.room.member", &carol_id).map(drop)
        })
        .await?;
    bob.command(&format!("KICK {CHANNEL} carol :mind your manners")).await?;
    story
        .alice
        .wait("Carol to be gone, with the reason", |client| {
            let timeline = &client.rooms().get(&room)?.timeline;
            timeline
                .iter()
                .any(|event| {
                    event["state_key"] == carol_id
                        && event["content"]["membership"] == "leave"
                        && event["content"].to_string().contains("mind your manners")
                })
                .then_some(())
        })
        .await
}

#[tokio::test]
async fn being_kicked_oneself_is_said_in_words() -> Result<()> {
    let Modern { bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    bob.command(&format!("KICK {CHANNEL} alice :and stay out")).await?;
    let room = story.room.clone();
    let told = |client: &e2e::MatrixClient| {
        let rooms = client.rooms();
        let events = [&room, &story.bot.room].into_iter().filter_map(|id| rooms.get(id));
        let mut events = events.flat_map(|room| &room.timeline);
        events.any(|event| event["content"].to_string().contains("and stay out")).then_some(())
    };
    story.alice.wait("words about the kick", told).await?;
    // What she says now goes nowhere, and she is told so.
    let event_id = story.alice.send(&room, "can you hear me?").await?;
    let outcome = story
        .alice
        .wait("the fate of her message", |client| {
            let fate = client.fate(&room, &event_id).map(|fate| !is_success(&fate));
            let put_out = !client.rooms().get(&room)?.joined;
            fate.or(put_out.then_some(true))
        })
        .await?;
    ensure!(outcome, "a message into a channel one is not in was called delivered");
    Ok(())
}

#[tokio::test]
async fn two_people_in_one_channel_share_one_portal_and_hear_each_line_once() -> Result<()> {
    let irc = InspIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    bob.join(CHANNEL).await?;
    let network = irc_network(NETWORK, &irc.address(), UNPACED);
    let program = Setup::new().section(&network).start().await?;
    let IrcStory { mut alice, room, .. } =
        IrcStory::begin(&program, NETWORK, CHANNEL, &mut bob).await?;
    let mut dora = program.person("dora").await?;
    let bot = e2e::BotChat::open(&mut dora).await?;
    e2e::chat::log_in_to_irc(&mut dora, &bot, NETWORK, "nick=dora", "dora", &mut bob).await?;
    let same_room = e2e::chat::join_channel(&mut dora, &bot, NETWORK, CHANNEL).await?;
    ensure!(same_room == room, "one channel, two portals: {room} and {same_room}");

    bob.say(CHANNEL, "one").await?;
    bob.say(CHANNEL, "two").await?;
    let ghost = e2e::chat::ghost(NETWORK, "bob");
    alice.expect_message(&room, &ghost, "two").await?;
    let bodies = alice.room(&room).bodies_of(&ghost);
    ensure!(bodies == ["one", "two"], "heard as {bodies:?}");

    // Each speaks with their own voice, and neither comes back as a ghost's copy.
    alice.send(&room, "from alice").await?;
    ensure!(bob.expect_message(CHANNEL, "from alice").await?.nick() == "alice", "wrong voice");
    dora.send(&room, "from dora").await?;
    ensure!(bob.expect_message(CHANNEL, "from dora").await?.nick() == "dora", "wrong voice");
    bob.say(CHANNEL, "three").await?;
    alice.expect_message(&room, &ghost, "three").await?;
    let all: Vec<String> =
        alice.room(&room).messages().iter().map(|(_, body)| (*body).to_owned()).collect();
    for body in ["from alice", "from dora", "three"] {
        let times = all.iter().filter(|one| *one == body).count();
        ensure!(times == 1, "`{body}` is in the room {times} times: {all:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_hundred_lines_each_way_keep_their_order() -> Result<()> {
    let Modern { bob, mut story, program, irc: _irc } = Modern::begin().await?;
    for number in 1..=100 {
        bob.say(CHANNEL, &format!("irc {number}")).await?;
        story.alice.send(&story.room, &format!("mx {number}")).await?;
    }
    let (room, ghost) = (story.room.clone(), story.ghost("bob"));
    story.alice.expect_message(&room, &ghost, "irc 100").await?;
    let bodies = story.alice.room(&room).bodies_of(&ghost);
    let expected: Vec<String> = (1..=100).map(|number| format!("irc {number}")).collect();
    ensure!(bodies == expected, "on Matrix: {bodies:?}");
    bob.wait("mx 100", |heard| heard.iter().any(|one| one.line.text() == "mx 100")).await?;
    let on_irc = bob.texts_to(CHANNEL);
    let on_irc: Vec<&String> = on_irc.iter().filter(|text| text.starts_with("mx ")).collect();
    let expected: Vec<String> = (1..=100).map(|number| format!("mx {number}")).collect();
    ensure!(on_irc == expected.iter().collect::<Vec<_>>(), "on IRC: {on_irc:?}");
    e2e::journal::expect_all_settled(&program).await?;
    Ok(())
}

#[tokio::test]
async fn a_line_crosses_each_way_over_tls() -> Result<()> {
    let irc = InspIrcd::builder().tls().start()?;
    let mut bob = irc.observer("bob").await?;
    bob.join(CHANNEL).await?;
    let section = format!(
        "tls = true\ntls_ca_file = \"{}\"\npacing = {{ burst = 10000, interval_ms = 1 }}",
        irc.certificate().display()
    );
    let network = irc_network(NETWORK, &irc.tls_address(), &section);
    let program = Setup::new().section(&network).start().await?;
    let mut story = IrcStory::begin(&program, NETWORK, CHANNEL, &mut bob).await?;
    bob.say(CHANNEL, "in secret").await?;
    let room = story.room.clone();
    story.alice.expect_message(&room, &story.ghost("bob"), "in secret").await?;
    let (_, fate) = story.say("in secret, too").await?;
    ensure!(is_success(&fate), "the bridge says {fate}");
    bob.expect_message(CHANNEL, "in secret, too").await?;
    Ok(())
}
