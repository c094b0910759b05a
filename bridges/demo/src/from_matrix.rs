//! Matrix to network: what a person did becomes the steps that do it there. Nothing is sent here;
//! the core stores the steps first, and `client.rs` sends them as stored.

use bridge_core::ids::RemoteMessageId;
use bridge_core::network::{
    Capabilities, LostAnswer, MediaRef, MessageContent, MessageKind, NetworkError, Operation,
    Outgoing, OutgoingKind, Refusal, RemoteMembership, RemoteStep, Speaker,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capabilities::LONGEST_TEXT;
use crate::ids::{Place, parse_chat_id, parse_message_id, parse_user_id};
use crate::network::SaidKind;

/// For how long the network knows a send again by its key.
const KEY_WINDOW_MS: i64 = 60 * 60 * 1000;

/// What one step does. Stored by the core, so a field added later needs a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Post {
    /// Says something.
    Say {
        kind: SaidKind,
        text: String,
        #[serde(default)]
        html: Option<String>,
        #[serde(default)]
        reply_to: Option<i64>,
        #[serde(default)]
        thread: Option<i64>,
        #[serde(default)]
        media: Option<Box<MediaRef>>,
    },
    /// Changes a message.
    Edit { target: i64, text: String },
    /// Takes one back.
    TakeBack { target: i64 },
    /// Reacts, or no longer.
    React { target: i64, emoji: String, set: bool },
    /// Pins a message, or no longer.
    Pin { target: i64, pinned: bool },
    /// Names the group.
    Name { name: String },
    /// Sets the topic.
    Topic { topic: String },
    /// Removes somebody; `ban` keeps them out.
    Remove { who: String, ban: bool, reason: String },
    /// Gives a rank.
    Rank { who: String, level: i64 },
    /// Asks somebody in.
    Invite { who: String },
    /// Lets somebody in again.
    Unban { who: String },
    /// Sets the picture, or takes it away.
    Picture { media: Option<Box<MediaRef>> },
    /// Sets for how long messages stay.
    Timer { ms: i64 },
    /// Gives a command.
    Command { name: String, arguments: String },
    /// Ends the group.
    Close,
    /// Leaves it.
    Leave,
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
    let operation = outgoing.kind.operation();
    match &outgoing.kind {
        OutgoingKind::Message { content, reply_to, thread } => {
            let answered = reply_to.as_ref().and_then(|reply| reply.target.as_ref());
            let refers = Refers {
                reply_to: answered.and_then(parse_message_id),
                thread: thread.as_ref().and_then(parse_message_id),
            };
            say(outgoing, content, refers, capabilities)
        }
        OutgoingKind::Edit { target, parts, content } => {
            edit(outgoing, target, parts, content, capabilities)
        }
        OutgoingKind::Redaction { target } => {
            Ok(vec![step(operation, &Post::TakeBack { target: number(target)? })])
        }
        OutgoingKind::Reaction { target, key } => {
            let (target, emoji) = (number(target)?, key.clone());
            Ok(vec![step(operation, &Post::React { target, emoji, set: true })])
        }
        OutgoingKind::ReactionRemove { target, key } => {
            let (target, emoji) = (number(target)?, key.clone());
            Ok(vec![step(operation, &Post::React { target, emoji, set: false })])
        }
        OutgoingKind::PowerLevels { user, level, .. } => {
            let who = parse_user_id(user).to_owned();
            Ok(vec![step(operation, &Post::Rank { who, level: *level })])
        }
        OutgoingKind::Pin { target, pinned } => {
            let (target, pinned) = (number(target)?, *pinned);
            Ok(vec![step(operation, &Post::Pin { target, pinned })])
        }
        OutgoingKind::Name { name } => {
            Ok(vec![step(operation, &Post::Name { name: name.clone() })])
        }
        OutgoingKind::Topic { topic } => {
            Ok(vec![step(operation, &Post::Topic { topic: topic.clone() })])
        }
        OutgoingKind::Membership { user, membership, reason } => {
            let who = parse_user_id(user).to_owned();
            let reason = reason.clone().unwrap_or_default();
            let post = match membership {
                RemoteMembership::Kick => Post::Remove { who, ban: false, reason },
                RemoteMembership::Ban => Post::Remove { who, ban: true, reason },
                RemoteMembership::Unban => Post::Unban { who },
                RemoteMembership::Invite => Post::Invite { who },
                RemoteMembership::Join | RemoteMembership::Leave | RemoteMembership::Knock => {
                    let words = "On the demo network people come and go by themselves.";
                    return Err(Refusal::new(words));
                }
            };
            Ok(vec![step(operation, &post)])
        }
        OutgoingKind::Avatar { avatar } => {
            let media = avatar.clone().map(Box::new);
            Ok(vec![step(operation, &Post::Picture { media })])
        }
        OutgoingKind::DisappearingTimer { timer } => {
            Ok(vec![step(operation, &Post::Timer { ms: timer.after_ms })])
        }
        OutgoingKind::Command { name, arguments } => {
            let (name, arguments) = (name.clone(), arguments.clone());
            Ok(vec![step(operation, &Post::Command { name, arguments })])
        }
        OutgoingKind::ChatDelete { for_everybody } => {
            let post = if *for_everybody { Post::Close } else { Post::Leave };
            Ok(vec![step(operation, &post)])
        }
        // The core asks for nothing the capabilities do not offer; this is the second lock.
        _ => Err(Refusal::new("The demo network cannot do that.")),
    }
}

