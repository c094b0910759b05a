//! What is said about messages: answers, reactions, edits; by tags where the server passes them on, as text where not.

use anyhow::{Context, Result, ensure};
use bridge_testkit::peers::{InspIrcd, NgIrcd, RawIrc};
use e2e::chat::{UNPACED, irc_network};
use e2e::matrix::escape;
use e2e::{IrcStory, MatrixClient, Setup};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::modern::{CHANNEL, Modern};

/// Bob has said something, so that the bridge knows that messages have ids there; returns the event and the id.
async fn hello(story: &mut IrcStory, bob: &mut RawIrc) -> Result<(String, String)> {
    bob.say(CHANNEL, "hello").await?;
    let (room, ghost) = (story.room.clone(), story.ghost("bob"));
    let event = story.alice.expect_message(&room, &ghost, "hello").await?;
    let echo = bob.expect_message(CHANNEL, "hello").await?;
    let msgid = echo.tags.get("msgid").cloned().unwrap_or_default();
    Ok((event["event_id"].as_str().unwrap_or_default().to_owned(), msgid))
}

/// Sends an event of any type and returns its id.
async fn send_event(
    client: &MatrixClient,
    room: &str,
    kind: &str,
    content: Value,
) -> Result<String> {
    let path = format!("/_matrix/client/v3/rooms/{}/send/{kind}/tags-1", escape(room));
    let answer = client.call(Method::PUT, &path, Some(content)).await?;
    answer["event_id"].as_str().map(str::to_owned).context("an event without an id")
}

async fn react(client: &MatrixClient, room: &str, to: &str, key: &str) -> Result<String> {
    let relates = json!({ "rel_type": "m.annotation", "event_id": to, "key": key });
    send_event(client, room, "m.reaction", json!({ "m.relates_to": relates })).await
}

fn answer(to: &str, body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body, "m.relates_to": { "m.in_reply_to": { "event_id": to } } })
}

fn edit(of: &str, body: &str) -> Value {
    json!({
        "msgtype": "m.text", "body": format!("* {body}"),
        "m.new_content": { "msgtype": "m.text", "body": body },
        "m.relates_to": { "rel_type": "m.replace", "event_id": of },
    })
}

#[tokio::test]
async fn answers_and_reactions_cross_by_tags() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    let (event, msgid) = hello(&mut story, &mut bob).await?;
    let (room, ghost) = (story.room.clone(), story.ghost("bob"));

    // Matrix to IRC.
    story.alice.send_content(&room, answer(&event, "hello yourself")).await?;
    let line = bob.expect_message(CHANNEL, "bob: hello yourself").await?;
    ensure!(line.tags.get("+draft/reply") == Some(&msgid), "its tags are {:?}", line.tags);
    let alices = line.tags.get("msgid").cloned().unwrap_or_default();
    let reaction = react(&story.alice, &room, &event, "👍").await?;
    let line = bob.expect("a reaction", |line| line.command == "TAGMSG").await?;
    ensure!(line.tags.get("+draft/react").is_some_and(|key| key == "👍"), "{:?}", line.tags);
    ensure!(line.tags.get("+draft/reply") == Some(&msgid), "{:?}", line.tags);
    let path =
        format!("/_matrix/client/v3/rooms/{}/redact/{}/tags-2", escape(&room), escape(&reaction));
    story.alice.call(Method::PUT, &path, Some(json!({}))).await?;
    let line = bob.expect("it to be taken back", |line| line.command == "TAGMSG").await?;
    ensure!(line.tags.get("+draft/unreact").is_some_and(|key| key == "👍"), "{:?}", line.tags);

    // IRC to Matrix.
    let mine = story
        .alice
        .wait("her own answer", |client| {
            let timeline = &client.rooms().get(&room)?.timeline;
            let it = timeline.iter().find(|event| event["content"]["body"] == "hello yourself")?;
            it["event_id"].as_str().map(str::to_owned)
        })
        .await?;
    bob.command(&format!("@+draft/reply={alices} PRIVMSG {CHANNEL} :indeed")).await?;
    let event = story.alice.expect_message(&room, &ghost, "indeed").await?;
    let answered = &event["content"]["m.relates_to"]["m.in_reply_to"]["event_id"];
    ensure!(answered == mine.as_str(), "it answers {answered}");
    bob.command(&format!("@+draft/react=🎉;+draft/reply={alices} TAGMSG {CHANNEL}")).await?;
    let is_reaction = |event: &&Value| {
        event["type"] == "m.reaction"
            && event["sender"] == ghost.as_str()
            && event["content"]["m.relates_to"]["event_id"] == mine.as_str()
            && event["content"]["m.relates_to"]["key"] == "🎉"
    };
    let reaction = story
        .alice
        .wait("Bob's reaction", |client| {
            let timeline = &client.rooms().get(&room)?.timeline;
            timeline.iter().find(is_reaction)?["event_id"].as_str().map(str::to_owned)
        })
        .await?;
    bob.command(&format!("@+draft/unreact=🎉;+draft/reply={alices} TAGMSG {CHANNEL}")).await?;
    story
        .alice
        .wait("it to be taken back", |client| {
            let timeline = &client.rooms().get(&room)?.timeline;
            let redacts = |event: &Value| {
                event["type"] == "m.room.redaction"
                    && (event["redacts"] == reaction.as_str()
                        || event["content"]["redacts"] == reaction.as_str())
            };
            timeline.iter().any(redacts).then_some(())
        })
        .await
}

