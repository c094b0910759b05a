//! A room that was there before is linked with a channel: an operator of the channel agrees, people without a login are
//! carried by name, and everybody hears everything once.

use anyhow::{Context, Result, ensure};
use bridge_testkit::peers::{InspIrcd, RawIrc};
use e2e::chat::{UNPACED, ghost, irc_network, is_success, log_in_to_irc};
use e2e::matrix::{escape, user};
use e2e::{BotChat, MatrixClient, Program, Setup};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::modern::{CHANNEL, NETWORK};

/// Alice, who has a login, and Carol, who has none, in a room with the bot; Bob is operator of the channel.
struct Salon {
    // Dropped in this order: people, program, server.
    alice: MatrixClient,
    carol: MatrixClient,
    bob: RawIrc,
    mallory: RawIrc,
    room: String,
    program: Program,
    _irc: InspIrcd,
}

impl Salon {
    async fn begin(section: &str) -> Result<Salon> {
        let irc = InspIrcd::start()?;
        let mut bob = irc.observer("bob").await?;
        bob.join(CHANNEL).await?;
        let mut mallory = irc.observer("mallory").await?;
        mallory.join(CHANNEL).await?;
        let section = format!("{UNPACED}\n{section}");
        let network = irc_network(NETWORK, &irc.address(), &section);
        let program = Setup::new().section(&network).start().await?;
        let mut alice = program.person("alice").await?;
        let bot_chat = BotChat::open(&mut alice).await?;
        log_in_to_irc(&mut alice, &bot_chat, NETWORK, "nick=alice", "alice", &mut bob).await?;
        let mut carol = program.person("carol").await?;
        let path = format!("/_matrix/client/v3/profile/{}/displayname", escape(carol.user_id()));
        carol.call(Method::PUT, &path, Some(json!({ "displayname": "carol" }))).await?;
        let bot = user("rialtobot");
        let options = json!({
            "preset": "public_chat", "name": "Salon", "invite": [bot],
            "power_level_content_override": { "events": { "m.bridge": 50 }, "users": { bot.as_str(): 50, user("alice"): 100 } },
        });
        let room = alice.create_room(options).await?;
        carol.join(&room).await?;
        for person in [&mut alice, &mut carol] {
            person
                .wait("the bot to come in", |client| {
                    let room = client.rooms().get(&room)?;
                    let member = room.state("m.room.member", &user("rialtobot"))?;
                    (member["membership"] == "join").then_some(())
                })
                .await?;
        }
        Ok(Salon { alice, carol, bob, mallory, room, program, _irc: irc })
    }

    /// Says a command in the room and waits for the bot's answer.
    async fn ask(&mut self, command: &str) -> Result<String> {
        let asked = self.alice.send(&self.room, command).await?;
        self.answer_to(&asked).await
    }

    async fn answer_to(&mut self, asked: &str) -> Result<String> {
        let room = self.room.clone();
        self.alice
            .wait("the bot's answer", |client| {
                let timeline = client.rooms().get(&room)?.timeline.iter();
                let mut after = timeline.skip_while(|event| event["event_id"] != asked);
                let is_answer = |event: &&Value| {
                    event["sender"] == user("rialtobot").as_str()
                        && event["type"] == "m.room.message"
                };
                after.find(is_answer)?["content"]["body"].as_str().map(str::to_owned)
            })
            .await
    }

    /// Asks for the link; `answer` is what Bob says when he is asked.
    async fn plumb(&mut self, answer: &str) -> Result<String> {
        let command = format!("!rialto plumb {NETWORK} {CHANNEL}");
        let asked = self.alice.send(&self.room, &command).await?;
        let question = self
            .bob
            .expect("the question", |line| {
                line.is_message_to(CHANNEL) && line.text().contains("link this channel")
            })
            .await?;
        ensure!(question.text().contains(&user("alice")), "it says: {}", question.text());
        // Who is no operator is not heard.
        self.mallory.say(CHANNEL, "alice: yes").await?;
        self.bob.expect_message(CHANNEL, "alice: yes").await?;
        ensure!(self.links() == 0, "linked without an operator's consent");
        self.bob.say(CHANNEL, answer).await?;
        self.answer_to(&asked).await
    }

    fn links(&self) -> usize {
        let room = self.alice.room(&self.room);
        let links = room
            .state
            .iter()
            .filter(|((kind, _), content)| kind == "m.bridge" && content.get("channel").is_some());
        links.count()
    }

    /// Returns how often the room has a message with this text, by whomever.
    fn times(&self, text: &str) -> usize {
        let room = self.alice.room(&self.room);
        room.messages().iter().filter(|(_, body)| *body == text).count()
    }
}

async fn send_as(
    client: &MatrixClient,
    room: &str,
    kind: &str,
    txn: &str,
    content: Value,
) -> Result<String> {
    let path = format!("/_matrix/client/v3/rooms/{}/send/{kind}/{txn}", escape(room));
    let answer = client.call(Method::PUT, &path, Some(content)).await?;
    answer["event_id"].as_str().map(str::to_owned).context("an event without an id")
}

