//! Tokens of `/sync` and `/messages`: one number of the one stream that events and account data share. A
//! token stands between positions: what it was given out with is at or before it. It is written `s42`, and `h42` in
//! the history that was inserted before everything, where positions are below zero.

use support_matrix_http::MatrixError;

/// A place between two positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token(pub(crate) i64);

impl Token {
    /// Before everything there can be.
    pub(crate) const OLDEST: Self = Self(-(1 << 53));

    /// Reads a token that was given out before.
    pub(crate) fn parse(text: &str) -> Result<Self, MatrixError> {
        // What follows is the business of `/sync` alone.
        let text = text.split_once('_').map_or(text, |(place, _)| place);
        let number = |sign: char| -> Option<i64> {
            text.strip_prefix(sign)
                .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
        };
        number('s')
            .or_else(|| number('h').map(|number| -number))
            .map(Self)
            .ok_or_else(|| MatrixError::invalid_param("This is not a token of this server."))
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            position @ 0.. => write!(out, "s{position}"),
            position => write!(out, "h{}", position.unsigned_abs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_nothing_else_is_one() {
        for token in [Token(42), Token(0), Token(-42), Token::OLDEST] {
            assert_eq!(Token::parse(&token.to_string()), Ok(token));
        }
        for text in ["", "s", "42", "s-1", "s+1", "s1.5", "t1", "h", "h-1", "s99999999999999999999"]
        {
            assert!(Token::parse(text).is_err(), "{text}");
        }
    }
}