fn step(operation: Operation, post: &Post) -> RemoteStep {
    RemoteStep {
        operation,
        lost_answer: LostAnswer::ClientKey { window_ms: KEY_WINDOW_MS },
        payload: json!(post),
    }
}

fn number(id: &RemoteMessageId) -> Result<i64, Refusal> {
    parse_message_id(id).ok_or_else(|| Refusal::new("The network knows no such message."))
}

/// The messages a message refers to.
struct Refers {
    reply_to: Option<i64>,
    thread: Option<i64>,
}

fn say(
    outgoing: &Outgoing,
    content: &MessageContent,
    Refers { reply_to, thread }: Refers,
    capabilities: &Capabilities,
) -> Result<Vec<RemoteStep>, Refusal> {
    let operation = outgoing.kind.operation();
    let kind = match content.kind {
        MessageKind::Text => SaidKind::Text,
        MessageKind::Notice => SaidKind::Notice,
        MessageKind::Emote => SaidKind::Emote,
        MessageKind::Voice if content.media.is_some() => SaidKind::Voice,
        MessageKind::Sticker if content.media.is_some() => SaidKind::Sticker,
        MessageKind::Location if content.place.is_some() => SaidKind::Place,
        MessageKind::Contact if content.media.is_some() => SaidKind::Contact,
        kind if kind.is_media() && content.media.is_some() => SaidKind::File,
        _ => return Err(Refusal::new("The demo network cannot show that.")),
    };
    if let Some(place) = content.place.as_ref().filter(|_| kind == SaidKind::Place) {
        let text = format!("{place} {}", spoken(outgoing, content)).trim_end().to_owned();
        let post = Post::Say { kind, text, html: None, reply_to, thread, media: None };
        return Ok(vec![step(operation, &post)]);
    }
    if content.media.is_some() {
        let (text, media) = (spoken(outgoing, content), content.media.clone().map(Box::new));
        let post = Post::Say { kind, text, html: None, reply_to, thread, media };
        return Ok(vec![step(operation, &post)]);
    }
    if content.text.plain.trim().is_empty() {
        return Err(Refusal::new("There is no text in this message; nothing was sent."));
    }
    let text = spoken(outgoing, content);
    let longest = capabilities.limits.text_bytes.unwrap_or(LONGEST_TEXT);
    let pieces = split(&text, longest);
    // Markup goes with a text that is the sender's own and goes in one piece.
    let own = matches!(outgoing.speaker, Speaker::Login { .. }) && pieces.len() == 1;
    let html = content.text.html.clone().filter(|html| own && html.len() <= longest);
    let mut answered = reply_to;
    let steps = pieces.into_iter().map(|text| {
        let (text, reply_to) = (text.to_owned(), answered.take());
        step(
            operation,
            &Post::Say { kind, text, html: html.clone(), reply_to, thread, media: None },
        )
    });
    Ok(steps.collect())
}

/// Changes each piece of a message, adds the pieces it has more and takes back those it has less.
fn edit(
    outgoing: &Outgoing,
    target: &RemoteMessageId,
    parts: &[RemoteMessageId],
    content: &MessageContent,
    capabilities: &Capabilities,
) -> Result<Vec<RemoteStep>, Refusal> {
    let text = spoken(outgoing, content);
    let longest = capabilities.limits.text_bytes.unwrap_or(LONGEST_TEXT);
    let pieces = split(&text, longest);
    let parts = if parts.is_empty() { std::slice::from_ref(target) } else { parts };
    let mut steps = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let text = (*piece).to_owned();
        steps.push(match parts.get(at) {
            Some(part) => step(Operation::Edit, &Post::Edit { target: number(part)?, text }),
            None => {
                let kind = SaidKind::Text;
                let post =
                    Post::Say { kind, text, html: None, reply_to: None, thread: None, media: None };
                step(Operation::Message(MessageKind::Text), &post)
            }
        });
    }
    for part in parts.iter().skip(pieces.len()) {
        steps.push(step(Operation::Redaction, &Post::TakeBack { target: number(part)? }));
    }
    Ok(steps)
}

/// Returns a message's text. Whoever has no account is named in it, because the account is the
/// relay's.
fn spoken(outgoing: &Outgoing, content: &MessageContent) -> String {
    match &outgoing.speaker {
        Speaker::Login { .. } => content.text.plain.clone(),
        Speaker::Relay { profile, .. } | Speaker::Puppet { profile, .. } => {
            format!("{}{}", profile.prefix(), content.text.plain)
        }
    }
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
    use crate::capabilities::{Able, capabilities};
    use bridge_core::ids::{LoginId, NetworkId, PortalKey, RemoteChatId};
    use bridge_core::network::{EventSource, MessageContent, Profile};

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
        let steps = plan(outgoing, &capabilities(&Able::default())).unwrap();
        let text = |step| match Post::parse(step).unwrap() {
            Post::Say { text, .. } => text,
            other => panic!("{other:?}"),
        };
        steps.iter().map(text).collect()
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
        let place = MessageContent::plain(MessageKind::Location, "here");
        assert!(plan(&outgoing(place, own()), &capabilities(&Able::default())).is_err());
        assert!(
            plan(&outgoing(MessageContent::text(" "), own()), &capabilities(&Able::default()))
                .is_err()
        );
    }
}
