//! What a row of the table is.
//!
//! In paths, queries and bodies a word in braces stands for something of the world: `{room}`, `{event}`, `{alice}` (see
//! `World::words`); in paths it is escaped. A path that does not begin with `/_` is below `/_matrix/client/v3`.

use bytes::Bytes;
use http::Method;
use serde_json::Value;

/// Whose token a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Nobody,
    /// Made the rooms.
    Alice,
    /// Is in them, without any power.
    Bob,
    /// Has an account and is nowhere.
    Mallory,
    /// A token whose session has ended.
    Ended,
    /// A token of a closed account.
    Closed,
    /// A token that never was one.
    Garbage,
    /// The application service of `@_irc_.*` and `#_irc_.*`.
    Irc,
}

/// What has to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Error(u16, &'static str),
    /// Done as asked, because it harms nobody and leaves nothing.
    Harmless,
}

/// One hostile input.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) who: Who,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
    pub(super) answer: Answer,
}

/// Begins a row that has no body.
pub(super) fn row(name: &'static str, who: Who, method: Method, path: impl Into<String>) -> Row {
    let path = path.into();
    let path = if path.starts_with("/_") { path } else { format!("/_matrix/client/v3{path}") };
    let (headers, body) = (Vec::new(), Bytes::new());
    Row { name, who, method, path, headers, body, answer: Answer::Harmless }
}

pub(super) fn get(name: &'static str, who: Who, path: impl Into<String>) -> Row {
    row(name, who, Method::GET, path)
}

pub(super) fn put(name: &'static str, who: Who, path: impl Into<String>) -> Row {
    row(name, who, Method::PUT, path)
}

pub(super) fn post(name: &'static str, who: Who, path: impl Into<String>) -> Row {
    row(name, who, Method::POST, path)
}

pub(super) fn delete(name: &'static str, who: Who, path: impl Into<String>) -> Row {
    row(name, who, Method::DELETE, path)
}

impl Row {
    pub(super) fn json(self, body: Value) -> Self {
        self.raw(body.to_string())
    }

    pub(super) fn raw(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Says how it is refused.
    pub(super) fn is(mut self, status: u16, errcode: &'static str) -> Self {
        self.answer = Answer::Error(status, errcode);
        self
    }
}

impl Row {
    /// Asks somewhere else than its helper would.
    pub(super) fn at(self, path: &str) -> Self {
        let path = format!("/_matrix/client/v3{path}");
        Self { path, ..self }
    }
}
