//! What the person at the page has others do on the network, and how the network misbehaves.

use std::time::Duration;

use serde::Deserialize;

use crate::network::{DemoNetwork, Fault, LOBBY};

/// Longer names and words than these are a slip of the keyboard.
const LONGEST_NAME: usize = 40;
const LONGEST_TEXT: usize = 10_000;

/// How long the network asks to wait.
const BUSY: Duration = Duration::from_secs(10);

/// Somebody does something in the lobby.
#[derive(Debug, Deserialize)]
pub(super) struct Deed {
    who: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum What {
    Say { text: String },
    Answer { number: Number, text: String },
    Edit { number: Number, text: String },
    TakeBack { number: Number },
    React { number: Number, emoji: String, set: bool },
    Type { typing: bool },
    Read { number: Number },
    Topic { text: String },
    Rank { whom: String, level: i64 },
    Come,
    Go,
}

/// A message's number, as the page has it: in text.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Number(i64);

impl TryFrom<String> for Number {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl Deed {
    /// Plays it. An error says what is wrong with it.
    pub(super) fn play(self, network: &DemoNetwork) -> Result<(), &'static str> {
        let who = self.who.trim();
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if who.is_empty() || who.chars().count() > LONGEST_NAME || !who.chars().all(is_name) {
            return Err("A name is letters, digits, `-`, `_` and `.`, up to 40.");
        }
        match self.what {
            What::Say { text } => {
                network.says(who, LOBBY, words(&text)?);
            }
            What::Answer { number: Number(number), text } => {
                network.answers(who, LOBBY, number, words(&text)?);
            }
            What::Edit { number: Number(number), text } => {
                own(network, who, number)?;
                network.edits(who, LOBBY, number, words(&text)?);
            }
            What::TakeBack { number: Number(number) } => {
                own(network, who, number)?;
                network.takes_back(who, LOBBY, number);
            }
            What::React { number: Number(number), emoji, set } => {
                network.reacts(who, LOBBY, number, words(&emoji)?, set);
            }
            What::Type { typing } => network.types(who, LOBBY, typing),
            What::Read { number: Number(number) } => network.reads(who, LOBBY, number),
            What::Topic { text } => network.sets_topic(who, LOBBY, words(&text)?),
            What::Rank { whom, level } => network.ranks(who, &whom, LOBBY, level),
            What::Come => network.comes(who, LOBBY),
            What::Go => network.goes(who, LOBBY),
        }
        Ok(())
    }
}

fn words(text: &str) -> Result<&str, &'static str> {
    match text.trim() {
        "" => Err("There is nothing in it."),
        text if text.chars().count() > LONGEST_TEXT => Err("That is too long."),
        text => Ok(text),
    }
}

fn own(network: &DemoNetwork, who: &str, number: i64) -> Result<(), &'static str> {
    let said = network.said_in(LOBBY);
    match said.iter().find(|said| said.number == number) {
        Some(said) if said.by == who => Ok(()),
        Some(_) => Err("That is somebody else's."),
        None => Err("That is not there (any more)."),
    }
}

/// How the network misbehaves.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum Mischief {
    /// It goes away, or comes back.
    Reachable { reachable: bool },
    /// The next message arrives, its answer does not.
    LoseAnswer,
    /// The next message is refused.
    Refuse,
    /// The next message has to wait.
    Busy,
    /// All files are lost.
    ForgetFiles,
}

impl Mischief {
    pub(super) fn play(self, network: &DemoNetwork) {
        match self {
            Self::Reachable { reachable } => network.set_reachable(reachable),
            Self::LoseAnswer => network.fail_next(Fault::AnswerLost),
            Self::Refuse => network.fail_next(Fault::Refused("the stage was told to".to_owned())),
            Self::Busy => network.fail_next(Fault::Busy(BUSY)),
            Self::ForgetFiles => network.forget_files(),
        }
    }
}
