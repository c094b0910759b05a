//! The kinds of things that cross, by the names under which each can be switched off.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::{MessageContent, MessageKind, OutgoingKind, RemoteEventKind, RemoteMessage, is_card};
use crate::spelling::nearest;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)*) => {
        /// A kind of thing that crosses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $variant,)*
        }

        impl Kind {
            /// All there are.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns its name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// Text.
    Text => "text",
    /// What programs say.
    Notice => "notice",
    /// `/me` does something.
    Emote => "emote",
    /// Pictures.
    Image => "image",
    /// Videos.
    Video => "video",
    /// Sounds.
    Audio => "audio",
    /// Voice messages.
    Voice => "voice",
    /// Files.
    File => "file",
    /// Stickers.
    Sticker => "sticker",
    /// Places.
    Location => "location",
    /// Contacts.
    Contact => "contact",
    /// Changed messages.
    Edit => "edit",
    /// Messages that are taken back.
    Redaction => "redaction",
    /// Reactions.
    Reaction => "reaction",
    /// Which message is answered; it is said all the same.
    Reply => "reply",
    /// In which thread; it is said all the same.
    Thread => "thread",
    /// Pins.
    Pin => "pin",
    /// Polls.
    Poll => "poll",
    /// What somebody has read.
    Receipt => "receipt",
    /// What has arrived.
    Delivery => "delivery",
    /// Who types.
    Typing => "typing",
    /// Who comes and goes, is invited, removed, banned.
    Membership => "membership",
    /// Rights.
    PowerLevels => "power_levels",
    /// The room's name.
    Name => "name",
    /// The topic.
    Topic => "topic",
    /// The room's picture.
    Avatar => "avatar",
    /// For how long messages stay.
    DisappearingTimer => "disappearing_timer",
    /// Commands of the network.
    Command => "command",
    /// The end of the chat.
    ChatDelete => "chat_delete",
    /// Calls, in words.
    Call => "call",
}

/// There is no kind of this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no kind `{name}`{}; there are: {}", hint(.nearest), names())]
pub struct UnknownKind {
    /// What was said.
    pub name: String,
    /// What may have been meant.
    pub nearest: Option<&'static str>,
}

fn hint(nearest: &Option<&'static str>) -> String {
    nearest.map(|nearest| format!(", did you mean `{nearest}`?")).unwrap_or_default()
}

fn names() -> String {
    Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        let known = Self::ALL.iter().find(|kind| kind.as_str() == name).copied();
        known.ok_or_else(|| UnknownKind {
            name: name.to_owned(),
            nearest: nearest(name, Self::ALL.iter().map(|kind| kind.as_str())),
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl From<&MessageContent> for Kind {
    fn from(content: &MessageContent) -> Self {
        match content.kind {
            MessageKind::Text => Self::Text,
            MessageKind::Notice => Self::Notice,
            MessageKind::Emote => Self::Emote,
            MessageKind::Image => Self::Image,
            MessageKind::Video => Self::Video,
            MessageKind::Audio => Self::Audio,
            MessageKind::Voice => Self::Voice,
            MessageKind::File if content.media.as_ref().is_some_and(is_card) => Self::Contact,
            MessageKind::File => Self::File,
            MessageKind::Sticker => Self::Sticker,
            MessageKind::Location => Self::Location,
            MessageKind::Contact => Self::Contact,
        }
    }
}

impl OutgoingKind {
    /// Returns what it is: if any of these is switched off, it stays where it is.
    pub fn kinds(&self) -> Vec<Kind> {
        vec![match self {
            Self::Message { content, .. } => content.into(),
            // What was left out is not told by its changes.
            Self::Edit { content, .. } => return vec![Kind::Edit, content.into()],
            Self::Redaction { .. } => Kind::Redaction,
            Self::Reaction { .. } | Self::ReactionRemove { .. } => Kind::Reaction,
            Self::Pin { .. } => Kind::Pin,
            Self::Poll { .. } => Kind::Poll,
            Self::Receipt { .. } => Kind::Receipt,
            Self::Typing { .. } => Kind::Typing,
            Self::Membership { .. } => Kind::Membership,
            Self::PowerLevels { .. } => Kind::PowerLevels,
            Self::Name { .. } => Kind::Name,
            Self::Topic { .. } => Kind::Topic,
            Self::Avatar { .. } => Kind::Avatar,
            Self::DisappearingTimer { .. } => Kind::DisappearingTimer,
            Self::Command { .. } => Kind::Command,
            Self::ChatDelete { .. } => Kind::ChatDelete,
            Self::Call { .. } => Kind::Call,
        }]
    }
}

impl RemoteEventKind {
    /// Returns what it is: if any of these is switched off, it stays where it is. Facts about a chat
    /// are looked at one by one ([`super::ChatInfo`]); what the bridge itself has to say always comes.
    pub fn kinds(&self) -> Vec<Kind> {
        vec![match self {
            // Of several files none comes if one of them shall not.
            Self::Message(RemoteMessage { content, more, .. }) => {
                return std::iter::once(content).chain(more).map(Kind::from).collect();
            }
            Self::Edit { content, .. } => return vec![Kind::Edit, content.into()],
            Self::Redaction { .. } => Kind::Redaction,
            Self::Reaction { .. } | Self::ReactionRemove { .. } => Kind::Reaction,
            Self::Receipt { .. } => Kind::Receipt,
            Self::Delivery { .. } => Kind::Delivery,
            Self::Typing { .. } => Kind::Typing,
            Self::Pin { .. } => Kind::Pin,
            Self::Poll { .. } => Kind::Poll,
            Self::Call { .. } => Kind::Call,
            Self::Topic(_) => Kind::Topic,
            Self::Membership(_) => Kind::Membership,
            Self::PowerLevels { .. } => Kind::PowerLevels,
            Self::DisappearingTimer { .. } => Kind::DisappearingTimer,
            Self::ChatDelete { .. } => Kind::ChatDelete,
            Self::ChatInfo(_)
            | Self::IdChanged { .. }
            | Self::Gap(_)
            | Self::BridgeNotice { .. } => {
                return Vec::new();
            }
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_kind_is_told_what_it_may_have_been() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        let error = "reactoin".parse::<Kind>().expect_err("there is no such kind").to_string();
        assert!(error.contains("did you mean `reaction`?") && error.contains("typing"), "{error}");
        let read: Result<Vec<Kind>, _> = serde_json::from_str("[\"typing\", \"recipt\"]");
        assert!(read.expect_err("nor this").to_string().contains("`receipt`"));
    }
}
