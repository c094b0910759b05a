//! IRC against the conformance suite, on a real server: ngIRCd, the network with the fewest means.
//! Remote people are raw clients; one of them, the witness, sees everything and says nothing.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bridge_core::network::{MessageKind, NetworkFactory};
use bridge_testkit::conformance::{Act, Done, Harness, Heard, Seen, Trouble};
use bridge_testkit::peers::{Line, NgIrcd, RawIrc};
use bridge_testkit::{async_trait, bridge_conformance};
use serde_json::{Value, json};
use tokio::sync::Mutex;

const CHATS: [&str; 2] = ["#rialto", "#arsenale"];
const WITNESS: &str = "witness";

struct OldServer {
    server: Mutex<NgIrcd>,
    people: Mutex<People>,
}

/// The remote people, who are gone when the server is.
#[derive(Default)]
struct People {
    clients: HashMap<String, RawIrc>,
    /// What the witness heard before the server went away.
    before: Vec<Line>,
}

impl OldServer {
    /// Bob comes first, because whoever comes first is the channel's operator.
    async fn gather(&self) {
        let server = self.server.lock().await;
        let mut people = self.people.lock().await;
        for name in ["bob", WITNESS] {
            let mut client = server.observer(name).await.expect("the server takes people in");
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
        Done::Yes
    }
}

#[async_trait]
impl Harness for OldServer {
    async fn start() -> Self {
        let server = NgIrcd::start().expect("ngIRCd starts");
        let harness = Self { server: Mutex::new(server), people: Mutex::default() };
        harness.gather().await;
        harness
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
            Act::Say(words) => {
                if words.reply_to.is_some() || words.thread.is_some() {
                    return Done::No;
                }
                let bold = words.bold.unwrap_or_default();
                let text = match bold.is_empty() {
                    true => words.text,
                    false => words.text.replace(&bold, &format!("\u{2}{bold}\u{2}")),
                };
                let say = |text: &str| match words.kind {
                    MessageKind::Notice => format!("NOTICE {chat} :{text}"),
                    MessageKind::Emote => format!("PRIVMSG {chat} :\u{1}ACTION {text}\u{1}"),
                    _ => format!("PRIVMSG {chat} :{text}"),
                };
                let lines: Vec<String> = text.lines().map(say).collect();
                return self.command(who, chat, &lines).await;
            }
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
        let said = people.before.iter().chain(now.clone()).filter_map(|line| said(line, chat));
        seen.said = said.collect();
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

/// Reads what somebody said in a chat.
fn said(line: &Line, chat: &str) -> Option<Heard> {
    if !matches!(line.command.as_str(), "PRIVMSG" | "NOTICE") || line.param(0) != chat {
        return None;
    }
    let text = line.text();
    let action = text.strip_prefix("\u{1}ACTION ").map(|text| text.trim_end_matches('\u{1}'));
    let kind = match (line.command.as_str(), action) {
        (_, Some(_)) => MessageKind::Emote,
        ("NOTICE", None) => MessageKind::Notice,
        _ => MessageKind::Text,
    };
    let text = action.unwrap_or(text);
    // Every second piece between two marks of bold is bold.
    let bold = text.split('\u{2}').skip(1).step_by(2).map(str::to_owned).collect();
    let plain = text.replace(['\u{2}', '\u{f}'], "");
    Some(Heard { kind, bold, ..Heard::text(line.nick(), plain) })
}

/// Follows who is in a chat, who operates it, and its topic.
fn look(seen: &mut Seen, line: &Line, chat: &str) {
    let gone = |members: &mut Vec<String>, who: &str| members.retain(|member| member != who);
    match line.command.as_str() {
        "353" if line.param(2) == chat => {
            let names = line.text().split_whitespace();
            seen.members =
                names.map(|name| name.trim_start_matches(['@', '+']).to_owned()).collect();
        }
        "JOIN" if line.param(0) == chat => seen.members.push(line.nick().to_owned()),
        "PART" if line.param(0) == chat => gone(&mut seen.members, line.nick()),
        "KICK" if line.param(0) == chat => gone(&mut seen.members, line.param(1)),
        "QUIT" => gone(&mut seen.members, line.nick()),
        "TOPIC" if line.param(0) == chat => seen.topic = Some(line.text().to_owned()),
        "MODE" if line.param(0) == chat => rank(&mut seen.ranks, line),
        _ => {}
    }
}

fn rank(ranks: &mut BTreeMap<String, i64>, line: &Line) {
    let level = match line.param(1) {
        "+o" => 50,
        "-o" => 0,
        _ => return,
    };
    ranks.insert(line.param(2).to_owned(), level);
}

bridge_conformance!(OldServer);
