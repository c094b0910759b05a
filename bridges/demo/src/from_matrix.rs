//! Matrix to network: what a person did becomes the steps that do it there. Nothing is sent here;
//! the core stores the steps first, and `client.rs` sends them as stored.

use bridge_core::network::{
    Capabilities, LostAnswer, MessageKind, NetworkError, Outgoing, OutgoingKind, Refusal,
    RemoteStep, Speaker,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capabilities::LONGEST_TEXT;
use crate::ids::{Place, parse_chat_id};
use crate::network::SaidKind;

/// For how long the network knows a send again by its key.
const KEY_WINDOW_MS: i64 = 60 * 60 * 1000;

/// What one step sends. Stored by the core, so a field added later needs a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Post {
    pub(crate) kind: SaidKind,
    pub(crate) text: String,
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
        return Err(Refusal::new("The demo network carries text only."));
    };
    let kind = match content.kind {
        MessageKind::Text => SaidKind::Text,
        MessageKind::Notice => SaidKind::Notice,
        MessageKind::Emote => SaidKind::Emote,
        _ => return Err(Refusal::new("The demo network carries text only.")),
    };
    if content.text.plain.trim().is_empty() {
        return Err(Refusal::new("There is no text in this message; nothing was sent."));
    }
    let text = match &outgoing.speaker {
        Speaker::Login { .. } => content.text.plain.clone(),
        // Whoever has no account is named in the text, because the account is the relay's.
        Speaker::Relay { profile, .. } | Speaker::Puppet { profile, .. } => {
            format!("<{}> {}", profile.name, content.text.plain)
        }
    };
    let longest = capabilities.limits.text_bytes.unwrap_or(LONGEST_TEXT);
    let step = |text: &str| RemoteStep {
        operation: outgoing.kind.operation(),
        lost_answer: LostAnswer::ClientKey { window_ms: KEY_WINDOW_MS },
        payload: json!(Post { kind, text: text.to_owned() }),
    };
    Ok(split(&text, longest).into_iter().map(step).collect())
}

/// Returns the chat a portal's steps go to.
pub(crate) fn place(chat: &bridge_core::ids::RemoteChatId) -> Place {
    parse_chat_id(chat)
}

/// Splits a text into pieces of at most `longest` bytes, after a blank where there is one. Nothing
/// is added or dropped: the pieces together are the text.
fn split(text: &str, longest: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > longest {
        let mut end = longest;
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let blank = rest[..end].rfind(char::is_whitespace);
        let after = blank.and_then(|at| rest[at..].chars().next().map(|c| at + c.len_utf8()));
        let (piece, left) = rest.split_at(after.unwrap_or(end));
        pieces.push(piece);
        rest = left;
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::capabilities;
    use bridge_core::ids::{LoginId, NetworkId, PortalKey, RemoteChatId};
    use bridge_core::network::{EventSource, MediaRef, MessageContent, Profile};

    fn outgoing(content: MessageContent, speaker: Speaker) -> Outgoing {
        let portal = PortalKey {
            network: NetworkId::new("demo"),
            chat: RemoteChatId::new("lobby"),
            receiver: None,
        };
        let source = EventSource {
            room_id: "!room:example.org".to_owned(),
            event_id: "$event".to_owned(),
            sender: "@alice:example.org".to_owned(),
            timestamp: 1,
        };
        let kind = OutgoingKind::Message { content, reply_to: None, thread: None };
        Outgoing { portal, speaker, source, kind }
    }

    fn own() -> Speaker {
        Speaker::Login { login: LoginId::new("demo-1") }
    }

    fn texts(outgoing: &Outgoing) -> Vec<String> {
        let steps = plan(outgoing, &capabilities()).unwrap();
        steps.iter().map(|step| Post::parse(step).unwrap().text).collect()
    }

    #[test]
    fn a_long_text_becomes_steps_that_are_the_whole_text() {
        let text = "wörter und mehr ".repeat(400);
        let texts = texts(&outgoing(MessageContent::text(text.clone()), own()));
        assert!(texts.len() > 1 && texts.iter().all(|piece| piece.len() <= LONGEST_TEXT));
        assert_eq!(texts.concat(), text);
    }

    #[test]
    fn who_has_no_account_is_named_in_the_text() {
        let profile = Profile::new("@carol:b.org", "Carol");
        let relay = Speaker::Relay { login: LoginId::new("demo-1"), profile };
        assert_eq!(texts(&outgoing(MessageContent::text("hi"), relay)), ["<Carol> hi"]);
    }

    #[test]
    fn what_the_network_does_not_carry_is_refused_in_words() {
        let media = MediaRef {
            source: "mxc".to_owned(),
            locator: json!("mxc://a/b"),
            ..MediaRef::default()
        };
        let mut image = MessageContent::plain(MessageKind::Image, "");
        image.media = Some(media);
        assert!(plan(&outgoing(image, own()), &capabilities()).is_err());
        assert!(plan(&outgoing(MessageContent::text(" "), own()), &capabilities()).is_err());
    }
}
