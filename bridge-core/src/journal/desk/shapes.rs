//! What can be asked of the journal and what is answered: plain data, for a command line, for the bot
//! and for scripts. Nothing of a payload is ever among it.

use serde::{Deserialize, Serialize};

/// A question or an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum JournalOrder {
    /// Lists rows that are not settled, and those that ended badly.
    List(JournalFilter),
    /// Shows one row.
    Show {
        /// The row.
        id: i64,
    },
    /// Has a row run again now.
    Retry {
        /// The row.
        id: i64,
        /// Also if it may be on the other side already, and so be there twice.
        even_if_doubled: bool,
    },
    /// Takes a row out of the journal.
    Drop {
        /// The row.
        id: i64,
    },
    /// Tells the journey of a message.
    Trace {
        /// A Matrix event's id or a remote message's.
        id: String,
    },
}

/// Which rows are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalFilter {
    /// Of this network only.
    pub network: Option<String>,
    /// Standing there only: `queued`, `sending`, `awaiting`, `lost`, `retry`, `parked`, `reporting`,
    /// `failed`, `unknown` or `expired`.
    pub state: Option<String>,
    /// Of this room only.
    pub room: Option<String>,
    /// Behind this row only.
    pub after: Option<i64>,
    /// How many at most.
    pub limit: Option<i64>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalAnswer {
    /// A page of the list.
    Page(JournalPage),
    /// One row.
    Story(Box<JournalStory>),
    /// A message's journey.
    Trace(JournalTrace),
    /// It is done.
    Done {
        /// The row that is there now.
        id: i64,
        /// What happens next, in words.
        words: String,
    },
}

/// A page of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalPage {
    /// The rows, the oldest first.
    pub rows: Vec<JournalLine>,
    /// The last row of a page that is not the last one: the next begins behind it.
    pub next: Option<i64>,
}

/// One row in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Its number, by which it is named.
    pub id: i64,
    /// `from_matrix` or `to_matrix`.
    pub direction: String,
    /// Where it stands; see [`JournalFilter::state`]. A settled row stands where it ended.
    pub state: String,
    /// The event's type or the remote kind.
    pub kind: String,
    /// The lane it keeps its place in.
    pub lane: String,
    /// The networks it concerns.
    pub networks: Vec<String>,
    /// The Matrix room it happened in.
    pub room: Option<String>,
    /// The Matrix event.
    pub event_id: Option<String>,
    /// Who did it: a Matrix id or a remote one.
    pub sender: Option<String>,
    /// The network's id of it.
    pub remote_id: Option<String>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was accepted, Unix milliseconds, as all times here.
    pub accepted_at: i64,
    /// How long ago that is, milliseconds.
    pub age_ms: i64,
    /// When it is tried again.
    pub next_at: Option<i64>,
    /// What is waited for, in words.
    pub waits_for: Option<String>,
    /// Why it went as it did, in words.
    pub reason: Option<String>,
}

/// One row with everything that is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalStory {
    /// In short.
    #[serde(flatten)]
    pub line: JournalLine,
    /// What became of it.
    pub outcome: Option<String>,
    /// The login that heard it.
    pub login: Option<String>,
    /// Further logins that heard it.
    pub witnesses: Vec<String>,
    /// When its steps were decided.
    pub planned_at: Option<i64>,
    /// When it was last set aside.
    pub parked_at: Option<i64>,
    /// When it was last put back in its place.
    pub resumed_at: Option<i64>,
    /// When it was settled.
    pub settled_at: Option<i64>,
    /// The row whose event it carries again.
    pub again_of: Option<i64>,
    /// The row that carries its event again.
    pub again_as: Option<i64>,
    /// What it became.
    pub steps: Vec<JournalStep>,
    /// What did not go straight.
    pub notes: Vec<JournalNote>,
}

/// One send of a row's plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalStep {
    /// Its number in the row.
    pub step: i64,
    /// What it does: `message`, `reaction`, `topic`, ...
    pub operation: String,
    /// Where it stands: `queued`, `sending`, `awaiting`, `retry`, `lost`, `unplanned`, `sent`,
    /// `failed`, `unknown`, `expired`, `ignored`.
    pub state: String,
    /// The network of its chat.
    pub network: Option<String>,
    /// The chat it goes to, or comes from.
    pub chat: Option<String>,
    /// The login that carries it.
    pub login: Option<String>,
    /// The room it goes to.
    pub room: Option<String>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was first tried.
    pub first_sent_at: Option<i64>,
    /// When it was last tried.
    pub last_sent_at: Option<i64>,
    /// When the last answer came.
    pub answered_at: Option<i64>,
    /// When it is tried again.
    pub next_at: Option<i64>,
    /// Until when a confirmation is waited for.
    pub deadline: Option<i64>,
    /// The network's id of it.
    pub remote_id: Option<String>,
    /// The Matrix event it became.
    pub event_id: Option<String>,
    /// In words.
    pub reason: Option<String>,
}

/// Something that did not go straight.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalNote {
    /// When.
    pub at: i64,
    /// The step it concerns, if one.
    pub step: Option<i64>,
    /// What: the state an attempt led to, `planning`, `retried` or `dropped`.
    pub what: String,
    /// In words.
    pub words: String,
}

/// A message's journey.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalTrace {
    /// What was asked for.
    pub id: String,
    /// The rows that concern it, the oldest first.
    pub stories: Vec<JournalStory>,
    /// What is remembered of it for as long as its chat is mirrored.
    pub pairs: Vec<JournalPair>,
}

/// A Matrix event and a remote message that are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalPair {
    /// The network.
    pub network: String,
    /// The chat.
    pub chat: String,
    /// The message there.
    pub remote_id: String,
    /// Which part of it.
    pub part: i64,
    /// The room.
    pub room: String,
    /// The event.
    pub event_id: String,
    /// When, by the network's clock.
    pub at: Option<i64>,
    /// Whether it was taken back.
    pub redacted: bool,
}
