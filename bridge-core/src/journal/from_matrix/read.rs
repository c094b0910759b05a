//! Reads an event: what the person did, without asking anybody. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Event;
use crate::html;
use crate::network::{
    DISAPPEARING, Disappearing, FormattedText, Kind, MediaRef, Mention, Mentions, MessageContent,
    MessageKind, RemoteMembership,
};

/// How many people one message may call.
const MOST_MENTIONS: usize = 50;

/// What a person did, before the messages it refers to are looked up.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Draft {
    /// Said something.
    Message {
        /// What.
        content: MessageContent,
        /// The event it answers.
        reply_to: Option<String>,
        /// The first event of its thread.
        thread: Option<String>,
    },
    /// Changed a message.
    Edit {
        /// Which event.
        target: String,
        /// To what.
        content: MessageContent,
    },
    /// Took something back.
    Redaction {
        /// Which event.
        target: String,
    },
    /// Reacted.
    Reaction {
        /// To which event.
        target: String,
        /// With what.
        key: String,
    },
    /// Started a poll.
    Poll {
        /// Question and answers in words.
        content: MessageContent,
    },
    /// Gave people more or fewer rights.
    PowerLevels {
        /// Who has which now.
        now: BTreeMap<String, i64>,
        /// Who had which before, where the homeserver says so.
        before: Option<BTreeMap<String, i64>>,
    },
    /// Pinned or unpinned messages.
    Pins {
        /// Which are pinned now, by event.
        now: Vec<String>,
        /// Which were before.
        before: Vec<String>,
    },
    /// Set the room's name.
    Name(String),
    /// Set the topic.
    Topic(String),
    /// Set the picture.
    Avatar(Option<MediaRef>),
    /// Changed the place of somebody remote.
    Membership {
        /// Whose, by Matrix id.
        member: String,
        /// To what.
        membership: RemoteMembership,
        /// Why.
        reason: Option<String>,
    },
    /// Set for how long messages stay.
    DisappearingTimer(Disappearing),
    /// Deleted the chat.
    ChatDelete {
        /// For everybody in it.
        for_everybody: bool,
    },
    /// Called.
    Call {
        /// To be seen.
        video: bool,
    },
    /// Cannot be carried by anybody: words for the sender.
    Refused(String),
    /// A message of a kind that is not carried: its sender is told, without a notice.
    NotCarried(&'static str),
    /// Left out by rule.
    Ignored(&'static str),
}

impl Draft {
    /// Returns what it is, as far as that is known before anything is looked up.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        vec![match self {
            Self::Message { content, .. } => content.into(),
            Self::Edit { content, .. } => return vec![Kind::Edit, content.into()],
            Self::Reaction { .. } => Kind::Reaction,
            Self::Poll { .. } => Kind::Poll,
            Self::PowerLevels { .. } => Kind::PowerLevels,
            Self::Pins { .. } => Kind::Pin,
            Self::Name(_) => Kind::Name,
            Self::Topic(_) => Kind::Topic,
            Self::Avatar(_) => Kind::Avatar,
            Self::Membership { .. } => Kind::Membership,
            Self::DisappearingTimer(_) => Kind::DisappearingTimer,
            Self::ChatDelete { .. } => Kind::ChatDelete,
            Self::Call { .. } => Kind::Call,
            // What is taken back may be a message or a reaction.
            Self::Redaction { .. } | Self::Refused(_) | Self::NotCarried(_) | Self::Ignored(_) => {
                return Vec::new();
            }
        }]
    }
}

