//! A token that does not print and is compared in constant time.

use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use subtle::ConstantTimeEq;

/// An `as_token` or `hs_token`.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// Mints a token: 256 bits of the operating system's randomness in hexadecimal, which needs no quoting anywhere.
    ///
    /// # Panics
    /// When the operating system has no randomness to give, because everything that comes after would be unsafe.
    pub fn generate() -> Token {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).expect("the operating system gives randomness");
        Token::from(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }

    /// Returns the token itself, for the one place that sends or stores it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Tells whether somebody presented this token. The time taken does not depend on where they differ.
    pub fn matches(&self, presented: &str) -> bool {
        self.expose().as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

impl From<String> for Token {
    fn from(token: String) -> Token {
        Token(SecretString::from(token))
    }
}

impl From<&str> for Token {
    fn from(token: &str) -> Token {
        Token::from(token.to_owned())
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Token) -> bool {
        self.matches(other.expose())
    }
}

impl Eq for Token {}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_does_not_print() {
        assert_eq!(format!("{:?}", Token::from("secret")), "[token]");
    }

    #[test]
    fn minted_tokens_are_long_and_differ() {
        let (one, two) = (Token::generate(), Token::generate());
        assert_eq!(one.expose().len(), 64);
        assert_ne!(one, two);
        assert!(one.matches(one.expose()) && !one.matches(two.expose()) && !one.matches(""));
    }
}
