//! What goes from Matrix to a network, before a bridge has planned its steps.

use serde::{Deserialize, Serialize};

use super::{Disappearing, MediaRef, MessageContent, RemoteMembership, ReplyTo};
use crate::ids::{LoginId, PortalKey, RemoteMessageId, RemoteUserId};

/// One thing a Matrix person did in a portal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Where it goes.
    pub portal: PortalKey,
    /// In whose name it is said there.
    pub speaker: Speaker,
    /// The Matrix event it comes from.
    pub source: EventSource,
    /// What it is.
    pub kind: OutgoingKind,
}

/// In whose name something is said on the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case")]
pub enum Speaker {
    /// The sender's own remote account.
    Login {
        /// Which.
        login: LoginId,
    },
    /// Another account that speaks for people who have none.
    Relay {
        /// The account that carries it.
        login: LoginId,
        /// Whose words they are.
        profile: Profile,
    },
    /// A remote puppet of the Matrix person (networks where we may invent senders).
    Puppet {
        /// The Matrix person.
        mxid: String,
        /// As they want to be shown.
        profile: Profile,
    },
}

impl Speaker {
    /// Returns the login that carries it, where one does.
    pub fn login(&self) -> Option<&LoginId> {
        match self {
            Self::Login { login } | Self::Relay { login, .. } => Some(login),
            Self::Puppet { .. } => None,
        }
    }
}

/// How a Matrix person is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Their Matrix id.
    pub mxid: String,
    /// Their display name, or their id where they have none.
    pub name: String,
    /// Their picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<MediaRef>,
    /// Their name as it is written into texts: no longer than people read, and with a mark in it
    /// that keeps it from calling somebody, where the operator wants that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// What stands before their words where the network cannot show whose they are (`<Carol> `).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

impl Profile {
    /// Makes a profile of a name.
    pub fn new(mxid: impl Into<String>, name: impl Into<String>) -> Self {
        Self { mxid: mxid.into(), name: name.into(), avatar: None, written: None, prefix: None }
    }

    /// Returns their name as it is written into texts.
    pub fn written(&self) -> &str {
        self.written.as_deref().unwrap_or(&self.name)
    }

    /// Returns what stands before their words where the network cannot show whose they are.
    pub fn prefix(&self) -> String {
        self.prefix.clone().unwrap_or_else(|| format!("<{}> ", self.name))
    }
}

/// The Matrix event behind something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSource {
    /// The room.
    pub room_id: String,
    /// The event.
    pub event_id: String,
    /// Its sender.
    pub sender: String,
    /// `origin_server_ts`, Unix milliseconds.
    pub timestamp: i64,
}

/// What a Matrix person did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OutgoingKind {
    /// Said something.
    Message {
        /// What.
        content: MessageContent,
        /// In answer to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<ReplyTo>,
        /// In which thread.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread: Option<RemoteMessageId>,
    },
    /// Changed a message.
    Edit {
        /// Which (its first part).
        target: RemoteMessageId,
        /// All remote messages it is made of, the first as well.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<RemoteMessageId>,
        /// To what.
        content: MessageContent,
    },
    /// Took a message back. One that became several is taken back part by part.
    Redaction {
        /// Which.
        target: RemoteMessageId,
    },
    /// Reacted.
    Reaction {
        /// To what.
        target: RemoteMessageId,
        /// With what: an emoji, or `:name:` of one the network has by this name.
        key: String,
    },
    /// Took a reaction back.
    ReactionRemove {
        /// From what.
        target: RemoteMessageId,
        /// Which.
        key: String,
    },
    /// Pinned or unpinned.
    Pin {
        /// Which.
        target: RemoteMessageId,
        /// On or off.
        pinned: bool,
    },
    /// Started a poll, in words.
    Poll {
        /// Question and answers.
        content: MessageContent,
    },
    /// Has read up to here.
    Receipt {
        /// Which.
        target: RemoteMessageId,
    },
    /// Types, or stopped.
    Typing {
        /// Which of the two.
        typing: bool,
    },
    /// Changed someone's place in the room.
    Membership {
        /// Whose, where it is a remote person.
        user: RemoteUserId,
        /// To what.
        membership: RemoteMembership,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Gave a remote person more or fewer rights.
    PowerLevels {
        /// Who.
        user: RemoteUserId,
        /// Their level now.
        level: i64,
        /// Their level so far, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<i64>,
    },
    /// Set the room's name.
    Name {
        /// To what.
        name: String,
    },
    /// Set the room's topic.
    Topic {
        /// To what.
        topic: String,
    },
    /// Set the room's picture.
    Avatar {
        /// To what; `None` removes it.
        avatar: Option<MediaRef>,
    },
    /// Set for how long messages stay.
    DisappearingTimer {
        /// For how long.
        timer: Disappearing,
    },
    /// Gave the network a command: one of those it names ([`super::Limits::commands`]).
    Command {
        /// Which, without the `/`.
        name: String,
        /// What stands behind it.
        arguments: String,
    },
    /// Deleted the chat.
    ChatDelete {
        /// For everybody in it, not only for the account.
        for_everybody: bool,
    },
    /// Called, on Matrix. Calls do not cross.
    Call {
        /// Whether they want to be seen.
        video: bool,
    },
}

impl OutgoingKind {
    /// Returns the capability this kind needs.
    pub fn operation(&self) -> super::Operation {
        use super::Operation;
        match self {
            Self::Message { content, .. } => Operation::Message(content.kind),
            Self::Edit { .. } => Operation::Edit,
            Self::Redaction { .. } => Operation::Redaction,
            Self::Reaction { .. } | Self::ReactionRemove { .. } => Operation::Reaction,
            Self::Pin { .. } => Operation::Pin,
            Self::Poll { .. } => Operation::Poll,
            Self::Receipt { .. } => Operation::Receipt,
            Self::Typing { .. } => Operation::Typing,
            Self::Membership { .. } => Operation::Membership,
            Self::PowerLevels { .. } => Operation::PowerLevels,
            Self::Name { .. } => Operation::Name,
            Self::Topic { .. } => Operation::Topic,
            Self::Avatar { .. } => Operation::Avatar,
            Self::DisappearingTimer { .. } => Operation::DisappearingTimer,
            Self::Command { .. } => Operation::Command,
            Self::ChatDelete { .. } => Operation::ChatDelete,
            Self::Call { .. } => Operation::Call,
        }
    }
}