/// Reads an event.
pub(super) fn read_event(event: &Event) -> Draft {
    let text = |key: &str| event.text(key).unwrap_or_default().to_owned();
    match (event.kind.as_str(), &event.state_key) {
        ("m.room.message" | "m.sticker", None) => read_message(event),
        ("m.room.redaction", None) => match &event.redacts {
            Some(target) => Draft::Redaction { target: target.clone() },
            None => Draft::Ignored("a redaction of nothing"),
        },
        ("m.reaction", None) => {
            let relation = event.content.get("m.relates_to");
            let field = |key| relation.and_then(|r| r.get(key)).and_then(Value::as_str);
            match (field("event_id"), field("key")) {
                (Some(target), Some(key)) => {
                    Draft::Reaction { target: target.to_owned(), key: reaction(event, key) }
                }
                _ => Draft::Ignored("a reaction to nothing"),
            }
        }
        ("m.poll.start" | "org.matrix.msc3381.poll.start", None) => read_poll(event),
        ("m.room.power_levels", Some(_)) => Draft::PowerLevels {
            now: levels(&event.content),
            before: event.before.as_ref().map(levels),
        },
        ("m.room.pinned_events", Some(_)) => Draft::Pins {
            now: pinned(&event.content),
            before: event.before.as_ref().map(pinned).unwrap_or_default(),
        },
        ("m.room.encrypted", None) => Draft::Refused(
            "The bridge cannot read encrypted messages. It was not sent; write in a room without encryption."
                .to_owned(),
        ),
        ("m.room.name", Some(_)) => Draft::Name(text("name")),
        ("m.room.topic", Some(_)) => Draft::Topic(text("topic")),
        ("m.room.avatar", Some(_)) => Draft::Avatar(event.text("url").map(mxc)),
        ("m.room.member", Some(member)) => read_member(event, member),
        (DISAPPEARING, Some(_)) => Draft::DisappearingTimer(Disappearing::read(&event.content)),
        ("com.beeper.delete_chat", None) => {
            let all = event.content.get("delete_for_everyone").and_then(Value::as_bool);
            Draft::ChatDelete { for_everybody: all.unwrap_or(false) }
        }
        ("m.call.invite", None) => {
            let offer = event.content.get("offer").and_then(|offer| offer.get("sdp"));
            let video = offer.and_then(Value::as_str).is_some_and(|sdp| sdp.contains("m=video"));
            Draft::Call { video }
        }
        (kind, None) if kind.starts_with("m.call.") => Draft::Ignored("calls do not cross"),
        (_, Some(_)) => Draft::Ignored("state that stays on Matrix"),
        (_, None) => Draft::NotCarried("This kind of event is not carried to networks."),
    }
}

fn read_member(event: &Event, member: &str) -> Draft {
    let membership = match event.text("membership") {
        Some("invite") => RemoteMembership::Invite,
        Some("ban") => RemoteMembership::Ban,
        Some("leave") if event.sender != member && was(event, "ban") => RemoteMembership::Unban,
        Some("leave") if event.sender != member => RemoteMembership::Kick,
        _ => return Draft::Ignored("a ghost came or went by itself"),
    };
    Draft::Membership {
        member: member.to_owned(),
        membership,
        reason: event.text("reason").map(str::to_owned),
    }
}

/// Whether somebody's membership was this before.
fn was(event: &Event, membership: &str) -> bool {
    let before = event.before.as_ref().and_then(|before| before.get("membership"));
    before.and_then(Value::as_str) == Some(membership)
}

/// Returns what a reaction is: a picture by its name (MSC4027), which is what networks know it by.
fn reaction(event: &Event, key: &str) -> String {
    if !key.starts_with("mxc://") {
        return key.to_owned();
    }
    let name = event.text("com.beeper.reaction.shortcode").or_else(|| event.text("shortcode"));
    match name.map(|name| name.trim_matches(':')).filter(|name| !name.is_empty()) {
        Some(name) => format!(":{name}:"),
        None => ":picture:".to_owned(),
    }
}

fn read_message(event: &Event) -> Draft {
    let relation = event.content.get("m.relates_to");
    let field = |key| relation.and_then(|r| r.get(key)).and_then(Value::as_str).map(str::to_owned);
    let kind = field("rel_type");
    if kind.as_deref() == Some("m.replace") {
        let new = event.content.get("m.new_content").unwrap_or(&event.content);
        return match field("event_id") {
            Some(target) => Draft::Edit { target, content: content(&event.kind, new, false) },
            None => Draft::Ignored("an edit of nothing"),
        };
    }
    let thread = if kind.as_deref() == Some("m.thread") { field("event_id") } else { None };
    let reply = relation.and_then(|r| r.get("m.in_reply_to"));
    let reply_to = reply.and_then(|r| r.get("event_id")).and_then(Value::as_str);
    // Within a thread, clients without threads are given the last message as one to reply to.
    let falling_back = relation.and_then(|r| r.get("is_falling_back")).and_then(Value::as_bool);
    let reply_to = reply_to.filter(|_| thread.is_none() || falling_back != Some(true));
    Draft::Message {
        content: content(&event.kind, &event.content, reply_to.is_some()),
        reply_to: reply_to.map(str::to_owned),
        thread,
    }
}

