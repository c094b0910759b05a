//! One send, and what became of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Level, MessageKind};
use crate::ids::RemoteMessageId;

/// What a step does, as far as the core must know: it names the capability and the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Says something of this kind.
    Message(MessageKind),
    /// Changes a message.
    Edit,
    /// Takes one back.
    Redaction,
    /// Sets or removes a reaction.
    Reaction,
    /// Pins or unpins.
    Pin,
    /// Starts a poll.
    Poll,
    /// Marks as read.
    Receipt,
    /// Shows typing.
    Typing,
    /// Invites, kicks, bans.
    Membership,
    /// Names the chat.
    Name,
    /// Sets the topic.
    Topic,
    /// Sets the picture.
    Avatar,
    /// Says which message is answered. Where it is not listed, the core quotes it in the text.
    Reply,
    /// Says in which thread. Where it is not listed, the message goes to the chat itself.
    Thread,
    /// Calls people by name. Where it is not listed, their names are just text.
    Mention,
    /// Gives people more or fewer rights.
    PowerLevels,
    /// Tells that a message has reached somebody. The network tells us; nothing is sent for it.
    Delivery,
    /// Says for how long messages stay.
    DisappearingTimer,
    /// Gives the network a command of its own (`/topic`, `/giphy`), by the names in
    /// [`super::Limits::commands`].
    Command,
    /// Ends the chat.
    ChatDelete,
    /// Calls. Calls do not cross; [`Level::Degraded`] has them told in words.
    Call,
}

impl Operation {
    /// Returns how well an operation is carried by a table that does not list it: what has a
    /// readable form as text takes that, what nobody misses is left out, all else is refused.
    pub fn unlisted(self) -> Level {
        match self {
            Self::Reply | Self::Thread | Self::Mention => Level::Degraded,
            Self::Typing | Self::Receipt | Self::Delivery => Level::Dropped,
            Self::Message(_)
            | Self::Edit
            | Self::Redaction
            | Self::Reaction
            | Self::Pin
            | Self::Poll
            | Self::Membership
            | Self::Name
            | Self::Topic
            | Self::Avatar
            | Self::PowerLevels
            | Self::DisappearingTimer
            | Self::Command
            | Self::ChatDelete
            | Self::Call => Level::Rejected,
        }
    }
}

/// One send towards a network, planned by the bridge, stored by the core and executed as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteStep {
    /// What it does.
    pub operation: Operation,
    /// How a lost answer is resolved.
    pub lost_answer: LostAnswer,
    /// Everything the bridge needs to send it; read by nobody else.
    pub payload: serde_json::Value,
}

/// How the answer to a send is found out when it was lost (a crash, a broken connection).
/// Only `Natural`, or `ClientKey` within its window, is ever sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostAnswer {
    /// The network ignores a second send with the same key for this long.
    ClientKey {
        /// The window in milliseconds.
        window_ms: i64,
    },
    /// Doing it twice is the same as doing it once.
    Natural,
    /// The network sends it back to us with our key or text.
    EchoMatch,
    /// It can be looked up in the chat's history.
    HistoryMatch,
    /// Something sent behind it is answered only after it was processed.
    Barrier,
    /// It cannot be known.
    None,
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum SendOutcome {
    /// The network has it.
    Confirmed {
        /// Its id there, where the network gives one.
        remote_id: Option<RemoteMessageId>,
        /// When, by the network's clock, Unix milliseconds.
        timestamp: Option<i64>,
    },
    /// Sent; the confirmation will come as an event or settlement with the step's key. The lane
    /// goes on. After the time the step is resolved as if the answer were lost.
    AwaitEcho {
        /// How long to wait.
        within: Duration,
    },
    /// Certainly not applied (refused connection, a documented rate limit): try again.
    Retry {
        /// Not before this time has passed.
        after: Duration,
        /// For the log and the status.
        reason: String,
    },
    /// Certainly not applied, because the login is not connected: the step waits for it.
    Offline,
    /// Refused for good.
    Failed {
        /// For the person who sent it: what happened and what they can do.
        words: String,
    },
    /// May or may not have been applied; the person is told.
    Unknown {
        /// For the log and the status.
        reason: String,
    },
}
