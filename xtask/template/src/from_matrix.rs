//! Matrix to network: what a person did becomes the steps that do it there. Nothing is sent here;
//! the core stores the steps first, and `client.rs` sends them as stored.

use bridge_core::network::{
    Capabilities, LostAnswer, NetworkError, Outgoing, OutgoingKind, Refusal, RemoteStep, Speaker,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capabilities::LONGEST_TEXT;

/// For how long the network knows a send again by its key.
const KEY_WINDOW_MS: i64 = 60 * 60 * 1000;

/// What one step does. Stored by the core, so a field added later needs a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Post {
    /// Says something.
    Say { text: String },
}

impl Post {
    /// Reads a stored step.
    pub(crate) fn parse(step: &RemoteStep) -> Result<Self, NetworkError> {
        Self::deserialize(&step.payload).map_err(|error| NetworkError::Invalid(error.to_string()))
    }
}

/// Plans the steps. Pure: the same for the same arguments.
pub(crate) fn plan(
    outgoing: &Outgoing,
    capabilities: &Capabilities,
) -> Result<Vec<RemoteStep>, Refusal> {
    let OutgoingKind::Message { content, .. } = &outgoing.kind else {
        // The core asks for nothing the capabilities do not offer; this is the second lock.
        return Err(Refusal::new("NewNet cannot do that."));
    };
    if content.text.plain.trim().is_empty() {
        return Err(Refusal::new("There is no text in this message; nothing was sent."));
    }
    // Whoever has no account is named in the text, because the account is the relay's.
    let text = match &outgoing.speaker {
        Speaker::Login { .. } => content.text.plain.clone(),
        Speaker::Relay { profile, .. } | Speaker::Puppet { profile, .. } => {
            format!("{}{}", profile.prefix(), content.text.plain)
        }
    };
    let longest = capabilities.limits.text_bytes.unwrap_or(LONGEST_TEXT);
    let steps = split(&text, longest).into_iter().map(|text| RemoteStep {
        operation: outgoing.kind.operation(),
        lost_answer: LostAnswer::ClientKey { window_ms: KEY_WINDOW_MS },
        payload: json!(Post::Say { text: text.to_owned() }),
    });
    Ok(steps.collect())
}

/// Splits a text into pieces of at most `longest` bytes, after a blank where there is one.
fn split(text: &str, longest: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > longest {
        let end = rest.floor_char_boundary(longest);
        let blank = rest[..end].rfind(' ').map(|at| at + 1);
        let (piece, left) = rest.split_at(blank.unwrap_or(end));
        pieces.push(piece);
        rest = left;
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_of_a_text_are_the_text() {
        let text = "wörter und mehr ".repeat(400);
        let pieces = split(&text, 100);
        assert!(pieces.iter().all(|piece| piece.len() <= 100));
        assert_eq!(pieces.concat(), text);
    }
}
