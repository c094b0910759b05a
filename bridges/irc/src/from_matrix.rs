//! Matrix to IRC: what a person did becomes steps, each one line (or one request), stored by the
//! core and sent as stored.

use bridge_core::{
    ids::RemoteMessageId,
    network::{
        Capabilities, LostAnswer, Mention, MessageContent, MessageKind, Operation, Outgoing,
        OutgoingKind, Refusal, RemoteMembership, RemoteStep, ReplyTo, Speaker,
    },
};
use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::{
    convert::{split_formatted, text_to_irc},
    ids::{is_channel, parse_chat_id, parse_message_id, parse_user_id},
    wire::{ACTION_OVERHEAD, LineBudget, as_action},
};

/// A budget where the table has none.
const FALLBACK_BYTES: usize = 400;

/// What a step sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "send", rename_all = "snake_case")]
pub(crate) enum Payload {
    /// One line of text.
    Say {
        /// PRIVMSG or NOTICE.
        command: SayCommand,
        /// Channel or nick.
        target: String,
        /// The line.
        text: String,
        /// Whether it is wrapped as CTCP ACTION.
        #[serde(default)]
        action: bool,
        /// The message it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<String>,
    },
    /// A reaction, set or taken back.
    React {
        /// Channel or nick.
        target: String,
        /// The message.
        to: String,
        /// With what.
        key: String,
        /// Whether it is taken back.
        remove: bool,
    },
    /// A message taken back.
    Redact {
        /// Channel or nick.
        target: String,
        /// The message.
        message: String,
    },
    /// A rank as high as this level.
    Rank {
        /// Where.
        channel: String,
        /// Whose.
        nick: String,
        /// The Matrix power level.
        level: i64,
    },
    /// A topic.
    Topic {
        /// Where.
        channel: String,
        /// What.
        topic: String,
    },
    /// Removes somebody.
    Kick {
        /// Where.
        channel: String,
        /// Whom.
        nick: String,
        /// Why.
        reason: String,
    },
    /// Asks somebody in.
    Invite {
        /// Where.
        channel: String,
        /// Whom.
        nick: String,
    },
}

/// How a text is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SayCommand {
    /// By people.
    Privmsg,
    /// By programs: must not be answered by one.
    Notice,
}

impl SayCommand {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Privmsg => "PRIVMSG",
            Self::Notice => "NOTICE",
        }
    }
}

/// Plans what a person did. `max_lines` is the longest text that is sent.
pub(crate) fn plan(
    outgoing: &Outgoing,
    capabilities: &Capabilities,
    max_lines: usize,
) -> Result<Vec<RemoteStep>, Refusal> {
    let target = parse_chat_id(&outgoing.portal.chat).to_owned();
    match &outgoing.kind {
        OutgoingKind::Message { content, reply_to, .. } => {
            let reply_to = reply_to.as_ref();
            plan_message(outgoing, content, reply_to, &target, capabilities, max_lines)
        }
        OutgoingKind::Reaction { target: to, key } => react(target, to, key, false),
        OutgoingKind::ReactionRemove { target: to, key } => react(target, to, key, true),
        OutgoingKind::Redaction { target: message } => {
            let message = parse_message_id(message).ok_or_else(nameless)?.to_owned();
            let payload = Payload::Redact { target, message };
            Ok(vec![step(Operation::Redaction, LostAnswer::Natural, &payload)])
        }
        OutgoingKind::PowerLevels { user, level, .. } if is_channel(&outgoing.portal) => {
            let nick = parse_user_id(user).to_owned();
            let payload = Payload::Rank { channel: target, nick, level: *level };
            Ok(vec![step(Operation::PowerLevels, LostAnswer::Natural, &payload)])
        }
        OutgoingKind::Topic { topic } if is_channel(&outgoing.portal) => {
            let payload = Payload::Topic { channel: target, topic: one_line(topic) };
            Ok(vec![step(Operation::Topic, LostAnswer::Natural, &payload)])
        }
        OutgoingKind::Membership { user, membership, reason } if is_channel(&outgoing.portal) => {
            let nick = parse_user_id(user).to_owned();
            let payload = match membership {
                RemoteMembership::Invite => Payload::Invite { channel: target, nick },
                RemoteMembership::Leave | RemoteMembership::Kick => Payload::Kick {
                    channel: target,
                    nick,
                    reason: one_line(reason.as_deref().unwrap_or("")),
                },
                RemoteMembership::Ban => {
                    return Err(Refusal::new(
                        "Bans are not carried to IRC: there they are masks, not people. Remove the person instead, or ask an operator of the channel.",
                    ));
                }
                RemoteMembership::Unban => {
                    return Err(Refusal::new(
                        "Bans are not carried to IRC, so there is none to lift. An operator of the channel can.",
                    ));
                }
                RemoteMembership::Join | RemoteMembership::Knock => {
                    return Err(Refusal::new("Nobody can be made to join on IRC; invite them."));
                }
            };
            Ok(vec![step(Operation::Membership, LostAnswer::Natural, &payload)])
        }
        _ => Err(Refusal::new("IRC has nothing like it, so it was not sent.")),
    }
}

