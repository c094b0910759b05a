//! News from a network, as data. A [`RemoteEvent`] is stored as it is, planned later, and may be
//! planned again after a crash; nothing in it may depend on the moment it is read.

use serde::{Deserialize, Serialize};

use super::{
    ChatInfo, ChatKind, Disappearing, FormattedText, MediaRef, MessageContent, RemoteMembership,
    ReplyTo, UserInfo,
};
use crate::ids::{LoginId, RemoteChatId, RemoteMessageId, RemoteUserId, SendKey};

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteEvent {
    /// The chat it happened in.
    pub chat: RemoteChatId,
    /// Set where the chat id is a private view of this login (see [`crate::ids::PortalKey`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<LoginId>,
    /// The network's own id of this news, where it gives one: the same for every login that hears
    /// it and for every time it is delivered. `None` makes the core choose a random one at commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RemoteMessageId>,
    /// Distinguishes repeated news about the same id: an edit's stamp or a hash of its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Who did it; `None` where the network does not tell (a server's own topic).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<RemoteSender>,
    /// When, in Unix milliseconds by the network's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    /// Set when this is our own message coming back: it settles that step and is not bridged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_of: Option<SendKey>,
    /// If no room mirrors this chat yet: make one of this kind (`None`: then the news is ignored).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creates: Option<ChatKind>,
    /// What happened.
    pub kind: RemoteEventKind,
}

/// Who did something on the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteSender {
    /// The account.
    pub user: RemoteUserId,
    /// Whether it is the account of the login that reports: then it appears on Matrix under the
    /// owner's own name (double puppeting).
    #[serde(default)]
    pub is_me: bool,
    /// The profile, where it came along; saves asking for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<UserInfo>,
}

/// What happened. Every kind a network may report; those no bridge carries yet are shown by the
/// core's central fallback, never dropped in silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RemoteEventKind {
    /// Someone said something.
    Message(RemoteMessage),
    /// A message was changed.
    Edit {
        /// The message that was changed.
        target: RemoteMessageId,
        /// Which part of it, where it has several (see [`RemoteMessage::more`]).
        #[serde(default)]
        part: i64,
        /// Its content now.
        content: MessageContent,
    },
    /// A message was taken back.
    Redaction {
        /// The message.
        target: RemoteMessageId,
    },
    /// Someone reacted.
    Reaction {
        /// To which message.
        target: RemoteMessageId,
        /// With what: an emoji, or `:name:` of one of the network's own.
        key: String,
        /// The picture of one of the network's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        picture: Option<MediaRef>,
    },
    /// A reaction was taken back.
    ReactionRemove {
        /// From which message.
        target: RemoteMessageId,
        /// Which.
        key: String,
    },
    /// Someone has read up to a message.
    Receipt {
        /// The message.
        target: RemoteMessageId,
    },
    /// A message has reached the event's sender, who need not have read it.
    Delivery {
        /// The message.
        target: RemoteMessageId,
    },
    /// Someone types (milliseconds it lasts; 0 ends it). Goes through `ephemeral`.
    Typing {
        /// How long.
        timeout_ms: i64,
    },
    /// A message was pinned or unpinned.
    Pin {
        /// The message.
        target: RemoteMessageId,
        /// Pinned or no longer.
        pinned: bool,
    },
    /// A poll in words.
    Poll {
        /// Question and answers as text.
        text: FormattedText,
    },
    /// Someone calls. Calls do not cross; the people in the room are told.
    Call {
        /// Whether they want to be seen.
        video: bool,
    },
    /// Facts about the chat, in full or in part.
    ChatInfo(ChatInfo),
    /// The topic was set by someone.
    Topic(TopicChange),
    /// Someone came, left, or was made to.
    Membership(MembershipChange),
    /// What people may do in the chat changed. Who is not listed is as before.
    PowerLevels {
        /// The people and what they may do now.
        levels: Vec<PowerLevel>,
    },
    /// Someone set for how long messages stay.
    DisappearingTimer {
        /// For how long.
        timer: Disappearing,
    },
    /// The chat no longer exists for this login.
    ChatDelete {
        /// In words, where the network tells.
        reason: Option<String>,
    },
    /// A chat or person has a new id.
    IdChanged {
        /// The id so far.
        old: String,
        /// The id from now on.
        new: String,
        /// Whose.
        #[serde(default)]
        of: IdOf,
    },
    /// Continuity was lost.
    Gap(Gap),
    /// Something for the people in the room to read, said by the bridge itself.
    BridgeNotice {
        /// In words.
        text: String,
    },
}

