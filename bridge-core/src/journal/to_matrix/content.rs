//! Makes Matrix content of what a network said. Pure.

use serde_json::{Map, Value, json};

use crate::{
    ids::{NetworkId, RemoteMessageId, SendKey},
    journal::words_for::plain_text,
    matrix::{REMOTE_KEY, STEP_KEY},
    network::{FormattedText, MessageKind, RemoteMessage},
};

/// Something to be seen in a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visible {
    /// `m.text`, `m.notice` or `m.emote`.
    pub(super) msgtype: &'static str,
    /// What it says.
    pub(super) text: FormattedText,
    /// The remote message it answers.
    pub(super) reply_to: Option<RemoteMessageId>,
    /// The first remote message of its thread.
    pub(super) thread: Option<RemoteMessageId>,
}

/// Reads a message; kinds that are not carried yet are described in words, as a notice.
pub(super) fn message(message: &RemoteMessage) -> Visible {
    let msgtype = match message.content.kind {
        MessageKind::Text => "m.text",
        MessageKind::Emote => "m.emote",
        _ => "m.notice",
    };
    Visible {
        msgtype,
        text: plain_text(&message.content),
        reply_to: message.reply_to.as_ref().and_then(|reply| reply.target.clone()),
        thread: message.thread.clone(),
    }
}

impl Visible {
    /// Makes words of the bridge's own.
    pub(super) fn notice(words: impl Into<String>) -> Self {
        Self {
            msgtype: "m.notice",
            text: FormattedText::plain(words),
            reply_to: None,
            thread: None,
        }
    }

    /// Makes the event's content, tagged with where it comes from and with its step.
    pub(super) fn content(
        &self,
        reply_to: Option<String>,
        thread: Option<String>,
        network: &NetworkId,
        remote_id: &str,
        part: i64,
        key: &SendKey,
    ) -> Value {
        let mut content = Map::new();
        content.insert("msgtype".to_owned(), json!(self.msgtype));
        content.insert("body".to_owned(), json!(self.text.plain));
        if let Some(html) = &self.text.html {
            content.insert("format".to_owned(), json!("org.matrix.custom.html"));
            content.insert("formatted_body".to_owned(), json!(html));
        }
        let relation = match (thread, reply_to) {
            (Some(thread), reply) => Some(json!({
                "rel_type": "m.thread",
                "event_id": thread,
                "is_falling_back": reply.is_none(),
                "m.in_reply_to": { "event_id": reply.unwrap_or_else(|| thread.clone()) },
            })),
            (None, Some(reply)) => Some(json!({ "m.in_reply_to": { "event_id": reply } })),
            (None, None) => None,
        };
        if let Some(relation) = relation {
            content.insert("m.relates_to".to_owned(), relation);
        }
        let remote = json!({ "network": network.as_str(), "id": remote_id, "part": part });
        content.insert(REMOTE_KEY.to_owned(), remote);
        content.insert(STEP_KEY.to_owned(), json!(key.as_str()));
        Value::Object(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::MessageContent;

    #[test]
    fn text_carries_its_origin_and_its_step() {
        let said = RemoteMessage::new(MessageContent::plain(MessageKind::Emote, "waves"));
        let key = SendKey::new("00ff");
        let content = message(&said).content(
            Some("$a".to_owned()),
            None,
            &NetworkId::new("demo"),
            "m1",
            0,
            &key,
        );
        assert_eq!(
            content,
            json!({
                "msgtype": "m.emote",
                "body": "waves",
                "m.relates_to": { "m.in_reply_to": { "event_id": "$a" } },
                "com.rialto.remote": { "network": "demo", "id": "m1", "part": 0 },
                "com.rialto.step": "00ff",
            })
        );
    }

    #[test]
    fn picture_is_described_and_not_dropped() {
        let said = RemoteMessage::new(MessageContent::plain(MessageKind::Image, "sunset"));
        let visible = message(&said);
        assert_eq!(visible.msgtype, "m.notice");
        assert!(visible.text.plain.contains("a picture: sunset"), "{}", visible.text.plain);
    }
}