/// A reaction is a tag without words. Setting it again changes nothing.
fn react(
    target: String,
    to: &RemoteMessageId,
    key: &str,
    remove: bool,
) -> Result<Vec<RemoteStep>, Refusal> {
    let to = parse_message_id(to).ok_or_else(nameless)?.to_owned();
    let payload = Payload::React { target, to, key: one_line(key), remove };
    Ok(vec![step(Operation::Reaction, LostAnswer::Natural, &payload)])
}

fn nameless() -> Refusal {
    Refusal::new("The IRC server gave that message no id, so nothing can be done to it there.")
}

fn plan_message(
    outgoing: &Outgoing,
    content: &MessageContent,
    reply_to: Option<&ReplyTo>,
    target: &str,
    capabilities: &Capabilities,
    max_lines: usize,
) -> Result<Vec<RemoteStep>, Refusal> {
    let action = content.kind == MessageKind::Emote;
    let command = match content.kind {
        MessageKind::Text | MessageKind::Emote => SayCommand::Privmsg,
        MessageKind::Notice => SayCommand::Notice,
        _ => return Err(Refusal::new("IRC carries only text; this was not sent.")),
    };
    // Who speaks for others names them on every line: each stands alone on IRC.
    let (action, prefix) = match &outgoing.speaker {
        Speaker::Login { .. } => (action, String::new()),
        Speaker::Relay { profile, .. } if action => {
            (false, format!("* {} ", one_line(profile.written())))
        }
        Speaker::Relay { profile, .. } => (false, one_line(&profile.prefix())),
        Speaker::Puppet { .. } => {
            return Err(Refusal::new(
                "This network has no connections for people without a login. Log in to speak there.",
            ));
        }
    };
    let room = capabilities.limits.text_bytes.unwrap_or(FALLBACK_BYTES);
    let prefix = at_most(&prefix, room / 2);
    let around = prefix.len() + if action { ACTION_OVERHEAD } else { 0 };
    let bytes = room.saturating_sub(around);
    let nick_of = |mxid: &str| {
        let called = |one: &&Mention| one.mxid.as_deref() == Some(mxid);
        let mention = content.mentions.people.iter().find(called)?;
        mention.user.as_ref().map(|user| parse_user_id(user).to_owned())
    };
    let mut text = text_to_irc(&content.text, &nick_of);
    // The tag is seen by few: as people do, the one who is answered is named too.
    let author = reply_to.and_then(|reply| match (&reply.author_id, &reply.author) {
        (Some(user), _) => Some(parse_user_id(user).to_owned()),
        (None, author) => author.as_deref().map(one_line),
    });
    if let Some(author) = author.filter(|author| !action && !begins_with(&text, author)) {
        text.insert_str(0, &format!("{author}: "));
    }
    let reply_to = reply_to.and_then(|reply| reply.target.as_ref()).and_then(parse_message_id);
    let reply_to = reply_to.map(str::to_owned);
    let lines = split_formatted(&text, LineBudget::bytes(bytes));
    if lines.is_empty() {
        return Err(Refusal::new("There is no text in it, and IRC cannot send an empty message."));
    }
    if lines.len() > max_lines {
        return Err(Refusal::new(format!(
            "This text would be {} messages on IRC; up to {max_lines} are sent. Shorten it, or put it somewhere and send a link.",
            lines.len()
        )));
    }
    let steps = lines.into_iter().enumerate().map(|(number, line)| {
        let payload = Payload::Say {
            command,
            target: target.to_owned(),
            text: format!("{prefix}{line}"),
            action,
            reply_to: reply_to.clone().filter(|_| number == 0),
        };
        step(Operation::Message(content.kind), LostAnswer::Barrier, &payload)
    });
    Ok(steps.collect())
}

