//! Tokens of `/sync` and `/messages`: one number of the one stream that events and account data share. A
//! token stands between positions: what it was given out with is at or before it. It is written `s42`.

use support_matrix_http::MatrixError;

/// A place between two positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token(pub(crate) i64);

impl Token {
    /// Reads a token that was given out before.
    pub(crate) fn parse(text: &str) -> Result<Self, MatrixError> {
        // What follows is the business of `/sync` alone.
        let text = text.split_once('_').map_or(text, |(place, _)| place);
        text.strip_prefix('s')
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or_else(|| MatrixError::invalid_param("This is not a token of this server."))
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "s{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_nothing_else_is_one() {
        assert_eq!(Token::parse(&Token(42).to_string()), Ok(Token(42)));
        for text in ["", "s", "42", "s-1", "s+1", "s1.5", "t1", "s99999999999999999999"] {
            assert!(Token::parse(text).is_err(), "{text}");
        }
    }
}