#[tokio::test]
async fn a_plumbed_room_and_its_channel_hear_each_other_once_and_by_name() -> Result<()> {
    let mut salon = Salon::begin("").await?;
    let refused = salon.plumb("alice: no").await?;
    ensure!(refused.contains("bob") && refused.contains("not linked"), "it says: {refused}");
    let linked = salon.plumb("alice: yes").await?;
    ensure!(linked.contains("is linked to this room"), "it says: {linked}");

    let room = salon.room.clone();
    let bobs = ghost(NETWORK, "bob");
    salon.bob.say(CHANNEL, "who is there?").await?;
    let question = salon.carol.expect_message(&room, &bobs, "who is there?").await?;
    let question = question["event_id"].as_str().unwrap_or_default().to_owned();

    // Carol is carried by name, and the mark in it keeps it from calling a Carol on IRC.
    let hers = salon.carol.send(&room, "befor you ask: Carol").await?;
    let line = salon.bob.expect_message(CHANNEL, "<c\u{200b}arol> befor you ask: Carol").await?;
    ensure!(line.nick() == "alice", "said by {}", line.source);
    let fate = salon.carol.expect_fate(&room, &hers).await?;
    ensure!(is_success(&fate), "the bridge says {fate}");
    // Alice speaks for herself.
    salon.alice.send(&room, "me too").await?;
    salon.bob.expect_message(CHANNEL, "me too").await?;

    // Edits and reactions of people without a login are said in words, by name.
    let edit = json!({
        "msgtype": "m.text", "body": "* before you ask: Carol",
        "m.new_content": { "msgtype": "m.text", "body": "before you ask: Carol" },
        "m.relates_to": { "rel_type": "m.replace", "event_id": hers },
    });
    salon.carol.send_content(&room, edit).await?;
    salon.bob.expect_message(CHANNEL, "<c\u{200b}arol> s/befor/before/").await?;
    let relates = json!({ "rel_type": "m.annotation", "event_id": question, "key": "👋" });
    let reaction = json!({ "m.relates_to": relates });
    send_as(&salon.carol, &room, "m.reaction", "wave", reaction).await?;
    salon
        .bob
        .expect("her reaction in words", |line| {
            let text = line.text();
            line.is_message_to(CHANNEL)
                && text.contains("c\u{200b}arol reacts with 👋")
                && text.contains("who is there?")
        })
        .await?;
    let emote = json!({ "msgtype": "m.emote", "body": "waves" });
    salon.carol.send_content(&room, emote).await?;
    salon.bob.expect_message(CHANNEL, "* c\u{200b}arol waves").await?;

    // Nothing came back: each is in the room once, and the relay's lines are nobody's ghost's.
    salon.bob.say(CHANNEL, "that is all").await?;
    salon.alice.expect_message(&room, &bobs, "that is all").await?;
    for text in ["who is there?", "befor you ask: Carol", "me too", "that is all"] {
        ensure!(salon.times(text) == 1, "`{text}` is in the room {} times", salon.times(text));
    }
    let said = salon.alice.room(&room);
    let echoed = said.messages().into_iter().find(|(_, body)| body.contains("\u{200b}arol"));
    ensure!(echoed.is_none(), "a relayed line came back: {echoed:?}");

    // The link survives a restart.
    salon.program.restart().await?;
    salon
        .bob
        .expect("alice to be back", |line| line.command == "JOIN" && line.nick() == "alice")
        .await?;
    salon.bob.say(CHANNEL, "still there?").await?;
    salon.carol.expect_message(&room, &bobs, "still there?").await?;
    salon.carol.send(&room, "still here").await?;
    salon.bob.expect_message(CHANNEL, "<c\u{200b}arol> still here").await?;

    let ended = salon.ask("!rialto unplumb").await?;
    ensure!(ended.contains("no longer linked"), "it says: {ended}");
    salon.carol.send(&room, "anybody?").await?;
    salon.bob.say(CHANNEL, "anybody?").await?;
    let pong = salon.ask("!rialto ping").await?;
    ensure!(pong.to_lowercase().contains("pong"), "it says: {pong}");
    salon.bob.barrier().await?;
    ensure!(salon.times("anybody?") == 1, "still heard after the link was ended");
    let carried = salon.bob.texts_to(CHANNEL).iter().any(|text| text.contains("arol> anybody?"));
    ensure!(!carried, "still carried after the link was ended");
    Ok(())
}

#[tokio::test]
async fn relayed_names_look_as_configured() -> Result<()> {
    let section =
        "relay_template = \"{name} ({mxid}): \"\nrelay_anti_ping = false\nedit_diff_longest = 0";
    let mut salon = Salon::begin(section).await?;
    let linked = salon.plumb("alice: yes").await?;
    ensure!(linked.contains("is linked to this room"), "it says: {linked}");
    let room = salon.room.clone();
    let carol = user("carol");
    let hers = salon.carol.send(&room, "hello").await?;
    salon.bob.expect_message(CHANNEL, &format!("carol ({carol}): hello")).await?;
    let edit = json!({
        "msgtype": "m.text", "body": "* good evening",
        "m.new_content": { "msgtype": "m.text", "body": "good evening" },
        "m.relates_to": { "rel_type": "m.replace", "event_id": hers },
    });
    salon.carol.send_content(&room, edit).await?;
    let line = salon
        .bob
        .expect("the new text", |line| {
            line.is_message_to(CHANNEL) && line.text().contains("good evening")
        })
        .await?;
    ensure!(line.text().starts_with(&format!("carol ({carol}): ")), "it says {}", line.text());
    salon.carol.send_content(&room, json!({ "msgtype": "m.emote", "body": "waves" })).await?;
    salon.bob.expect_message(CHANNEL, "* carol waves").await?;
    // What needs several lines names her on each.
    salon.carol.send(&room, "one\ntwo").await?;
    for text in ["one", "two"] {
        salon.bob.expect_message(CHANNEL, &format!("carol ({carol}): {text}")).await?;
    }
    Ok(())
}
