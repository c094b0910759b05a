//! What a message says, the same type both ways. Text only crosses fully so far; every other kind
//! has its variant, so that the core can refuse or degrade it in words.

use serde::{Deserialize, Serialize};

/// Text with optional markup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormattedText {
    /// The text as a person without markup reads it. UTF-8, `\n` between lines.
    pub plain: String,
    /// The same as Matrix HTML (`org.matrix.custom.html`), where there is markup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

impl FormattedText {
    /// Makes text without markup.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { plain: text.into(), html: None }
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
    /// A contact card.
    Contact,
}

/// A pointer to media that can be fetched again: data, never a bare URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRef {
    /// Where it lives: `mxc` for Matrix, else what the bridge calls it.
    pub source: String,
    /// What the owner needs to fetch (and refresh) it.
    pub locator: serde_json::Value,
    /// The file's name as the sender gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The content type as the sender claims it; never trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Bytes, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
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
}

impl MessageContent {
    /// Makes a plain text message.
    pub fn text(text: impl Into<String>) -> Self {
        Self { kind: MessageKind::Text, text: FormattedText::plain(text), media: None }
    }

    /// Makes a plain message of the given kind.
    pub fn plain(kind: MessageKind, text: impl Into<String>) -> Self {
        Self { kind, text: FormattedText::plain(text), media: None }
    }
}