/// Cuts a text between graphemes to so many bytes: words must have room behind the longest name.
fn at_most(text: &str, bytes: usize) -> &str {
    let ends = text.grapheme_indices(true).map(|(at, one)| at + one.len());
    let end = ends.take_while(|end| *end <= bytes).last().unwrap_or(0);
    &text[..end]
}

/// Whether a text calls somebody at its beginning already.
fn begins_with(text: &str, name: &str) -> bool {
    let start = text.get(..name.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(name))
        && !text[name.len()..].starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

/// Returns the text as it goes on the wire.
pub(crate) fn wire_text(text: &str, action: bool) -> String {
    if action { as_action(text) } else { text.to_owned() }
}

fn step(operation: Operation, lost_answer: LostAnswer, payload: &Payload) -> RemoteStep {
    let payload = serde_json::to_value(payload).expect("a payload of texts is JSON");
    RemoteStep { operation, lost_answer, payload }
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split(['\r', '\n', '\0']).filter(|part| !part.is_empty()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use bridge_core::{
        ids::{LoginId, NetworkId, PortalKey, RemoteChatId, RemoteUserId},
        network::{EventSource, FormattedText, Profile},
    };

    use super::*;
    use crate::{capabilities::capabilities, connection::Session};

    fn outgoing(kind: OutgoingKind) -> Outgoing {
        Outgoing {
            portal: PortalKey {
                network: NetworkId::new("irc"),
                chat: RemoteChatId::new("#room"),
                receiver: None,
            },
            speaker: Speaker::Login { login: LoginId::new("irc-1") },
            source: EventSource {
                room_id: "!r:test".to_owned(),
                event_id: "$e".to_owned(),
                sender: "@alice:test".to_owned(),
                timestamp: 0,
            },
            kind,
        }
    }

    fn message(kind: MessageKind, text: &str) -> Outgoing {
        let content = MessageContent::plain(kind, text);
        outgoing(OutgoingKind::Message { content, reply_to: None, thread: None })
    }

    fn planned(outgoing: &Outgoing) -> Result<Vec<Payload>, Refusal> {
        let table = capabilities(&Session::default(), "#room", true);
        let steps = plan(outgoing, &table, 20)?;
        Ok(steps.into_iter().map(|step| serde_json::from_value(step.payload).unwrap()).collect())
    }

    fn texts(payloads: &[Payload]) -> Vec<String> {
        payloads
            .iter()
            .map(|payload| match payload {
                Payload::Say { text, action, .. } => wire_text(text, *action),
                other => panic!("{other:?} is no text"),
            })
            .collect()
    }

    #[test]
    fn a_long_text_is_one_plan_of_lines_that_fit_even_behind_the_longest_mask() {
        let text = "Grüße an alle ☃ ".repeat(180);
        let steps = planned(&message(MessageKind::Text, &text)).unwrap();
        let lines = texts(&steps);
        assert!(lines.len() > 8);
        assert_eq!(lines.concat(), text);
        let mask = format!("{}!{}@{}", "n".repeat(30), "u".repeat(11), "h".repeat(63));
        assert!(lines.iter().all(|line| format!(":{mask} PRIVMSG #room :{line}\r\n").len() <= 512));
    }

    #[test]
    fn emotes_and_notices_keep_their_kind() {
        let emote = planned(&message(MessageKind::Emote, "waves\nand smiles")).unwrap();
        assert_eq!(texts(&emote), ["\u{1}ACTION waves\u{1}", "\u{1}ACTION and smiles\u{1}"]);
        let notice = planned(&message(MessageKind::Notice, "beep")).unwrap();
        assert!(matches!(&notice[0], Payload::Say { command: SayCommand::Notice, .. }));
    }

    #[test]
    fn a_relay_names_the_speaker_on_every_line() {
        let profile = Profile::new("@carol:test", "Carol");
        let spoken = |profile: &Profile, kind, text| {
            let speaker = Speaker::Relay { login: LoginId::new("irc-1"), profile: profile.clone() };
            let outgoing = Outgoing { speaker, ..message(kind, text) };
            texts(&planned(&outgoing).unwrap())
        };
        assert_eq!(spoken(&profile, MessageKind::Text, "a\nb"), ["<Carol> a", "<Carol> b"]);
        assert_eq!(spoken(&profile, MessageKind::Emote, "waves"), ["* Carol waves"]);
        let marked = Profile {
            written: Some("C\u{200b}arol".to_owned()),
            prefix: Some("[C\u{200b}arol] ".to_owned()),
            ..profile.clone()
        };
        assert_eq!(spoken(&marked, MessageKind::Text, "a"), ["[C\u{200b}arol] a"]);
        assert_eq!(spoken(&marked, MessageKind::Emote, "waves"), ["* C\u{200b}arol waves"]);
        // However long the template: every line has room for words and fits.
        let long = Profile { prefix: Some("é".repeat(2_000)), ..profile };
        let lines = spoken(&long, MessageKind::Text, &"words ".repeat(100));
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= 450), "{lines:?}");
    }

    #[test]
    fn an_answer_names_the_author_once_and_carries_the_tag_once() {
        let answer = |text: &str| {
            let reply_to = ReplyTo {
                author_id: Some(RemoteUserId::new("bob")),
                ..ReplyTo::message(RemoteMessageId::new("m1"))
            };
            let content = MessageContent::text(text);
            let kind = OutgoingKind::Message { content, reply_to: Some(reply_to), thread: None };
            planned(&outgoing(kind)).expect("a plan")
        };
        let steps = answer("a\nb");
        assert_eq!(texts(&steps), ["bob: a", "b"]);
        let tags = steps.iter().map(|step| match step {
            Payload::Say { reply_to, .. } => reply_to.as_deref(),
            _ => None,
        });
        assert_eq!(tags.collect::<Vec<_>>(), [Some("m1"), None]);
        assert_eq!(texts(&answer("Bob, yes")), ["Bob, yes"]);
        assert_eq!(texts(&answer("bobby")), ["bob: bobby"]);
    }

    #[test]
    fn a_mention_is_written_as_the_nick() {
        let html = "<a href=\"https://matrix.to/#/@_irc_bob:test\">Robert</a>: hi";
        let person = Mention {
            mxid: Some("@_irc_bob:test".to_owned()),
            user: Some(RemoteUserId::new("bob")),
            name: None,
        };
        let text = FormattedText::html("Robert: hi", html);
        let mentions = bridge_core::network::Mentions { people: vec![person], room: false };
        let content = MessageContent::new(MessageKind::Text, text).with_mentions(mentions);
        let kind = OutgoingKind::Message { content, reply_to: None, thread: None };
        assert_eq!(texts(&planned(&outgoing(kind)).expect("a plan")), ["bob: hi"]);
    }

    #[test]
    fn topics_are_one_line_and_people_are_removed_and_invited() {
        let topic = outgoing(OutgoingKind::Topic { topic: "new\ntopic".to_owned() });
        let wanted = Payload::Topic { channel: "#room".to_owned(), topic: "new topic".to_owned() };
        assert_eq!(planned(&topic).unwrap(), [wanted]);
        let change = |membership| {
            planned(&outgoing(OutgoingKind::Membership {
                user: RemoteUserId::new("bob"),
                membership,
                reason: None,
            }))
        };
        assert!(
            matches!(&change(RemoteMembership::Kick).unwrap()[0], Payload::Kick { nick, .. } if nick == "bob")
        );
        assert!(matches!(&change(RemoteMembership::Invite).unwrap()[0], Payload::Invite { .. }));
        assert!(change(RemoteMembership::Ban).is_err());
    }

    #[test]
    fn what_cannot_be_sent_is_refused_in_words() {
        assert!(planned(&message(MessageKind::Text, " \n")).is_err());
        assert!(planned(&message(MessageKind::Image, "cat.png")).is_err());
        let flood = planned(&message(MessageKind::Text, &"line\n".repeat(21))).unwrap_err();
        assert!(flood.words.contains("21 messages"));
        let mut formatted = message(MessageKind::Text, "x");
        if let OutgoingKind::Message { content, .. } = &mut formatted.kind {
            content.text =
                FormattedText { plain: "x".to_owned(), html: Some("<b>x</b>".to_owned()) };
        }
        assert_eq!(texts(&planned(&formatted).unwrap()), ["\u{2}x\u{f}"]);
    }
}