#[tokio::test]
async fn without_tags_answers_reactions_and_edits_are_text() -> Result<()> {
    let irc = NgIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    bob.join(CHANNEL).await?;
    let network = irc_network("legacy", &irc.address(), UNPACED);
    let program = Setup::new().section(&network).start().await?;
    let mut story = IrcStory::begin(&program, "legacy", CHANNEL, &mut bob).await?;
    bob.say(CHANNEL, "hello").await?;
    let (room, ghost) = (story.room.clone(), story.ghost("bob"));
    let event = story.alice.expect_message(&room, &ghost, "hello").await?;
    let event = event["event_id"].as_str().unwrap_or_default().to_owned();

    story.alice.send_content(&room, answer(&event, "hello yourself")).await?;
    bob.expect("the quoted message", |line| {
        line.is_message_to(CHANNEL)
            && line.text().starts_with("> ")
            && line.text().contains("hello")
    })
    .await?;
    bob.expect_message(CHANNEL, "hello yourself").await?;
    react(&story.alice, &room, &event, "👍").await?;
    bob.expect("a reaction in words", |line| {
        line.is_message_to(CHANNEL) && line.text().contains("reacts with 👍")
    })
    .await?;
    let mistake = story.alice.send(&room, "see you befor nine").await?;
    bob.expect_message(CHANNEL, "see you befor nine").await?;
    story.alice.send_content(&room, edit(&mistake, "see you before nine")).await?;
    bob.expect_message(CHANNEL, "s/befor/before/").await?;
    Ok(())
}

#[tokio::test]
async fn an_edit_is_told_as_what_changed() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    let room = story.room.clone();
    let mistake = story.alice.send(&room, "I'll be there befor nine").await?;
    bob.expect_message(CHANNEL, "I'll be there befor nine").await?;
    story.alice.send_content(&room, edit(&mistake, "I'll be there before nine")).await?;
    bob.expect_message(CHANNEL, "s/befor/before/").await?;
    Ok(())
}

#[tokio::test]
async fn who_types_on_irc_is_seen_typing() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    hello(&mut story, &mut bob).await?;
    let (room, ghost) = (story.room.clone(), story.ghost("bob"));
    bob.command(&format!("@+typing=active TAGMSG {CHANNEL}")).await?;
    let seen = |client: &MatrixClient, wanted: bool| {
        let typing = &client.rooms().get(&room)?.typing;
        (typing.contains(&ghost) == wanted).then_some(())
    };
    story.alice.wait("Bob to type", |client| seen(client, true)).await?;
    bob.command(&format!("@+typing=done TAGMSG {CHANNEL}")).await?;
    story.alice.wait("Bob to stop", |client| seen(client, false)).await
}

#[tokio::test]
async fn who_types_on_matrix_is_seen_typing_on_irc() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    hello(&mut story, &mut bob).await?;
    let room = story.room.clone();
    let user = story.alice.user_id().to_owned();
    let path = format!("/_matrix/client/v3/rooms/{}/typing/{}", escape(&room), escape(&user));
    for (typing, state) in [(true, "active"), (false, "done")] {
        let body = json!({ "typing": typing, "timeout": 30_000 });
        story.alice.call(Method::PUT, &path, Some(body)).await?;
        bob.expect("a tag that says who types", |line| {
            line.command == "TAGMSG"
                && line.param(0).eq_ignore_ascii_case(CHANNEL)
                && line.tags.get("+typing").is_some_and(|tag| tag == state)
        })
        .await?;
    }
    Ok(())
}

async fn take_back(client: &MatrixClient, room: &str, event: &str) -> Result<String> {
    let path = format!(
        "/_matrix/client/v3/rooms/{}/redact/{}/back-{}",
        escape(room),
        escape(event),
        escape(event)
    );
    let answer = client.call(Method::PUT, &path, Some(json!({}))).await?;
    answer["event_id"].as_str().map(str::to_owned).context("a redaction without an id")
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_told_to_whoever_tries() -> Result<()> {
    let Modern { mut bob, mut story, program: _program, irc: _irc } = Modern::begin().await?;
    let room = story.room.clone();
    let (said, _) = story.say("a slip of the tongue").await?;
    bob.expect_message(CHANNEL, "a slip of the tongue").await?;
    let taken = take_back(&story.alice, &room, &said).await?;
    story
        .alice
        .wait("words about it", |client| {
            let bot = e2e::matrix::user("rialtobot");
            let said = client.rooms().get(&room)?.bodies_of(&bot);
            let fate = client.fate(&room, &taken)?;
            (!e2e::chat::is_success(&fate) && !said.is_empty()).then_some(())
        })
        .await?;
    bob.say(CHANNEL, "heard").await?;
    story.alice.expect_message(&room, &story.ghost("bob"), "heard").await?;
    ensure!(bob.texts_to(CHANNEL) == ["a slip of the tongue", "heard"], "IRC was told");
    Ok(())
}

#[tokio::test]
async fn a_message_taken_back_is_said_in_words_where_that_is_wanted() -> Result<()> {
    let section = format!("{UNPACED}\ndegrade_redactions = \"text\"");
    let Modern { mut bob, mut story, program: _program, irc: _irc } =
        Modern::begin_with(InspIrcd::start()?, &section, Setup::new()).await?;
    let room = story.room.clone();
    let (said, _) = story.say("a slip of the tongue").await?;
    take_back(&story.alice, &room, &said).await?;
    bob.expect_message(CHANNEL, "\u{1}ACTION has taken a message back\u{1}").await?;
    Ok(())
}
