//! What a bridge's author tells the suite: how the network's other side is started, how remote people
//! act there, and what they see. Everything is data, so that one suite fits every network.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bridge_core::network::{Contact, MessageKind, NetworkFactory};
use serde_json::{Value, json};

/// The other side of a network, and the way to it.
///
/// Only four methods have to be written; the others say what an ordinary network would. People are
/// called by short names (`alice`, `bob`, `carol`); `alice` and `dave` log in through the bridge and
/// have accounts of these names, `bob` and `carol` are remote. They come into a chat by themselves
/// when they first act in it.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// Starts a network of its own, with the chats that are named here.
    async fn start() -> Self
    where
        Self: Sized;

    /// Returns the server's name where a bridge plays the suite against several: each is a column of
    /// the feature table.
    fn variant() -> &'static str
    where
        Self: Sized,
    {
        ""
    }

    /// Returns, in words, what this machine lacks to start the network. Then nothing is shown, and it
    /// is a failure where everything has to be there (`RIALTO_TEST_REQUIRE_ALL=1`).
    fn missing() -> Option<String>
    where
        Self: Sized,
    {
        None
    }

    /// Returns what makes the bridge's connector to this network.
    fn factory(&self) -> NetworkFactory;

    /// Has somebody do something in a chat; waits until the network has taken it.
    async fn does(&self, who: &str, chat: &str, act: Act) -> Done;

    /// Returns what remote people see in a chat now.
    async fn sees(&self, chat: &str) -> Seen;

    /// Returns the network's section of the configuration.
    fn section(&self) -> Value {
        json!({})
    }

    /// Returns what a person answers to log in: fields and values of the first login flow.
    fn login(&self, person: &str) -> Vec<(&'static str, String)> {
        vec![("name", person.to_owned())]
    }

    /// Returns answers the network refuses.
    fn wrong_login(&self) -> Option<Vec<(&'static str, String)>> {
        None
    }

    /// Returns the name of a chat of several people, as `join` takes it.
    fn chat(&self) -> &'static str {
        "lobby"
    }

    /// Returns the name of another one, where there can be two.
    fn other_chat(&self) -> Option<&'static str> {
        None
    }

    /// Returns a command the network takes (`/toss florin`), and words its people read then.
    fn command(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// Returns how a remote person is called on Matrix.
    fn shown_name(&self, person: &str) -> String {
        person.to_owned()
    }

    /// Makes trouble; `false` where this network or harness knows no such trouble.
    async fn trouble(&self, _trouble: Trouble) -> bool {
        false
    }

    /// Whether the network tells again what the bridge has not taken in, after a crash and after it
    /// was away. Where it does not, what was lost must be named a gap.
    fn replays(&self) -> bool {
        true
    }

    /// Returns how often remote people look again while the suite waits for something.
    fn looks_every(&self) -> Duration {
        Duration::from_millis(10)
    }
}

/// What somebody does in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Says something.
    Say(Words),
    /// Shows a file of a kind, with words about it.
    Show {
        /// Which kind.
        kind: MessageKind,
        /// The file.
        file: File,
        /// The words; may be empty.
        caption: String,
    },
    /// Shows several files as one message, with words about them.
    Album {
        /// The files.
        files: Vec<File>,
        /// The words.
        caption: String,
    },
    /// Asks something, with answers to choose from.
    Ask {
        /// What.
        question: String,
        /// The answers.
        answers: Vec<String>,
    },
    /// Shows a contact.
    Contact(Contact),
    /// Reacts with a picture of the network's own, which is called `:name:`.
    ReactWith {
        /// To which message.
        message: String,
        /// What it is called.
        name: String,
        /// The picture.
        picture: File,
    },
    /// A message reaches them; they have not read it.
    Receive {
        /// Which.
        message: String,
    },
    /// Sets for how long messages stay.
    Disappear {
        /// In milliseconds; 0: for good.
        after_ms: i64,
    },
    /// Sets the chat's picture, or takes it away.
    Picture(Option<File>),
    /// Asks somebody in.
    Invite {
        /// Whom.
        whom: String,
    },
    /// Lets somebody in again who was banned.
    Unban {
        /// Whom.
        whom: String,
    },
    /// Asks to come in.
    Knock,
    /// Somebody gets another id, and is the same person for good.
    NewId {
        /// Who.
        of: String,
        /// What they are called from now on.
        id: String,
    },
    /// The chat gets another id, and is the same chat for good.
    Move {
        /// What it is called from now on.
        to: String,
    },
    /// Calls.
    Call,
    /// Closes the chat for good.
    Close,
    /// Shows a place (`geo:` URI).
    Place(String),
    /// Changes a message.
    Edit {
        /// Which.
        message: String,
        /// To what.
        text: String,
    },
    /// Takes a message back.
    TakeBack {
        /// Which.
        message: String,
    },
    /// Reacts, or no longer.
    React {
        /// To which message.
        message: String,
        /// With what.
        key: String,
        /// Whether it is set or taken back.
        set: bool,
    },
    /// Pins a message, or no longer.
    Pin {
        /// Which.
        message: String,
        /// Pinned or not.
        pinned: bool,
    },
    /// Has read up to a message.
    Read {
        /// Which.
        message: String,
    },
    /// Types.
    Type,
    /// Names the chat.
    Name(String),
    /// Sets the topic.
    Topic(String),
    /// Comes in.
    Come,
    /// Leaves.
    Go,
    /// Removes somebody.
    Remove {
        /// Whom.
        whom: String,
        /// Why.
        reason: String,
    },
    /// Removes somebody and keeps them out.
    Ban {
        /// Whom.
        whom: String,
        /// Why.
        reason: String,
    },
    /// Agrees to what an account of the bridge asks in the chat.
    Agree {
        /// Which account.
        with: String,
    },
    /// Gives somebody a rank, as a Matrix power level (0, 50, 100).
    Rank {
        /// Whom.
        whom: String,
        /// Which.
        level: i64,
    },
}

