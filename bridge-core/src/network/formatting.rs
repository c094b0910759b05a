//! The ways in which a text can be formatted, named as clients ask for them.

use serde::{Deserialize, Serialize};

/// A way to format text. The names are those of `com.beeper.room_features`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Formatting {
    /// `strong`, `b`.
    Bold,
    /// `em`, `i`.
    Italic,
    /// `u`.
    Underline,
    /// `del`, `s`.
    Strikethrough,
    /// `code` within a line.
    InlineCode,
    /// `pre`.
    CodeBlock,
    /// `blockquote`.
    Blockquote,
    /// `a`.
    InlineLink,
    /// A link that names a person.
    UserLink,
    /// `ul`.
    UnorderedList,
    /// `ol`.
    OrderedList,
    /// `data-mx-spoiler`.
    Spoiler,
    /// `data-mx-color`.
    #[serde(rename = "color.foreground")]
    Foreground,
    /// `data-mx-bg-color`.
    #[serde(rename = "color.background")]
    Background,
    /// `hr`.
    HorizontalLine,
    /// `h1` to `h6`.
    Headers,
    /// `table`.
    Table,
}

impl Formatting {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Bold,
        Self::Italic,
        Self::Underline,
        Self::Strikethrough,
        Self::InlineCode,
        Self::CodeBlock,
        Self::Blockquote,
        Self::InlineLink,
        Self::UserLink,
        Self::UnorderedList,
        Self::OrderedList,
        Self::Spoiler,
        Self::Foreground,
        Self::Background,
        Self::HorizontalLine,
        Self::Headers,
        Self::Table,
    ];
}
