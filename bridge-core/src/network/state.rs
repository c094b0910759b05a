//! The health of a login.

use serde::{Deserialize, Serialize};

/// What state a login is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BridgeStateKind {
    /// On the way up.
    Connecting,
    /// Working.
    Connected,
    /// Will come back by itself.
    TransientDisconnect,
    /// The network does not accept the credentials: the person must log in again.
    BadCredentials,
    /// Logged out.
    LoggedOut,
    /// Will not come back by itself; the message says what to do.
    UnknownError,
}

/// The health of a login, with words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeState {
    /// What state.
    pub kind: BridgeStateKind,
    /// For the person: what happened and what to do. Empty when connected.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl BridgeState {
    /// Makes a state without words.
    pub fn new(kind: BridgeStateKind) -> Self {
        Self { kind, message: String::new() }
    }

    /// Makes a state with words.
    pub fn with_message(kind: BridgeStateKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Whether messages can be sent now.
    pub fn is_connected(&self) -> bool {
        self.kind == BridgeStateKind::Connected
    }
}
