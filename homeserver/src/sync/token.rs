//! Tokens of `/sync`: a place in the stream of events, and how much was told of who types and of who is online, which
//! have counts of their own because nothing of it is stored. Written `s42_1700000000007`, or `s42_1700000000007_1700000000009`
//! where it is known who is online; `/messages` takes them too and reads the first.

use support_matrix_http::MatrixError;

use crate::rooms::token::Token;

/// Where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SyncToken {
    pub(super) events: Token,
    pub(super) typing: i64,
    pub(super) presence: Option<i64>,
}

impl SyncToken {
    /// Reads a token that was given out before; one without a count has heard of nobody's typing.
    pub(super) fn parse(text: &str) -> Result<Self, MatrixError> {
        let events = Token::parse(text)?;
        if events.0 < 0 {
            // Given out by `/messages` inside of history, which no news come after.
            return Err(MatrixError::invalid_param("This is not a token of `/sync`."));
        }
        let mut counts = text.split('_').skip(1).map(|count| count.parse().ok());
        let typing = counts.next().flatten().unwrap_or(0);
        Ok(Self { events, typing, presence: counts.next().flatten() })
    }
}

impl std::fmt::Display for SyncToken {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}_{}", self.events, self.typing)?;
        self.presence.map_or(Ok(()), |presence| write!(out, "_{presence}"))
    }
}