fn content(event_type: &str, content: &Value, is_reply: bool) -> MessageContent {
    let text = |key: &str| content.get(key).and_then(Value::as_str);
    let kind = match text("msgtype") {
        _ if event_type == "m.sticker" => MessageKind::Sticker,
        Some("m.notice") => MessageKind::Notice,
        Some("m.emote") => MessageKind::Emote,
        Some("m.image") => MessageKind::Image,
        Some("m.video") => MessageKind::Video,
        Some("m.audio") if content.get("org.matrix.msc3245.voice").is_some() => MessageKind::Voice,
        Some("m.audio") => MessageKind::Audio,
        Some("m.file") => MessageKind::File,
        Some("m.location") => MessageKind::Location,
        // Types nobody has heard of carry a body for exactly this case.
        _ => MessageKind::Text,
    };
    let body = text("body").unwrap_or_default();
    let html = text("formatted_body").filter(|_| text("format") == Some("org.matrix.custom.html"));
    let plain = if is_reply { without_quote(body) } else { body.to_owned() };
    let html = html.and_then(html::sanitise);
    let mentions = mentions(content, html.as_deref());
    let media = text("url").filter(|_| kind.is_media()).map(|url| media(content, url));
    // Before captions there were file names in the body; a body beside a file name is a caption.
    let named_only = media.as_ref().is_some_and(|media| media.filename.as_deref() == Some(body));
    let text_of = match kind {
        MessageKind::Sticker => FormattedText::plain(plain),
        _ if named_only => FormattedText::default(),
        _ => FormattedText { plain, html },
    };
    let place = text("geo_uri").filter(|_| kind == MessageKind::Location).map(str::to_owned);
    MessageContent { media, place, mentions, ..MessageContent::new(kind, text_of) }
}

fn media(content: &Value, url: &str) -> MediaRef {
    let info = content.get("info");
    let number = |key| info.and_then(|info| info.get(key)).and_then(Value::as_u64);
    let name = content.get("filename").or_else(|| content.get("body")).and_then(Value::as_str);
    let mimetype = info.and_then(|info| info.get("mimetype")).and_then(Value::as_str);
    MediaRef {
        filename: name.map(str::to_owned),
        content_type: mimetype.map(str::to_owned),
        size: number("size"),
        width: number("w"),
        height: number("h"),
        duration_ms: number("duration"),
        ..mxc(url)
    }
}

/// Reads who is meant. Clients that do not say so yet are understood by their links.
fn mentions(content: &Value, html: Option<&str>) -> Mentions {
    let linked = html.map(html::linked_people).unwrap_or_default();
    let named = |mxid: &str| Mention {
        mxid: Some(mxid.to_owned()),
        user: None,
        name: linked.iter().find(|(linked, _)| linked == mxid).map(|(_, name)| name.clone()),
    };
    let Some(said) = content.get("m.mentions") else {
        let people = linked.iter().map(|(mxid, _)| named(mxid)).collect();
        return Mentions { people, room: false };
    };
    let ids = said.get("user_ids").and_then(Value::as_array).into_iter().flatten();
    let people = ids.filter_map(Value::as_str).take(MOST_MENTIONS).map(named).collect();
    Mentions { people, room: said.get("room").and_then(Value::as_bool).unwrap_or(false) }
}

fn read_poll(event: &Event) -> Draft {
    let poll = event.content.get("m.poll").or_else(|| event.content.get("m.poll.start"));
    let poll = poll.or_else(|| event.content.get("org.matrix.msc3381.poll.start"));
    let Some(poll) = poll else { return Draft::Ignored("a poll without a question") };
    let mut text = poll.get("question").map(words).unwrap_or_default();
    let answers = poll.get("answers").and_then(Value::as_array).into_iter().flatten();
    for (number, answer) in (1..).zip(answers.take(100)) {
        text.push_str(&format!("\n{number}. {}", words(answer)));
    }
    Draft::Poll { content: MessageContent::text(text) }
}

