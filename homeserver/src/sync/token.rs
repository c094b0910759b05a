//! Tokens of `/sync`: a place in the stream of events, and how much was told of who types, which has a count of its
//! own because nothing of it is stored. Written `s42_1700000000007`; `/messages` takes them too and reads the first.

use support_matrix_http::MatrixError;

use crate::rooms::token::Token;

/// Where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SyncToken {
    pub(super) events: Token,
    pub(super) typing: i64,
}

impl SyncToken {
    /// Reads a token that was given out before; one without a count has heard of nobody's typing.
    pub(super) fn parse(text: &str) -> Result<Self, MatrixError> {
        let events = Token::parse(text)?;
        let typing = text.split_once('_').and_then(|(_, typing)| typing.parse().ok());
        Ok(Self { events, typing: typing.unwrap_or(0) })
    }
}

impl std::fmt::Display for SyncToken {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}_{}", self.events, self.typing)
    }
}
