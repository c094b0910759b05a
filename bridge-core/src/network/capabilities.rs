//! What a chat can do, as data. The core refuses, converts or degrades from this table before the
//! network is called; `help`, the feature table and the conformance suite read the same one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Formatting, MessageKind, Operation};

/// How well something is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Refused, and the sender is told.
    Rejected,
    /// Left out in silence where nobody misses it (typing, receipts).
    Dropped,
    /// Not known to the network; carried as readable text.
    Degraded,
    /// Carried with limits.
    Partial,
    /// Carried in full.
    Full,
}

/// Limits of a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Longest text of one remote message in bytes; `None`: no limit known.
    pub text_bytes: Option<usize>,
    /// Longest topic in bytes.
    pub topic_bytes: Option<usize>,
    /// Largest file in bytes; a larger one is carried as a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_bytes: Option<u64>,
    /// For how long a message can be changed, in milliseconds after it was said; later it is
    /// degraded. `None`: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit_for_ms: Option<i64>,
    /// The reactions there are; another is degraded. `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reactions: Option<Vec<String>>,
    /// The commands the network takes ([`super::Operation::Command`]): a message that begins with `/`
    /// and one of these is one. Every other is a text like any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
}

/// In which scope the network keeps order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ordering {
    /// Within a chat.
    PerChat,
    /// Within an account.
    PerAccount,
    /// Not at all.
    None,
}

/// What the core must know about delivery in this chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryFacts {
    /// Whether an event's `id` is the same for every login that hears it. Where it is not, one
    /// login per portal listens and the others' copies are not committed.
    pub ids_shared: bool,
    /// The scope of order.
    pub ordering: Ordering,
    /// How many steps of one lane may be under way at once (at least 1).
    pub max_inflight: usize,
}

/// What a chat can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Level per operation; what is not listed is as [`Operation::unlisted`] says.
    operations: BTreeMap<String, Level>,
    /// How well formatting is carried; what is not listed is left out and the text stays.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    formatting: BTreeMap<Formatting, Level>,
    /// Limits.
    pub limits: Limits,
    /// Delivery.
    pub delivery: DeliveryFacts,
}

impl Capabilities {
    /// Makes a table in which nothing is carried.
    pub fn none(delivery: DeliveryFacts) -> Self {
        let (operations, formatting) = (BTreeMap::new(), BTreeMap::new());
        Self { operations, formatting, limits: Limits::default(), delivery }
    }

    /// Sets one operation's level.
    pub fn with(mut self, operation: Operation, level: Level) -> Self {
        self.operations.insert(key(operation), level);
        self
    }

    /// Sets the text kinds (text, notice, emote) to full.
    pub fn with_text(self) -> Self {
        self.with(Operation::Message(MessageKind::Text), Level::Full)
            .with(Operation::Message(MessageKind::Notice), Level::Full)
            .with(Operation::Message(MessageKind::Emote), Level::Full)
    }

    /// Sets how well some formatting is carried.
    pub fn with_formatting(
        mut self,
        level: Level,
        formatting: impl IntoIterator<Item = Formatting>,
    ) -> Self {
        self.formatting.extend(formatting.into_iter().map(|one| (one, level)));
        self
    }

    /// Sets the limits.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns what is listed about formatting.
    pub fn formatting(&self) -> &BTreeMap<Formatting, Level> {
        &self.formatting
    }

    /// Returns how well an operation is carried.
    pub fn level(&self, operation: Operation) -> Level {
        self.operations.get(&key(operation)).copied().unwrap_or_else(|| operation.unlisted())
    }
}

/// The operation's name in the table: `message.text`, `edit`, ...
fn key(operation: Operation) -> String {
    match operation {
        Operation::Message(kind) => format!("message.{kind:?}").to_lowercase(),
        other => format!("{other:?}").to_lowercase(),
    }
}
