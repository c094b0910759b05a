//! One room linked to a channel on IRC and to a group of the demo network: three places, each hears the others once and by
//! name.

use anyhow::{Result, ensure};
use bridge_testkit::peers::{InspIrcd, RawIrc};
use e2e::chat::{UNPACED, ghost, irc_network, log_in_to_irc};
use e2e::lobby::Lobby;
use e2e::matrix::user;
use e2e::{BotChat, MatrixClient, Program, Setup};
use serde_json::{Value, json};

use crate::support::modern::{CHANNEL, NETWORK};

const PLAY: &str = "[networks.play]\nkind = \"demo\"\ngondolier = false\nstage = true\n";

/// Alice with a login on both networks in a room with the bot; Bob on IRC, Marco on the demo network.
struct Square {
    // Dropped in this order: people, program, server.
    alice: MatrixClient,
    bob: RawIrc,
    lobby: Lobby,
    room: String,
    program: Program,
    _irc: InspIrcd,
}

impl Square {
    async fn begin() -> Result<Square> {
        let irc = InspIrcd::start()?;
        let mut bob = irc.observer("bob").await?;
        bob.join(CHANNEL).await?;
        let network = irc_network(NETWORK, &irc.address(), UNPACED);
        let program = Setup::new().section(&network).section(PLAY).start().await?;
        let lobby = Lobby::of(&program, "play");
        let mut alice = program.person("alice").await?;
        let bot_chat = BotChat::open(&mut alice).await?;
        log_in_to_irc(&mut alice, &bot_chat, NETWORK, "nick=alice", "alice", &mut bob).await?;
        bot_chat.ask(&mut alice, "login play name=alice", |said| said.contains("play-1")).await?;
        lobby.does("marco", json!({ "do": "come" })).await?;
        lobby.does("alice", json!({ "do": "come" })).await?;
        lobby.does("marco", json!({ "do": "rank", "whom": "alice", "level": 50 })).await?;
        let bot = user("rialtobot");
        let options = json!({
            "preset": "public_chat", "name": "Square", "invite": [bot],
            "power_level_content_override": { "events": { "m.bridge": 50 }, "users": { bot.as_str(): 50, user("alice"): 100 } },
        });
        let room = alice.create_room(options).await?;
        alice
            .wait("the bot to come in", |client| {
                let member = client.rooms().get(&room)?.state("m.room.member", &bot)?;
                (member["membership"] == "join").then_some(())
            })
            .await?;
        Ok(Square { alice, bob, lobby, room, program, _irc: irc })
    }

    async fn link_both(&mut self) -> Result<()> {
        let room = self.room.clone();
        self.alice.send(&room, &format!("!rialto plumb {NETWORK} {CHANNEL}")).await?;
        let question =
            self.bob.expect("the question", |line| line.text().contains("link this channel"));
        if let Err(error) = question.await {
            self.alice.sync(std::time::Duration::ZERO).await?;
            return Err(error.context(format!("{:?}", messages(&self.alice, &room))));
        }
        self.bob.say(CHANNEL, "alice: yes").await?;
        self.expect_from_bot(&format!("{CHANNEL} on")).await?;
        self.alice.send(&room, "!rialto plumb play lobby").await?;
        self.expect_from_bot("lobby on").await
    }

    async fn expect_from_bot(&mut self, words: &str) -> Result<()> {
        let room = self.room.clone();
        let bot = user("rialtobot");
        self.alice
            .wait(&format!("the bot to say {words:?} is linked"), |client| {
                let said = client.rooms().get(&room)?.bodies_of(&bot);
                let linked = |body: &String| body.contains(words) && body.contains("is linked");
                said.iter().any(linked).then_some(())
            })
            .await
    }

    /// Fails unless each text was heard once in each place, by whatever name.
    async fn ensure_once_everywhere(&self, texts: &[&str]) -> Result<()> {
        let lobby = self.lobby.said().await?;
        let places: [(&str, Vec<String>); 3] = [
            ("the room", messages(&self.alice, &self.room)),
            ("IRC", self.bob.texts_to(CHANNEL)),
            ("the lobby", lobby.iter().filter_map(text_of).collect()),
        ];
        for (place, heard) in &places {
            for text in texts {
                let times = heard.iter().filter(|one| one.ends_with(text)).count();
                ensure!(times == 1, "{place} heard {text:?} {times} times: {heard:#?}");
            }
        }
        Ok(())
    }
}