/// Something that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Text, notice or emote.
    pub kind: MessageKind,
    /// The text.
    pub text: String,
    /// The message it answers.
    pub reply_to: Option<String>,
    /// The first message of its thread.
    pub thread: Option<String>,
    /// Whom it calls by name. The name stands in the text.
    pub mentions: Vec<String>,
    /// Which of its words are bold, where the network has markup.
    pub bold: Option<String>,
}

impl Words {
    /// Makes plain words.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::of(MessageKind::Text, text)
    }

    /// Makes words of a kind.
    pub fn of(kind: MessageKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            reply_to: None,
            thread: None,
            mentions: Vec::new(),
            bold: None,
        }
    }

    /// Whether they are nothing but text.
    pub fn is_plain(&self) -> bool {
        *self == Self::plain(self.text.clone())
    }
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// What it is.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What came of an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is done, and this message of the network came of it.
    Message(String),
    /// It is done.
    Yes,
    /// People on this network cannot do such a thing.
    No,
}

/// What remote people see in a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Everything that was said since the beginning, in order, as it reads now.
    pub said: Vec<Heard>,
    /// The name, where the network tells.
    pub name: Option<String>,
    /// The topic, where the network tells.
    pub topic: Option<String>,
    /// Who is there, where the network tells.
    pub members: Vec<String>,
    /// Ranks, as Matrix power levels.
    pub ranks: BTreeMap<String, i64>,
    /// Pinned messages.
    pub pinned: Vec<String>,
    /// Who was seen typing, ever.
    pub typed: Vec<String>,
    /// Up to which message somebody has read.
    pub read: BTreeMap<String, String>,
    /// The chat's picture.
    pub picture: Option<Vec<u8>>,
    /// For how long messages stay, in milliseconds; 0: for good.
    pub disappears_ms: Option<i64>,
    /// Who is asked in and has not come; `None` where nobody else sees that.
    pub invited: Option<Vec<String>>,
    /// Who is kept out.
    pub banned: Vec<String>,
    /// Whether the chat has ended.
    pub closed: bool,
}

/// One message as remote people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What the network calls it; empty where it has no names for messages.
    pub id: String,
    /// By whom.
    pub by: String,
    /// What kind.
    pub kind: MessageKind,
    /// The text, or the words about a file. A network with markup of its own strips it here.
    pub text: String,
    /// The words that are shown bold.
    pub bold: Vec<String>,
    /// The message it answers.
    pub reply_to: Option<String>,
    /// The first message of its thread.
    pub thread: Option<String>,
    /// Whether it was changed.
    pub edited: bool,
    /// Who reacts with what, as often as it was set.
    pub reactions: Vec<(String, String)>,
    /// Its file.
    pub file: Option<File>,
    /// The contact.
    pub contact: Option<Contact>,
}

impl Heard {
    /// Makes a text.
    pub fn text(by: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            id: String::new(),
            by: by.into(),
            kind: MessageKind::Text,
            text: text.into(),
            bold: Vec::new(),
            reply_to: None,
            thread: None,
            edited: false,
            reactions: Vec::new(),
            file: None,
            contact: None,
        }
    }
}

/// Trouble on the network's side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The next message of `alice` is refused.
    Refuse,
    /// The next message of `alice` is not taken before this time has passed: the network says so.
    Busy(Duration),
    /// The network is away until it is [`Trouble::Back`].
    Away,
    /// It is back.
    Back,
    /// The network no longer knows the account of `alice`.
    NoAccount,
    /// The network has forgotten every file.
    ForgetFiles,
    /// From now on this goes wrong again and again.
    Again(Mishap),
}

/// What may go wrong again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mishap {
    /// Every answer takes a while.
    Slowness,
    /// The line drops, and is there again at once.
    Drops,
    /// News is told twice.
    Repeats,
    /// News is told in another order than it happened.
    Disorder,
    /// Some messages have to wait.
    Limits,
    /// Some messages arrive without an answer.
    LostAnswers,
}
