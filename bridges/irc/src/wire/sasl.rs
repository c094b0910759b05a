//! SASL PLAIN as IRC carries it: base64, cut into 400-byte AUTHENTICATE lines
//! (<https://ircv3.net/specs/extensions/sasl-3.1>).

use base64::{Engine as _, engine::general_purpose::STANDARD};

const CHUNK: usize = 400;

/// Returns the PLAIN response for an account: authorization identity, account, password.
#[must_use]
pub fn plain_response(account: &str, password: &str) -> String {
    STANDARD.encode(format!("{account}\0{account}\0{password}"))
}

/// Cuts a base64 response into the parameters of AUTHENTICATE lines. A last one of exactly 400
/// bytes is followed by `+`, because only a shorter one says that it is the last.
#[must_use]
pub fn plain_chunks(response: &str) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    let mut rest = response;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.len().min(CHUNK));
        chunks.push(chunk.to_owned());
        rest = after;
    }
    if chunks.last().is_none_or(|last| last.len() == CHUNK) {
        chunks.push("+".to_owned());
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_has_both_identities_and_the_password() {
        assert_eq!(
            STANDARD.decode(plain_response("jilles", "sesame")).unwrap(),
            b"jilles\0jilles\0sesame"
        );
    }

    #[test]
    fn only_a_short_chunk_ends_the_response() {
        assert_eq!(plain_chunks(""), ["+"]);
        assert_eq!(plain_chunks("abcd"), ["abcd"]);
        assert_eq!(plain_chunks(&"a".repeat(400)), ["a".repeat(400), "+".to_owned()]);
        assert_eq!(plain_chunks(&"a".repeat(404)), ["a".repeat(400), "aaaa".to_owned()]);
    }
}
