//! What a message says, the same type both ways. Every kind has its variant, so that the core can
//! carry, degrade or refuse it in words.

use serde::{Deserialize, Serialize};

use super::Contact;
use crate::ids::{RemoteMessageId, RemoteUserId};

/// Text with optional markup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormattedText {
    /// The text as a person without markup reads it. UTF-8, `\n` between lines.
    pub plain: String,
    /// The same as Matrix HTML (`org.matrix.custom.html`), where there is markup. Spoilers, code and
    /// colours are in it (`<span data-mx-spoiler>`, `<code>`, `data-mx-color`). The core lets only
    /// what the Matrix specification allows pass, in both directions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

impl FormattedText {
    /// Makes text without markup.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { plain: text.into(), html: None }
    }

    /// Makes text with markup.
    pub fn html(plain: impl Into<String>, html: impl Into<String>) -> Self {
        Self { plain: plain.into(), html: Some(html.into()) }
    }
}

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// `m.text`
    Text,
    /// `m.notice`: said by a program; must not be answered by one.
    Notice,
    /// `m.emote`: `/me` does something.
    Emote,
    /// `m.image`
    Image,
    /// `m.video`
    Video,
    /// `m.audio`
    Audio,
    /// `m.audio` marked as a voice message.
    Voice,
    /// `m.file`
    File,
    /// `m.sticker`
    Sticker,
    /// `m.location`
    Location,
    /// Somebody's name and how they are reached. From a network it is data
    /// ([`MessageContent::contact`]); from Matrix it comes as the file it is there, a vCard, to networks
    /// that carry contacts ([`Contact::from_vcard`] reads it).
    Contact,
}

impl MessageKind {
    /// Whether a file belongs to it.
    pub fn is_media(self) -> bool {
        match self {
            Self::Image | Self::Video | Self::Audio | Self::Voice | Self::File | Self::Sticker => {
                true
            }
            Self::Text | Self::Notice | Self::Emote | Self::Location | Self::Contact => false,
        }
    }
}

/// A pointer to media that can be fetched again: data, never a bare URL.
///
/// From Matrix it names the homeserver's copy (`source` is `mxc`); a client reads it through the
/// [`super::MediaSource`] it was handed when it connected. From a network it says what
/// [`super::NetworkClient::fetch_media`] needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRef {
    /// Where it lives: `mxc` for Matrix, else what the bridge calls it.
    pub source: String,
    /// What the owner needs to fetch (and refresh) it.
    pub locator: serde_json::Value,
    /// The network's own name of the file, where it has one: the same name, the same bytes. A file
    /// that is known by it (else by its locator) is brought to the homeserver once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The file's name as the sender gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The content type as the sender claims it; never trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Bytes, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Width in pixels, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u64>,
    /// Height in pixels, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// How long it plays, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// From Matrix: a signed link anybody can open until it expires or the message is taken back.
    /// `None` where no public address is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// Who a message is meant for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mentions {
    /// The people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Mention>,
    /// Everybody in the room (`@room`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub room: bool,
}

impl Mentions {
    /// Whether nobody is meant.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty() && !self.room
    }
}

/// One person a message is meant for.
///
/// From Matrix the core fills in what it knows: `mxid` always, `user` where the person is a ghost or
/// has a login on this network, `name` as Matrix shows it. From a network `user` is enough.
///
/// In HTML a mention is a link. From Matrix it is `https://matrix.to/#/<mxid>` as clients write it.
/// From a network write [`Mention::pill`], of which the core makes that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// The person on Matrix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mxid: Option<String>,
    /// The person on the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<RemoteUserId>,
    /// What they are called in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The scheme of links to remote people in HTML that comes from networks.
pub(crate) const PILL_SCHEME: &str = "rialto-user:";

impl Mention {
    /// Makes a mention of a remote person.
    pub fn remote(user: RemoteUserId) -> Self {
        Self { mxid: None, user: Some(user), name: None }
    }

    /// Makes the HTML of a mention of a remote person, for messages from a network.
    pub fn pill(user: &RemoteUserId, text: &str) -> String {
        let text = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;");
        let id = crate::matrix::escape::path_segment(user.as_str());
        format!("<a href=\"{PILL_SCHEME}{id}\">{text}</a>")
    }
}

/// The message a message answers.
///
/// From Matrix, author and excerpt are filled in where the answered message could be read. Where the
/// capability table does not offer [`super::Operation::Reply`], the core makes text of it and the
/// bridge sees none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// The message, where the other side knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<RemoteMessageId>,
    /// What its author is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Its author on the network, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author_id: Option<RemoteUserId>,
    /// How it begins: one line, cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

impl ReplyTo {
    /// Makes a reference to a message both sides know.
    pub fn message(target: RemoteMessageId) -> Self {
        Self { target: Some(target), ..Self::default() }
    }
}

/// One message's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageContent {
    /// The kind.
    pub kind: MessageKind,
    /// The text, or the caption of media.
    pub text: FormattedText,
    /// The media, for the kinds that have some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaRef>,
    /// Who it is meant for.
    #[serde(default, skip_serializing_if = "Mentions::is_empty")]
    pub mentions: Mentions,
    /// The place, for [`MessageKind::Location`]: a `geo:` URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The contact, for [`MessageKind::Contact`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
}

impl MessageContent {
    /// Makes a message of the given kind; set what belongs to it.
    pub fn new(kind: MessageKind, text: FormattedText) -> Self {
        Self { kind, text, media: None, mentions: Mentions::default(), place: None, contact: None }
    }

    /// Makes a plain text message.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(MessageKind::Text, FormattedText::plain(text))
    }

    /// Makes a plain message of the given kind.
    pub fn plain(kind: MessageKind, text: impl Into<String>) -> Self {
        Self::new(kind, FormattedText::plain(text))
    }

    /// Adds whom it is meant for.
    pub fn with_mentions(mut self, mentions: Mentions) -> Self {
        self.mentions = mentions;
        self
    }

    /// Makes a contact.
    pub fn contact(contact: Contact) -> Self {
        let text = FormattedText::plain(contact.in_words());
        Self { contact: Some(contact), ..Self::new(MessageKind::Contact, text) }
    }

    /// Adds its file.
    pub fn with_media(mut self, media: MediaRef) -> Self {
        self.media = Some(media);
        self
    }
}
