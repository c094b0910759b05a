//! The other side of the bridge: remote people are raw clients in two channels.

use std::collections::HashMap;
use std::time::Duration;

use bridge_core::network::{MessageKind, NetworkFactory};
use bridge_testkit::async_trait;
use bridge_testkit::conformance::{Act, Done, Harness, Seen, Trouble, Words};
use bridge_testkit::peers::{Line, RawIrc, find_program};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::servers::Server;
use crate::witness::{look, said_in};

const CHATS: [&str; 2] = ["#rialto", "#arsenale"];
const WITNESS: &str = "witness";

/// Two channels on a server.
pub(crate) struct Channel<S> {
    server: Mutex<S>,
    people: Mutex<People>,
}

/// The remote people, who are gone when the server is.
#[derive(Default)]
struct People {
    clients: HashMap<String, RawIrc>,
    /// What the witness heard before the server went away.
    before: Vec<Line>,
}

impl<S: Server> Channel<S> {
    /// Bob comes first, because whoever comes first is the channel's operator.
    async fn gather(&self) {
        let server = self.server.lock().await;
        let mut people = self.people.lock().await;
        let (bob, witness) = tokio::join!(server.observer("bob"), server.observer(WITNESS));
        for (name, client) in [("bob", bob), (WITNESS, witness)] {
            let mut client = client.expect("the server takes people in");
            for chat in CHATS {
                client.join(chat).await.expect("everybody may come in");
            }
            people.clients.insert(name.to_owned(), client);
        }
    }

    async fn command(&self, who: &str, chat: &str, lines: &[String]) -> Done {
        let server = self.server.lock().await;
        let mut people = self.people.lock().await;
        if !people.clients.contains_key(who) {
            let mut client = server.observer(who).await.expect("the server takes people in");
            client.join(chat).await.expect("everybody may come in");
            people.clients.insert(who.to_owned(), client);
        }
        let client = people.clients.get_mut(who).expect("they were brought in");
        for line in lines {
            client.command(line).await.expect("the server listens");
        }
        client.barrier().await.expect("the server works");
        // The server tells whoever says something what it is called there.
        let heard = client.heard();
        let mut own = heard.iter().rev().filter(|heard| heard.line.nick() == who);
        let message = own.find_map(|heard| heard.line.tags.get("msgid")).cloned();
        match message {
            Some(message) if S::TAGS => Done::Message(message),
            _ => Done::Yes,
        }
    }

    /// What clients say in tags.
    async fn tag(&self, who: &str, chat: &str, tags: &str) -> Done {
        if !S::TAGS {
            return Done::No;
        }
        self.command(who, chat, &[format!("@{tags} TAGMSG {chat}")]).await;
        Done::Yes
    }

    async fn say(&self, who: &str, chat: &str, words: Words) -> Done {
        if words.thread.is_some() || (words.reply_to.is_some() && !S::TAGS) {
            return Done::No;
        }
        let tags = words.reply_to.map(|message| format!("@+draft/reply={message} "));
        let tags = tags.unwrap_or_default();
        let bold = words.bold.unwrap_or_default();
        let text = match bold.is_empty() {
            true => words.text,
            false => words.text.replace(&bold, &format!("\u{2}{bold}\u{2}")),
        };
        let say = |text: &str| match words.kind {
            MessageKind::Notice => format!("{tags}NOTICE {chat} :{text}"),
            MessageKind::Emote => format!("{tags}PRIVMSG {chat} :\u{1}ACTION {text}\u{1}"),
            _ => format!("{tags}PRIVMSG {chat} :{text}"),
        };
        let lines: Vec<String> = text.lines().map(say).collect();
        self.command(who, chat, &lines).await
    }
}

#[async_trait]
impl<S: Server> Harness for Channel<S> {
    async fn start() -> Self {
        let server = S::start().expect("the server starts");
        let harness = Self { server: Mutex::new(server), people: Mutex::default() };
        harness.gather().await;
        harness
    }

    fn variant() -> &'static str {
        S::NAME
    }

    fn missing() -> Option<String> {
        let hint = format!("{} is not installed; `cargo xtask test --install` does it", S::NAME);
        find_program(S::PROGRAM).is_none().then_some(hint)
    }

    fn factory(&self) -> NetworkFactory {
        bridge_irc::factory()
    }

    fn section(&self) -> Value {
        let address = self.server.try_lock().expect("nobody holds it between two acts").address();
        let pacing = json!({ "burst": 10_000, "interval_ms": 1 });
        json!({ "server": address, "tls": false, "pacing": pacing })
    }

    fn login(&self, person: &str) -> Vec<(&'static str, String)> {
        vec![("nick", person.to_owned())]
    }

    fn wrong_login(&self) -> Option<Vec<(&'static str, String)>> {
        Some(vec![("nick", "9lives".to_owned())])
    }

    fn chat(&self) -> &'static str {
        CHATS[0]
    }

    fn other_chat(&self) -> Option<&'static str> {
        Some(CHATS[1])
    }

    async fn does(&self, who: &str, chat: &str, act: Act) -> Done {
        if who == "alice" {
            return Done::No;
        }
        let line = match act {
            Act::Say(words) => return self.say(who, chat, words).await,
            Act::React { message, key, set } => {
                let verb = if set { "react" } else { "unreact" };
                let tags = format!("+draft/{verb}={key};+draft/reply={message}");
                return self.tag(who, chat, &tags).await;
            }
            Act::Type => return self.tag(who, chat, "+typing=active").await,
            Act::Topic(topic) => format!("TOPIC {chat} :{topic}"),
            Act::Come => format!("JOIN {chat}"),
            Act::Go => format!("PART {chat}"),
            Act::Remove { whom, reason } => format!("KICK {chat} {whom} :{reason}"),
            Act::Rank { whom, level } => {
                let sign = if level >= 50 { '+' } else { '-' };
                format!("MODE {chat} {sign}o {whom}")
            }
            Act::Agree { with } => format!("PRIVMSG {chat} :{with}: yes"),
            _ => return Done::No,
        };
        self.command(who, chat, &[line]).await
    }

    async fn sees(&self, chat: &str) -> Seen {
        let people = self.people.lock().await;
        let heard = people.clients.get(WITNESS).map(RawIrc::heard).unwrap_or_default();
        let now = heard.iter().map(|heard| &heard.line);
        let mut seen = Seen { topic: Some(String::new()), ..Seen::default() };
        seen.said = said_in(people.before.iter().chain(now.clone()), chat);
        // Who is there and what they may is as the witness knows it since it came.
        now.for_each(|line| look(&mut seen, line, chat));
        seen
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        let mode = |sign: char| CHATS.map(|chat| format!("MODE {chat} {sign}m"));
        match trouble {
            Trouble::Refuse => {
                self.command("bob", CHATS[0], &mode('+')).await;
                true
            }
            Trouble::Away => {
                let mut people = self.people.lock().await;
                let heard = people.clients.get(WITNESS).map(RawIrc::heard).unwrap_or_default();
                people.before.extend(heard.into_iter().map(|heard| heard.line));
                people.clients.clear();
                self.server.lock().await.kill().expect("the server can be ended");
                true
            }
            Trouble::Back => {
                if self.people.lock().await.clients.is_empty() {
                    self.server.lock().await.resume().expect("the server starts again");
                    self.gather().await;
                } else {
                    self.command("bob", CHATS[0], &mode('-')).await;
                }
                true
            }
            _ => false,
        }
    }

    /// What nobody heard is gone.
    fn replays(&self) -> bool {
        false
    }

    fn looks_every(&self) -> Duration {
        Duration::from_millis(5)
    }
}
