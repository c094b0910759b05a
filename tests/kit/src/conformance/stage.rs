//! Where a check plays: a house, the network under test beside it, and people on both sides.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bridge_core::ids::{NetworkId, PortalKey, RemoteChatId};
use bridge_core::network::{Capabilities, Level, Operation};
use http::Method;
use serde_json::{Value, json};

use super::harness::{Act, Done, Harness, Heard, Seen, Words};
use super::watch::{Point, Watch};
use crate::house::SERVER;
use crate::{BotRoom, Faults, HouseOptions, TestHouse, TestUser};

/// The instance id of the network under test.
pub(crate) const NETWORK: &str = "net";

/// A house with the network under test.
pub struct Stage {
    pub(crate) harness: Arc<dyn Harness>,
    pub(crate) house: TestHouse,
    pub(crate) watch: Watch,
    pub(crate) patience: Duration,
}

/// A person on Matrix who is logged in, and their room with the bot.
pub(crate) struct Person {
    pub(crate) user: TestUser,
    pub(crate) bot: BotRoom,
}

/// Alice in the chat, bob at its other end: where most checks begin.
pub(crate) struct Scene {
    pub(crate) stage: Stage,
    pub(crate) alice: TestUser,
    pub(crate) bot: BotRoom,
    pub(crate) room: String,
    pub(crate) chat: &'static str,
    pub(crate) portal: PortalKey,
}

impl Stage {
    /// Builds a stage around a harness.
    pub async fn open(harness: Arc<dyn Harness>, patience: Duration) -> Self {
        Self::with_faults(harness, patience, Faults::default()).await
    }

    /// Builds a stage on which things go wrong between bridge and homeserver.
    pub async fn with_faults(
        harness: Arc<dyn Harness>,
        patience: Duration,
        faults: Faults,
    ) -> Self {
        let watch = Watch::default();
        let network = (NETWORK.to_owned(), watch.over(harness.factory()), harness.section());
        let networks = vec![network];
        let options = HouseOptions { faults, networks, patience, ..HouseOptions::default() };
        let house = TestHouse::with(options).await;
        Self { harness, house, watch, patience }
    }

