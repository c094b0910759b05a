//! What was said before: the door through which a network shows its past, page by page.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{NetworkError, RemoteEvent};
use crate::ids::RemoteChatId;

/// Something that happened, and its place in the chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastEvent {
    /// Its place in the network's own order of the chat (a number, a time in microseconds): what
    /// happened later has a higher one. A reaction may stand at its message's.
    pub order: i64,
    /// What happened.
    pub event: RemoteEvent,
}

/// Where a page ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum HistoryPlace {
    /// At the newest there is.
    #[default]
    Newest,
    /// Right before this place.
    Before {
        /// The place.
        order: i64,
        /// What the network calls the page, as it said with the page after it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
}

/// A piece of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// What happened, oldest first. Messages as they read now; edits, reactions and what was taken
    /// back may follow a message of the same page.
    pub events: Vec<PastEvent>,
    /// What the network calls the page before this one, where it does.
    pub cursor: Option<String>,
    /// Whether there is nothing before it.
    pub is_first: bool,
}

/// Reading what was said before. Asked for one page at a time and chat; the core paces itself and
/// heeds [`NetworkError::RateLimited`].
#[async_trait]
pub trait History: Send + Sync {
    /// Returns the place of something that was just heard; `None` where it has none. Pure.
    fn order(&self, event: &RemoteEvent) -> Option<i64>;

    /// Reads the page of at most `count` messages that ends at a place.
    ///
    /// # Errors
    /// As the network answers; [`NetworkError::Unreachable`], `Offline` and `RateLimited` are tried
    /// again.
    async fn page(
        &self,
        chat: &RemoteChatId,
        place: &HistoryPlace,
        count: usize,
    ) -> Result<HistoryPage, NetworkError>;
}