fn messages(client: &MatrixClient, room: &str) -> Vec<String> {
    client.room(room).messages().iter().map(|(_, body)| (*body).to_owned()).collect()
}

fn text_of(line: &Value) -> Option<String> {
    line["text"].as_str().map(str::to_owned)
}

fn says<'t>(by: &'t str, text: &'t str) -> impl Fn(&Value) -> bool + 't {
    move |line| line["by"] == by && line["text"] == text
}

#[tokio::test]
async fn three_places_hear_each_other_once_and_by_name() -> Result<()> {
    let mut square = Square::begin().await?;
    square.link_both().await?;
    let room = square.room.clone();
    let (bobs, marcos) = (ghost(NETWORK, "bob"), ghost("play", "marco"));

    square.bob.say(CHANNEL, "ahoy from Bob").await?;
    square.alice.expect_message(&room, &bobs, "ahoy from Bob").await?;
    // Alice's account speaks for him there, and says who it is.
    let relayed =
        square.lobby.expect("Bob's line", says("alice", "<b\u{200b}ob> ahoy from Bob")).await?;

    square.lobby.says("marco", "ahoy from Marco").await?;
    square.alice.expect_message(&room, &marcos, "ahoy from Marco").await?;
    let line = square.bob.expect_message(CHANNEL, "<m\u{200b}arco> ahoy from Marco").await?;
    ensure!(line.nick() == "alice", "said by {}", line.source);

    square.alice.send(&room, "ahoy from Alice").await?;
    square.bob.expect_message(CHANNEL, "ahoy from Alice").await?;
    square.lobby.expect("Alice's line", says("alice", "ahoy from Alice")).await?;

    // A change: a change on Matrix, words on IRC.
    let marcos_line = square.lobby.expect("his own", says("marco", "ahoy from Marco")).await?;
    let number = marcos_line["number"].clone();
    let edit = json!({ "do": "edit", "number": number, "text": "ahoj from Marco" });
    square.lobby.does("marco", edit).await?;
    square.bob.expect_message(CHANNEL, "<m\u{200b}arco> s/ahoy/ahoj/").await?;

    // A reaction to what came from IRC: a reaction on Matrix, words on IRC.
    let react = json!({ "do": "react", "number": relayed["number"], "emoji": "👋", "set": true });
    square.lobby.does("marco", react).await?;
    square
        .alice
        .wait("Marco's reaction", |client| {
            let room = client.rooms().get(&room)?;
            let reaction = room.timeline.iter().find(|event| event["type"] == "m.reaction")?;
            let relates = &reaction["content"]["m.relates_to"];
            (reaction["sender"] == marcos.as_str() && relates["key"] == "👋").then_some(())
        })
        .await?;
    square
        .bob
        .expect("his reaction in words", |line| {
            let text = line.text();
            line.is_message_to(CHANNEL)
                && text.contains("m\u{200b}arco reacts with 👋")
                && text.contains("ahoy from Bob")
        })
        .await?;

    // Everything that came last has come everywhere; nothing came back or twice.
    square.bob.say(CHANNEL, "good night from Bob").await?;
    square.alice.expect_message(&room, &bobs, "good night from Bob").await?;
    square.lobby.expect("Bob's last", says("alice", "<b\u{200b}ob> good night from Bob")).await?;
    square.lobby.says("marco", "good night from Marco").await?;
    square.alice.expect_message(&room, &marcos, "good night from Marco").await?;
    square.bob.expect_message(CHANNEL, "<m\u{200b}arco> good night from Marco").await?;
    let once = ["ahoy from Bob", "ahoy from Alice", "good night from Bob", "good night from Marco"];
    square.ensure_once_everywhere(&once).await?;
    e2e::journal::expect_all_settled(&square.program).await.map(drop)
}
