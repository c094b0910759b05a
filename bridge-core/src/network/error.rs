//! Errors named for the decision they cause. Every variant carries words for a person.

use std::time::Duration;

use thiserror::Error;

/// A bridge will not plan this: it is refused before anything was sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{words}")]
pub struct Refusal {
    /// What happened, what became of the message, what the person can do.
    pub words: String,
}

impl Refusal {
    /// Makes a refusal with words for the person.
    pub fn new(words: impl Into<String>) -> Self {
        Self { words: words.into() }
    }
}

/// A request to the network (not a message) failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// Not there.
    #[error("{0}")]
    NotFound(String),
    /// Not allowed; the words say what would help.
    #[error("{0}")]
    Forbidden(String),
    /// The login is not connected.
    #[error("{0}")]
    Offline(String),
    /// Too fast.
    #[error("the network asks to wait {0:?}")]
    RateLimited(Duration),
    /// What was asked for makes no sense to this network.
    #[error("{0}")]
    Invalid(String),
    /// This network has no such thing.
    #[error("{0}")]
    Unsupported(String),
    /// Login data are wrong.
    #[error("{0}")]
    BadCredentials(String),
    /// No answer, or a broken one.
    #[error("{0}")]
    Unreachable(String),
}
