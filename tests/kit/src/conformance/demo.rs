//! The demo network as the suite sees it: it can do everything, so it shows what the suite asks for.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bridge_core::network::{Contact, MessageKind, NetworkFactory};
use bridge_demo::{DemoFile, DemoNetwork, Fault, Habit, LOBBY, Said, SaidKind, factory_for};
use support_clock::SystemClock;

use super::harness::{Act, Done, File, Harness, Heard, Mishap, Seen, Trouble, Words};

const OTHER_CHAT: &str = "arsenale";
const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

/// The demo network, without anybody in it.
#[derive(Clone, Debug)]
pub struct DemoHarness {
    network: DemoNetwork,
}

impl DemoHarness {
    /// Returns the network.
    pub fn network(&self) -> &DemoNetwork {
        &self.network
    }

    fn say(&self, who: &str, chat: &str, words: &Words) -> Done {
        let network = &self.network;
        if !words.mentions.is_empty() {
            return Done::No;
        }
        let kind = match words.kind {
            MessageKind::Notice => SaidKind::Notice,
            MessageKind::Emote => SaidKind::Emote,
            _ => SaidKind::Text,
        };
        if let Some(root) = &words.thread {
            let number = network.says_in_thread(who, chat, number(root), &words.text);
            return Done::Message(number.to_string());
        }
        let number = match (&words.reply_to, &words.bold) {
            (Some(target), _) => network.answers(who, chat, number(target), &words.text),
            (None, Some(bold)) => {
                let html = words.text.replace(bold, &format!("<strong>{bold}</strong>"));
                network.marks(who, chat, &words.text, &html)
            }
            (None, None) => network.speaks(who, chat, kind, &words.text),
        };
        Done::Message(number.to_string())
    }
}

fn number(message: &str) -> i64 {
    message.parse().expect("the network numbers its messages")
}

#[async_trait]
impl Harness for DemoHarness {
    async fn start() -> Self {
        let network = DemoNetwork::new(SystemClock::shared());
        network.add_group(LOBBY);
        network.add_group(OTHER_CHAT);
        Self { network }
    }

    fn factory(&self) -> NetworkFactory {
        factory_for(self.network.clone())
    }

    fn wrong_login(&self) -> Option<Vec<(&'static str, String)>> {
        Some(vec![("name", "no name at all".to_owned())])
    }