    /// The words of a login command.
    pub(crate) fn login_command(fields: &[(&'static str, String)]) -> String {
        let pairs = fields.iter().map(|(field, value)| match value.contains(' ') {
            true => format!(" {field}=\"{value}\""),
            false => format!(" {field}={value}"),
        });
        format!("login {NETWORK}{}", pairs.collect::<String>())
    }

    /// Makes a person with an account on the network.
    pub(crate) async fn log_in(&self, name: &str) -> Person {
        let mut user = self.house.user(name).await;
        let bot = user.meet_bot().await;
        let command = Self::login_command(&self.harness.login(name));
        let answer = user.command(&bot, &command).await;
        assert!(answer.contains("connected"), "{name} cannot log in: {answer}");
        Person { user, bot }
    }

    /// Dies wherever it is, and lives again.
    pub(crate) async fn crash(&mut self) {
        self.watch.let_die();
        self.house.crash().await;
    }

    /// Waits for a moment at which the process may die, and has it die there.
    pub(crate) async fn crash_at(&mut self, point: Point) {
        let reached = tokio::time::timeout(self.patience, self.watch.reached()).await;
        assert!(reached.is_ok(), "the bridge never came to {point:?}");
        self.crash().await;
    }

    /// Looks at the network until what is waited for is to be seen there.
    pub(crate) async fn remote<T>(
        &self,
        chat: &str,
        what: &str,
        find: impl Fn(&Seen) -> Option<T>,
    ) -> T {
        let begun = Instant::now();
        loop {
            let seen = self.harness.sees(chat).await;
            if let Some(found) = find(&seen) {
                return found;
            }
            if begun.elapsed() > self.patience {
                panic!("remote people waited in vain for {what}; they see: {seen:#?}");
            }
            tokio::time::sleep(self.harness.looks_every()).await;
        }
    }
}

impl Scene {
    /// Alice logs in and joins the chat, in which bob is.
    pub(crate) async fn open(stage: Stage) -> Self {
        let chat = stage.harness.chat();
        stage.harness.does("bob", chat, Act::Come).await;
        let Person { user, bot } = stage.log_in("alice").await;
        Self::join(stage, user, bot, chat).await
    }

    async fn join(stage: Stage, mut alice: TestUser, bot: BotRoom, chat: &'static str) -> Self {
        let room = alice.join(&bot, NETWORK, chat).await;
        let portal = portal_of(&alice, &room).await;
        Self { stage, alice, bot, room, chat, portal }
    }

    /// How well the chat carries something.
    pub(crate) fn level(&self, operation: Operation) -> Level {
        self.capabilities().level(operation)
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        let table = self.stage.watch.capabilities(&self.portal);
        table.expect("alice's client was made")
    }

    /// Alice sends an event; returns it with its status.
    pub(crate) async fn sends(&mut self, event_type: &str, content: Value) -> (String, Value) {
        let event = self.alice.send_event(&self.room, event_type, content).await;
        let status = self.alice.status(&event).await;
        (event, status)
    }

    /// Alice says something, and it is carried.
    pub(crate) async fn says(&mut self, text: &str) -> (String, Heard) {
        let content = json!({ "msgtype": "m.text", "body": text });
        let (event, status) = self.sends("m.room.message", content).await;
        carried(&status);
        let heard = self.hears(text).await;
        (event, heard)
    }

    /// Alice sets state of the room; returns the event's status.
    pub(crate) async fn sets(&mut self, event_type: &str, key: &str, content: Value) -> Value {
        let path = format!("rooms/{}/state/{event_type}/{key}", self.room);
        let set = self.alice.call(Method::PUT, &path, Some(content)).await;
        let set = set.unwrap_or_else(|refusal| panic!("{event_type} cannot be set: {refusal:?}"));
        let event = set["event_id"].as_str().expect("an event has an id").to_owned();
        self.alice.status(&event).await
    }

    /// Alice takes an event back; returns the redaction's status.
    pub(crate) async fn takes_back(&mut self, event: &str) -> Value {
        let path = format!("rooms/{}/redact/{event}/t{event}", self.room).replace('$', "%24");
        let gone = self.alice.call(Method::PUT, &path, Some(json!({}))).await;
        let gone = gone.expect("one may take back one's own");
        let gone = gone["event_id"].as_str().expect("an event has an id").to_owned();
        self.alice.status(&gone).await
    }

    /// Waits until remote people hear a text, and returns it.
    pub(crate) async fn hears(&self, text: &str) -> Heard {
        let find = |seen: &Seen| seen.said.iter().rfind(|heard| heard.text == text).cloned();
        self.stage.remote(self.chat, &format!("the text {text:?}"), find).await
    }

    /// Waits until what remote people see fits.
    pub(crate) async fn remote<T>(&self, what: &str, find: impl Fn(&Seen) -> Option<T>) -> T {
        self.stage.remote(self.chat, what, find).await
    }

    /// Somebody remote does something.
    pub(crate) async fn does(&self, who: &str, act: Act) -> Done {
        self.stage.harness.does(who, self.chat, act).await
    }

    /// Somebody remote says something; returns the message, where the network names it.
    pub(crate) async fn is_said(&self, who: &str, text: &str) -> String {
        match self.does(who, Act::Say(Words::plain(text))).await {
            Done::Message(message) => message,
            Done::Yes => String::new(),
            Done::No => panic!("a harness must be able to have people say something"),
        }
    }

    /// Waits until alice sees somebody say something; returns the event.
    pub(crate) async fn sees(&mut self, who: &str, text: &str) -> Value {
        let name = self.stage.harness.shown_name(who);
        self.alice.sees(&self.room, &name, text).await
    }

    /// Somebody remote says something and alice sees it: everything before has come as well.
    pub(crate) async fn catches_up(&mut self, who: &str, text: &str) -> Value {
        self.is_said(who, text).await;
        self.sees(who, text).await
    }

    /// Waits until alice sees an event that fits.
    pub(crate) async fn event(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let room = self.room.clone();
        let find = |timeline: &[Value]| {
            let mut events = timeline.iter().rev();
            events.find(|event| event["room_id"] == room.as_str() && fits(event)).cloned()
        };
        self.alice.waits_for(what, find).await
    }

    /// Everything alice has seen in the room that was not said by herself or the bot: the texts.
    pub(crate) fn seen_texts(&self) -> Vec<String> {
        let said = self.alice.said_in(&self.room).into_iter();
        let bot = format!("@{}:{SERVER}", crate::house::BOT);
        said.filter(|(who, _)| *who != bot && who != self.alice.id())
            .map(|(_, text)| text)
            .collect()
    }

    /// All texts in the room, as somebody reads who scrolls back, oldest first.
    pub(crate) async fn whole_room(&self) -> Vec<String> {
        let path = format!("rooms/{}/messages?dir=b&limit=1000", self.room);
        let page = self.alice.call(Method::GET, &path, None).await;
        let page = page.expect("one may read one's own room");
        let events = page["chunk"].as_array().into_iter().flatten().rev();
        let bodies = events.filter_map(|event| event["content"]["body"].as_str());
        bodies.map(str::to_owned).collect()
    }

    /// What the bot has said in the room.
    pub(crate) fn notices(&self) -> Vec<String> {
        let bot = format!("@{}:{SERVER}", crate::house::BOT);
        let said = self.alice.said_in(&self.room).into_iter();
        said.filter(|(who, _)| *who == bot).map(|(_, text)| text).collect()
    }

    /// Everything remote people hear from an account.
    pub(crate) async fn heard_from(&self, who: &str) -> Vec<Heard> {
        let seen = self.stage.harness.sees(self.chat).await;
        seen.said.into_iter().filter(|heard| heard.by == who).collect()
    }

    /// The ghost of a remote person who has said something.
    pub(crate) async fn ghost(&mut self, who: &str) -> String {
        let text = format!("it is me, {who}");
        let event = self.catches_up(who, &text).await;
        event["sender"].as_str().expect("events have senders").to_owned()
    }
}

/// Finds out which remote chat a room mirrors.
pub(crate) async fn portal_of(user: &TestUser, room: &str) -> PortalKey {
    let state = user.call(Method::GET, &format!("rooms/{room}/state"), None).await;
    let state = state.expect("one sees the state of one's rooms");
    let mut events = state.as_array().into_iter().flatten();
    let info = events.find(|event| event["type"] == "m.bridge");
    let info = info.expect("a portal says what it mirrors (m.bridge)");
    let chat = info["content"]["channel"]["id"].as_str().expect("m.bridge names the chat");
    let network = NetworkId::new(NETWORK);
    PortalKey { network, chat: RemoteChatId::new(chat), receiver: None }
}

/// Fails unless an event was carried.
pub(crate) fn carried(status: &Value) {
    assert_eq!(status["status"], "SUCCESS", "it was not carried: {status}");
}

/// Fails unless an event was refused in words.
pub(crate) fn refused(status: &Value) {
    assert_ne!(status["status"], "SUCCESS", "it was said to be carried: {status}");
    let words = status["message"].as_str().unwrap_or_default();
    assert!(!words.is_empty(), "the refusal says nothing: {status}");
}