/// Reads a piece of text in any of the spellings polls have had.
fn words(value: &Value) -> String {
    let unstable = value.get("org.matrix.msc1767.text").or_else(|| value.get("body"));
    let stable = value.get("m.text");
    let text = stable.and_then(|text| match text {
        Value::Array(texts) => texts.first().and_then(|text| text.get("body")),
        other => Some(other),
    });
    text.or(unstable).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn levels(content: &Value) -> BTreeMap<String, i64> {
    let users = content.get("users").and_then(Value::as_object).into_iter().flatten();
    users.filter_map(|(mxid, level)| Some((mxid.clone(), level.as_i64()?))).collect()
}

fn pinned(content: &Value) -> Vec<String> {
    let events = content.get("pinned").and_then(Value::as_array).into_iter().flatten();
    events.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn mxc(url: &str) -> MediaRef {
    MediaRef { source: "mxc".to_owned(), locator: Value::from(url), ..MediaRef::default() }
}

/// Takes off the quoted lines older clients put before an answer.
pub(super) fn without_quote(body: &str) -> String {
    if !body.starts_with("> ") {
        return body.to_owned();
    }
    let mut lines =
        body.lines().skip_while(|line| line.starts_with("> ") || *line == ">").peekable();
    if lines.peek().is_some_and(|line| line.is_empty()) {
        lines.next();
    }
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, state_key: Option<&str>, content: Value) -> Event {
        Event {
            room: "!r:x".to_owned(),
            id: "$e".to_owned(),
            sender: "@alice:x".to_owned(),
            kind: kind.to_owned(),
            state_key: state_key.map(str::to_owned),
            timestamp: 1,
            content,
            redacts: None,
            before: None,
        }
    }

    #[test]
    fn answer_loses_the_quote_older_clients_put_before_it() {
        let draft = read_event(&event(
            "m.room.message",
            None,
            json!({
                "msgtype": "m.text",
                "body": "> <@bob:x> first\n> second\n\nyes\n> kept",
                "format": "org.matrix.custom.html",
                "formatted_body": "<mx-reply>quoted</mx-reply><b>yes</b>",
                "m.relates_to": {"m.in_reply_to": {"event_id": "$bob"}},
            }),
        ));
        let Draft::Message { content, reply_to, thread } = draft else { panic!("{draft:?}") };
        assert_eq!(content.text.plain, "yes\n> kept");
        assert_eq!(content.text.html.as_deref(), Some("<b>yes</b>"));
        assert_eq!((reply_to.as_deref(), thread), (Some("$bob"), None));
    }

    #[test]
    fn thread_message_is_no_answer_unless_it_says_so() {
        let relation = |falling_back| {
            json!({"msgtype": "m.text", "body": "x", "m.relates_to": {"rel_type": "m.thread",
                "event_id": "$root", "is_falling_back": falling_back,
                "m.in_reply_to": {"event_id": "$last"}}})
        };
        let read = |content| match read_event(&event("m.room.message", None, content)) {
            Draft::Message { reply_to, thread, .. } => (reply_to, thread),
            other => panic!("{other:?}"),
        };
        assert_eq!(read(relation(true)), (None, Some("$root".to_owned())));
        assert_eq!(read(relation(false)), (Some("$last".to_owned()), Some("$root".to_owned())));
    }

    #[test]
    fn edit_carries_its_new_content() {
        let content = json!({"msgtype": "m.text", "body": "* new", "m.new_content":
            {"msgtype": "m.text", "body": "new"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": "$old"}});
        let draft = read_event(&event("m.room.message", None, content));
        let expected =
            Draft::Edit { target: "$old".to_owned(), content: MessageContent::text("new") };
        assert_eq!(draft, expected);
    }

    #[test]
    fn kick_of_a_ghost_is_told_from_its_leaving() {
        let leave = |sender: &str| {
            let mut event =
                event("m.room.member", Some("@ghost:x"), json!({"membership": "leave"}));
            event.sender = sender.to_owned();
            read_event(&event)
        };
        assert!(matches!(
            leave("@alice:x"),
            Draft::Membership { membership: RemoteMembership::Kick, .. }
        ));
        assert!(matches!(leave("@ghost:x"), Draft::Ignored(_)));
    }

    #[test]
    fn nonsense_is_no_panic() {
        for content in [json!(null), json!([]), json!({"m.relates_to": 7, "body": []})] {
            read_event(&event("m.room.message", None, content.clone()));
            read_event(&event("m.reaction", None, content.clone()));
            read_event(&event("m.room.topic", Some(""), content));
        }
    }
}
