//! The two conversations that most stories are made of: a person with the bridge's bot, and a person on an IRC network.

use anyhow::{Context, Result};
use bridge_testkit::peers::RawIrc;
use serde_json::{Value, json};

use crate::matrix::{MatrixClient, user};
use crate::program::Program;

/// The management room of one person.
#[derive(Clone, Debug)]
pub struct BotChat {
    pub room: String,
    bot: String,
}

impl BotChat {
    /// Opens a direct room with the bot and waits until it has said hello, so that what it says next is an answer.
    pub async fn open(person: &mut MatrixClient) -> Result<BotChat> {
        let bot = user("rialtobot");
        let options = json!({
            "preset": "trusted_private_chat", "is_direct": true, "invite": [bot],
        });
        let room = person.create_room(options).await?;
        person
            .wait("the bot's greeting", |client| {
                let said = client.rooms().get(&room)?.bodies_of(&bot);
                (!said.is_empty()).then_some(())
            })
            .await?;
        Ok(BotChat { room, bot })
    }

    /// Says a command and waits for an answer that fits; returns its text.
    pub async fn ask(
        &self,
        person: &mut MatrixClient,
        command: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let asked = person.send(&self.room, command).await?;
        person
            .wait(&format!("fitting answer to `{command}`"), |client| {
                self.answers(client, &asked).into_iter().find(|answer| fits(answer))
            })
            .await
    }

    /// Returns everything the bot has said after an event.
    pub fn answers(&self, person: &MatrixClient, after: &str) -> Vec<String> {
        let room = person.room(&self.room);
        let after = room.timeline.iter().skip_while(|event| event["event_id"] != after);
        let said = after.filter(|event| event["sender"] == *self.bot);
        said.filter_map(|event| Some(event["content"]["body"].as_str()?.to_owned())).collect()
    }

    /// Waits until the bot has said something in the room that fits, whenever.
    pub async fn expect(
        &self,
        person: &mut MatrixClient,
        what: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Result<String> {
        person
            .wait(what, |client| {
                let room = client.rooms().get(&self.room)?;
                let bodies = room.bodies_of(&self.bot).into_iter();
                bodies.into_iter().rev().find(|body| fits(body))
            })
            .await
    }
}

/// Finds the room id in an answer of the bot.
pub fn room_id_in(answer: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!:._-/=+~".contains(c);
    let marks = answer.match_indices('!').map(|(at, _)| &answer[at..]);
    // An exclamation mark is not yet a room.
    let mut ids = marks.map(|rest| rest.split(|c| !is_part(c)).next().unwrap_or_default());
    // Rooms of version 12 are named by the hash of their first event, without a server.
    let id = ids.find_map(|id| {
        let id = id.trim_end_matches('.');
        (id.len() == 44 || id.len() > 1 && id.contains(':')).then_some(id)
    })?;
    Some(id.to_owned())
}

/// A network section for an IRC server that we may talk to as fast as it listens.
pub fn irc_network(id: &str, address: &str, extra: &str) -> String {
    format!("[networks.{id}]\nkind = \"irc\"\nserver = \"{address}\"\n{extra}\n")
}

/// Lines of a network section that lift our own pacing.
pub const UNPACED: &str = "tls = false\npacing = { burst = 10000, interval_ms = 1 }";

/// Alice on Matrix, logged in to an IRC network as `alice`, and in one of its channels.
#[derive(Debug)]
pub struct IrcStory {
    pub alice: MatrixClient,
    pub bot: BotChat,
    pub network: String,
    /// The portal of the channel.
    pub room: String,
}

impl IrcStory {
    /// Makes the account, logs in to the network and joins the channel; `witness` must be able to see the nick appear.
    pub async fn begin(
        program: &Program,
        network: &str,
        channel: &str,
        witness: &mut RawIrc,
    ) -> Result<IrcStory> {
        IrcStory::begin_as(program.person("alice").await?, network, channel, witness).await
    }

    /// The same for somebody who has an account.
    pub async fn begin_as(
        mut alice: MatrixClient,
        network: &str,
        channel: &str,
        witness: &mut RawIrc,
    ) -> Result<IrcStory> {
        let bot = BotChat::open(&mut alice).await?;
        log_in_to_irc(&mut alice, &bot, network, "nick=alice", "alice", witness).await?;
        let room = join_channel(&mut alice, &bot, network, channel).await?;
        Ok(IrcStory { alice, bot, network: network.to_owned(), room })
    }

    /// Returns the Matrix id of somebody on the network.
    pub fn ghost(&self, nick: &str) -> String {
        ghost(&self.network, nick)
    }

    /// Says a text in the portal and waits until its fate is told; returns the event's id and the status.
    pub async fn say(&mut self, text: &str) -> Result<(String, Value)> {
        let event_id = self.alice.send(&self.room, text).await?;
        let fate = self.alice.expect_fate(&self.room, &event_id).await?;
        Ok((event_id, fate))
    }
}

/// Returns the Matrix id of a ghost.
pub fn ghost(network: &str, id: &str) -> String {
    user(&format!("_rialto_{network}_{id}"))
}

/// Asks the bot for a login and waits until the nick is on the network.
pub async fn log_in_to_irc(
    person: &mut MatrixClient,
    bot: &BotChat,
    network: &str,
    answers: &str,
    nick: &str,
    witness: &mut RawIrc,
) -> Result<()> {
    bot.ask(person, &format!("login {network} {answers}"), |_| true).await?;
    wait_for_nick(witness, nick).await.with_context(|| {
        let room = person.room(&bot.room);
        format!("the bot had said {:?}", room.bodies_of(&user("rialtobot")))
    })
}

/// Waits until somebody of this nick is on the network.
pub async fn wait_for_nick(witness: &mut RawIrc, nick: &str) -> Result<()> {
    let deadline = std::time::Instant::now() + crate::matrix::DEADLINE;
    loop {
        witness.command(&format!("ISON {nick}")).await?;
        let answer = witness.expect("an answer to ISON", |line| line.command == "303").await?;
        if answer.text().split(' ').any(|one| one.eq_ignore_ascii_case(nick)) {
            return Ok(());
        }
        anyhow::ensure!(std::time::Instant::now() < deadline, "{nick} did not come to IRC");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Asks the bot to join a channel and returns the portal's room, where the person is by then.
pub async fn join_channel(
    person: &mut MatrixClient,
    bot: &BotChat,
    network: &str,
    channel: &str,
) -> Result<String> {
    let answer = bot
        .ask(person, &format!("join {network} {channel}"), |text| room_id_in(text).is_some())
        .await?;
    let named = room_id_in(&answer).context("an answer without a room")?;
    let room = person.expect_portal(network, channel).await?;
    anyhow::ensure!(room == named, "the bot named {named}, the portal is {room}");
    Ok(room)
}

/// Tells whether a status says that the message arrived.
pub fn is_success(fate: &Value) -> bool {
    fate["status"] == "SUCCESS"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_id_is_found_in_prose() {
        let answer = "You are in #story now: !abc_DEF:story.test. Say hello!";
        assert_eq!(room_id_in(answer).unwrap(), "!abc_DEF:story.test");
        assert_eq!(room_id_in("no room here!"), None);
        let newer = "!jGNy5d1XzUDkyHqG1PDHbPS0RvZXbPnIZuxfzLmlD8k";
        assert_eq!(room_id_in(&format!("You are in {newer}.")).as_deref(), Some(newer));
    }
}
