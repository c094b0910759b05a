//! The names things have across the seams. Every id is a type of its own, so that a chat is never
//! taken for a person; the strings inside are formed by a bridge's `ids.rs` and nowhere else.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the string form. The string is opaque to everyone but its maker.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// Returns the string form, as it is stored.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

string_id! {
    /// One configured network: the key in `[networks.<id>]`. Permanent; leads every table key.
    NetworkId
}
string_id! {
    /// One remote account of one Matrix user, as the bridge numbers it: `<network>-<n>`.
    /// Short enough to be typed into `logout LOGIN`; never used again after a log-out.
    LoginId
}
string_id! {
    /// A remote person, by the most stable id the network proves (never a display name).
    RemoteUserId
}
string_id! {
    /// A remote chat: channel, group or conversation.
    RemoteChatId
}
string_id! {
    /// A remote message. Unique within its chat.
    RemoteMessageId
}

/// A Matrix room mirrors one remote chat; this is that chat's key.
///
/// `receiver` is set where the same remote id means different conversations for different logins
/// (private messages: "the chat with bob" is another chat for each of us) and is `None` where
/// several logins share one room.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PortalKey {
    /// The network instance.
    pub network: NetworkId,
    /// The remote chat.
    pub chat: RemoteChatId,
    /// The login whose private view this is, if it is one.
    pub receiver: Option<LoginId>,
}

impl fmt::Display for PortalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.chat)?;
        if let Some(receiver) = &self.receiver {
            write!(f, "@{receiver}")?;
        }
        Ok(())
    }
}

/// The key under which one step may reach its target, decided before the first attempt and the
/// same for every later one. 32 hexadecimal digits of a hash over (row, step).
///
/// Towards Matrix it is the transaction id; towards a network it is what `nonce`, `label`,
/// `random_id` and their like are made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SendKey(String);

impl SendKey {
    /// Wraps a key read back from the journal.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// Returns the key as text: lower-case hexadecimal, 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SendKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
