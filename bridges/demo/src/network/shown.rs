//! What is on the network, as those who are there see it.

use std::sync::Arc;

use bridge_core::network::MediaStream;
use serde::{Deserialize, Serialize};

/// What kind of thing was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaidKind {
    /// Words.
    Text,
    /// Words of a program.
    Notice,
    /// Something done.
    Emote,
    /// A file, with words about it.
    File,
    /// Something spoken, as a file.
    Voice,
    /// A sticker, as a file.
    Sticker,
    /// A place, as a `geo:` URI and perhaps words about it.
    Place,
    /// A contact, as a vCard.
    Contact,
}

/// A file on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoFile {
    /// Its name.
    pub name: String,
    /// What it is.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Makes a file's bytes whenever it is asked for.
pub type FileSource = Arc<dyn Fn() -> MediaStream + Send + Sync>;

/// Something that was said in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its number; `m` and this number is the message's id.
    pub number: i64,
    /// By whom.
    pub by: String,
    /// What kind.
    pub kind: SaidKind,
    /// What, as it reads now.
    pub text: String,
    /// The same with markup, as Matrix writes it, where it has some.
    pub html: Option<String>,
    /// Whether it was changed.
    pub edited: bool,
    /// The number of the message it answers.
    pub reply_to: Option<i64>,
    /// The number of the message its thread begins with.
    pub thread: Option<i64>,
    /// Its file.
    pub file: Option<DemoFile>,
    /// Who reacts with what, in order.
    pub reactions: Vec<(String, String)>,
}
