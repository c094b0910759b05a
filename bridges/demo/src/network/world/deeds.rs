//! What members do, what happens by that, and why it does not.

use std::time::Duration;

use thiserror::Error;

use super::Room;
use crate::ids::Place;
use crate::network::{DemoFile, SaidKind};

/// Why the network does not do something.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Refused {
    #[error("the network is away")]
    Unreachable,
    #[error("the network asks to wait")]
    Busy(Duration),
    #[error("the network did not answer")]
    NoAnswer,
    #[error("there is no such chat")]
    NoSuchChat,
    #[error("the network knows no such account")]
    NoSuchAccount,
    #[error("you are not a member of this chat")]
    NotAMember,
    #[error("{0}")]
    Because(String),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) number: i64,
    /// The number of what the same account heard before, as it is told.
    pub(crate) after: i64,
    pub(crate) at: i64,
    pub(crate) by: String,
    pub(crate) what: Happening,
    /// What the sender's client called it.
    pub(crate) key: Option<String>,
    /// The number of the message that showed its file first.
    pub(crate) file_of: i64,
    pub(super) room: Room,
}

/// Something a member does in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Say {
        kind: SaidKind,
        text: String,
        html: Option<String>,
        reply_to: Option<i64>,
        thread: Option<i64>,
        file: Option<DemoFile>,
    },
    Album {
        files: Vec<DemoFile>,
        caption: String,
    },
    Ask {
        question: String,
        answers: Vec<String>,
    },
    Call {
        video: bool,
    },
    Close {
        reason: String,
    },
    Edit {
        target: i64,
        text: String,
    },
    TakeBack {
        target: i64,
    },
    React {
        target: i64,
        emoji: String,
        set: bool,
    },
    Pin {
        target: i64,
        pinned: bool,
    },
    Name {
        name: String,
    },
    Topic {
        topic: String,
    },
    Remove {
        who: String,
        ban: bool,
        reason: String,
    },
    Rank {
        who: String,
        level: i64,
    },
    Read {
        target: i64,
    },
    Type {
        typing: bool,
    },
    Invite {
        who: String,
    },
    Unban {
        who: String,
    },
    Knock,
    Leave,
    Command {
        name: String,
        arguments: String,
    },
    Picture {
        file: Option<DemoFile>,
    },
    Timer {
        ms: i64,
    },
    Deliver {
        target: i64,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    Said {
        kind: SaidKind,
        text: String,
        html: Option<String>,
        reply_to: Option<i64>,
        thread: Option<i64>,
        file: Option<DemoFile>,
    },
    Album {
        files: Vec<DemoFile>,
        caption: String,
    },
    Asked {
        question: String,
        answers: Vec<String>,
    },
    Called {
        video: bool,
    },
    Closed {
        reason: String,
    },
    Edited {
        target: i64,
        text: String,
    },
    TakenBack {
        target: i64,
    },
    Reacted {
        target: i64,
        emoji: String,
        set: bool,
    },
    Pinned {
        target: i64,
        pinned: bool,
    },
    Ranked {
        who: String,
        level: i64,
    },
    Read {
        target: i64,
    },
    Typing {
        typing: bool,
    },
    Named(String),
    Topic(String),
    Came(String),
    Went(String),
    Removed(String, String),
    Banned(String, String),
    Invited(String),
    Unbanned(String),
    Knocked,
    Pictured(Option<DemoFile>),
    Timed {
        ms: i64,
    },
    Delivered {
        target: i64,
    },
    /// A person has another id.
    Renamed {
        old: String,
        new: String,
    },
    /// The group has another id.
    Moved {
        old: String,
        new: String,
    },
}

impl Deed {
    /// Says something plain.
    pub(crate) fn say(kind: SaidKind, text: &str) -> Self {
        let (text, html) = (text.to_owned(), None);
        Self::Say { kind, text, html, reply_to: None, thread: None, file: None }
    }

    /// The same, in the thread that begins with a message.
    pub(crate) fn in_thread(mut self, number: i64) -> Self {
        if let Self::Say { thread, .. } = &mut self {
            *thread = Some(number);
        }
        self
    }

    /// The same, in answer to a message.
    pub(crate) fn in_answer_to(mut self, number: i64) -> Self {
        if let Self::Say { reply_to, .. } = &mut self {
            *reply_to = Some(number);
        }
        self
    }
}

impl Happening {
    /// Whether it may be lost: only the latest counts.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Typing { .. })
    }

    /// Whether the network calls it by a number of its own.
    pub(crate) fn has_number(&self) -> bool {
        matches!(
            self,
            Self::Said { .. }
                | Self::Album { .. }
                | Self::Asked { .. }
                | Self::Called { .. }
                | Self::Edited { .. }
                | Self::TakenBack { .. }
        )
    }
}

impl Update {
    /// Returns where it happened, as one of those who were there calls it.
    pub(crate) fn place_for(&self, account: &str) -> Place {
        match &self.room {
            Room::Group(name) => Place::Group(name.clone()),
            Room::Between(one, other) if one == account => Place::With(other.clone()),
            Room::Between(one, _) => Place::With(one.clone()),
        }
    }
}