/// Whose id has changed, and what that proves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdOf {
    /// The name somebody goes by, which others may take after them: who had it goes, who has the new
    /// one comes.
    #[default]
    Name,
    /// A person, for good: they stay who they are on Matrix, and the old id means them too.
    Person,
    /// The event's chat, for good: its room stays, and the old id means it too. `old` is the id it is
    /// known by here.
    Chat,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteMessage {
    /// What it says.
    pub content: MessageContent,
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    /// The first message of its thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<RemoteMessageId>,
    /// Further parts under the same id (an album): part 1 and on; `content` is part 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<MessageContent>,
}

impl RemoteMessage {
    /// Makes a message that answers none.
    pub fn new(content: MessageContent) -> Self {
        Self { content, reply_to: None, thread: None, more: Vec::new() }
    }
}

/// What somebody may do in a chat, as a Matrix power level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerLevel {
    /// Who.
    pub user: RemoteUserId,
    /// Whether it is the reporting login's own account: then its owner has the level on Matrix.
    #[serde(default)]
    pub is_me: bool,
    /// The level: 0 anybody, 50 moderator, 100 administrator. Given below the bot's own.
    pub level: i64,
}

/// A topic was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicChange {
    /// The topic now; empty clears it.
    pub topic: String,
}

/// Someone's place in the chat changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipChange {
    /// Whose.
    pub user: RemoteUserId,
    /// Whether it is the reporting login's own account.
    #[serde(default)]
    pub is_me: bool,
    /// The profile, where it came along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<UserInfo>,
    /// To what. The event's `sender` is who did it.
    pub membership: RemoteMembership,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Continuity was lost: what was said between may be missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// From when, Unix milliseconds, as far as known.
    pub since: Option<i64>,
    /// Until when, Unix milliseconds.
    pub until: i64,
    /// Why, for the people in the room.
    pub reason: String,
}

impl RemoteEvent {
    /// Makes an event without ids, sender or time; set what is known.
    pub fn new(chat: RemoteChatId, kind: RemoteEventKind) -> Self {
        Self {
            chat,
            receiver: None,
            id: None,
            revision: None,
            sender: None,
            timestamp: None,
            echo_of: None,
            creates: None,
            kind,
        }
    }
}

impl RemoteEventKind {
    /// Returns the kind's name as the journal stores it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Edit { .. } => "edit",
            Self::Redaction { .. } => "redaction",
            Self::Reaction { .. } => "reaction",
            Self::ReactionRemove { .. } => "reaction_remove",
            Self::Receipt { .. } => "receipt",
            Self::Delivery { .. } => "delivery",
            Self::Typing { .. } => "typing",
            Self::Pin { .. } => "pin",
            Self::Poll { .. } => "poll",
            Self::Call { .. } => "call",
            Self::ChatInfo(_) => "chat_info",
            Self::Topic(_) => "topic",
            Self::Membership(_) => "membership",
            Self::PowerLevels { .. } => "power_levels",
            Self::DisappearingTimer { .. } => "disappearing_timer",
            Self::ChatDelete { .. } => "chat_delete",
            Self::IdChanged { .. } => "id_changed",
            Self::Gap(_) => "gap",
            Self::BridgeNotice { .. } => "bridge_notice",
        }
    }

    /// Whether the same news may rightly come again with the same content (someone joins, leaves
    /// and joins). Such news is compared with stored state and never deduplicated by key; in a
    /// shared portal only the listening login's copy counts.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::Message(_)
            | Self::Edit { .. }
            | Self::Redaction { .. }
            | Self::Poll { .. }
            | Self::Call { .. }
            | Self::BridgeNotice { .. } => false,
            Self::Reaction { .. }
            | Self::ReactionRemove { .. }
            | Self::Receipt { .. }
            | Self::Delivery { .. }
            | Self::DisappearingTimer { .. }
            | Self::Typing { .. }
            | Self::Pin { .. }
            | Self::ChatInfo(_)
            | Self::Topic(_)
            | Self::Membership(_)
            | Self::PowerLevels { .. }
            | Self::ChatDelete { .. }
            | Self::IdChanged { .. }
            | Self::Gap(_) => true,
        }
    }
}
