//! Linking a chat to a room that is there already: whether the network's people agree.

use serde::{Deserialize, Serialize};

use crate::ids::{RemoteChatId, RemoteUserId};

/// Somebody wants to link a chat to a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlumbRequest {
    /// The chat.
    pub chat: RemoteChatId,
    /// Who wants to, by Matrix id.
    pub mxid: String,
    /// Their own accounts on this network.
    pub accounts: Vec<RemoteUserId>,
}

/// What the network says to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "consent", rename_all = "snake_case")]
pub enum Consent {
    /// They may.
    Yes,
    /// They may not.
    No {
        /// Why, and what would help.
        words: String,
    },
    /// The network cannot tell: then an administrator of the bridge decides.
    Unknown {
        /// Why, and what would help.
        words: String,
    },
}