    fn other_chat(&self) -> Option<&'static str> {
        Some(OTHER_CHAT)
    }

    fn command(&self) -> Option<(&'static str, &'static str)> {
        Some(("/toss florin", "uses /toss: florin"))
    }

    async fn does(&self, who: &str, chat: &str, act: Act) -> Done {
        let network = &self.network;
        match act {
            Act::Contact(contact) => {
                let card = contact.to_vcard();
                let number = network.speaks(who, chat, SaidKind::Contact, &card);
                return Done::Message(number.to_string());
            }
            Act::ReactWith { message, name, picture } => {
                network.add_emoji(&name, file(picture));
                network.reacts(who, chat, number(&message), &name, true);
            }
            Act::Receive { message } => network.receives(who, chat, number(&message)),
            Act::Disappear { after_ms } => network.sets_timer(who, chat, after_ms),
            Act::Picture(picture) => network.sets_picture(who, chat, picture.map(file)),
            Act::Invite { whom } => network.invites(who, &whom, chat),
            Act::Unban { whom } => network.unbans(who, &whom, chat),
            Act::Knock => network.knocks(who, chat),
            Act::NewId { of, id } => network.renames_person(&of, &id),
            Act::Move { to } => network.moves_group(who, chat, &to),
            Act::Say(words) => return self.say(who, chat, &words),
            Act::Show { kind, file, caption } => {
                let kind = match kind {
                    MessageKind::Voice => SaidKind::Voice,
                    MessageKind::Sticker => SaidKind::Sticker,
                    _ => SaidKind::File,
                };
                let number = network.shows_as(who, chat, kind, self::file(file), &caption);
                return Done::Message(number.to_string());
            }
            Act::Edit { message, text } => network.edits(who, chat, number(&message), &text),
            Act::TakeBack { message } => network.takes_back(who, chat, number(&message)),
            Act::React { message, key, set } => {
                network.reacts(who, chat, number(&message), &key, set);
            }
            Act::Read { message } => network.reads(who, chat, number(&message)),
            Act::Album { files, caption } => {
                let files = files.into_iter().map(file).collect();
                let number = network.shows_album(who, chat, files, &caption);
                return Done::Message(number.to_string());
            }
            Act::Ask { question, answers } => {
                let number = network.asks(who, chat, &question, &answers);
                return Done::Message(number.to_string());
            }
            Act::Call => network.calls(who, chat, false),
            Act::Close => network.closes(who, chat, "it was only for the regatta"),
            Act::Pin { message, pinned } => network.pins(who, chat, number(&message), pinned),
            Act::Place(place) => {
                let number = network.speaks(who, chat, SaidKind::Place, &place);
                return Done::Message(number.to_string());
            }
            Act::Name(name) => network.names(who, chat, &name),
            Act::Ban { whom, reason } => network.bans(who, &whom, chat, &reason),
            Act::Type => network.types(who, chat, true),
            Act::Topic(topic) => network.sets_topic(who, chat, &topic),
            Act::Come => network.comes(who, chat),
            Act::Go => network.goes(who, chat),
            Act::Remove { whom, reason } => network.removes(who, &whom, chat, &reason),
            Act::Rank { whom, level } => network.ranks(who, &whom, chat, level),
            _ => return Done::No,
        }
        Done::Yes
    }

    async fn sees(&self, chat: &str) -> Seen {
        let network = &self.network;
        let ranks = PEOPLE.iter().map(|who| ((*who).to_owned(), network.rank(who, chat)));
        let typed = ["alice"].iter().filter(|who| network.is_typing(who, chat));
        let read = ["alice"].iter().filter_map(|who| {
            let up_to = network.read_up_to(who, chat)?;
            Some(((*who).to_owned(), up_to.to_string()))
        });
        Seen {
            typed: typed.map(|who| (*who).to_owned()).collect(),
            read: read.collect(),
            said: network.said_in(chat).into_iter().map(heard).collect(),
            name: network.name(chat),
            topic: Some(network.topic(chat)),
            pinned: network.pinned(chat).iter().map(i64::to_string).collect(),
            members: network.members(chat),
            ranks: ranks.collect::<BTreeMap<_, _>>(),
            picture: network.picture(chat).map(|file| file.bytes),
            disappears_ms: Some(network.disappearing_ms(chat)),
            invited: Some(network.invited(chat)),
            banned: network.banned(chat),
            closed: network.is_closed(chat),
        }
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        let network = &self.network;
        match trouble {
            Trouble::Refuse => network.fail_next(Fault::Refused("the tide is too high".to_owned())),
            Trouble::Busy(time) => network.fail_next(Fault::Busy(time)),
            Trouble::Away => network.set_reachable(false),
            Trouble::Back => network.set_reachable(true),
            Trouble::NoAccount => network.delete_account("alice"),
            Trouble::ForgetFiles => network.forget_files(),
            Trouble::Again(mishap) => network.set_habits([match mishap {
                Mishap::Slowness => Habit::Slow,
                Mishap::Drops => Habit::Disconnecting,
                Mishap::Repeats => Habit::Duplicating,
                Mishap::Disorder => Habit::Reordering,
                Mishap::Limits => Habit::RateLimiting,
                Mishap::LostAnswers => Habit::LosingAcknowledgements,
            }]),
        }
        true
    }
}

fn file(File { name, content_type, bytes }: File) -> DemoFile {
    DemoFile { name, content_type, bytes }
}

fn heard(said: Said) -> Heard {
    let kind = match (said.kind, &said.file) {
        (SaidKind::Text, _) => MessageKind::Text,
        (SaidKind::Notice, _) => MessageKind::Notice,
        (SaidKind::Emote, _) => MessageKind::Emote,
        (SaidKind::Voice, _) => MessageKind::Voice,
        (SaidKind::Sticker, _) => MessageKind::Sticker,
        (SaidKind::Place, _) => MessageKind::Location,
        (SaidKind::Contact, _) => MessageKind::Contact,
        (SaidKind::File, _) => MessageKind::File,
    };
    let html = said.html.unwrap_or_default();
    let file = said.file.map(|file| File {
        name: file.name,
        content_type: file.content_type,
        bytes: file.bytes,
    });
    Heard {
        id: said.number.to_string(),
        contact: Contact::from_vcard(&said.text),
        kind,
        bold: bold(&html),
        reply_to: said.reply_to.map(|number| number.to_string()),
        thread: said.thread.map(|number| number.to_string()),
        edited: said.edited,
        reactions: said.reactions,
        file,
        ..Heard::text(said.by, without_stars(said.text, &html))
    }
}

/// Whoever reads the markup does not read the stars that stand for it in plain text.
fn without_stars(text: String, html: &str) -> String {
    if html.is_empty() { text } else { text.replace("**", "") }
}

/// Returns the words in bold of simple markup.
fn bold(html: &str) -> Vec<String> {
    let pieces = html.split("<strong>").skip(1);
    pieces.filter_map(|piece| piece.split("</strong>").next()).map(str::to_owned).collect()
}
