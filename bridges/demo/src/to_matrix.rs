//! Network to Matrix: an update becomes an event, as plain data. The core stores it, and plans what
//! to do with it later, perhaps twice; so nothing here depends on the moment.

use bridge_core::ids::{LoginId, SendKey};
use bridge_core::network::{
    ChatInfo, ChatKind, Contact, Disappearing, FormattedText, IdOf, MediaRef, MembershipChange,
    MessageContent, MessageKind, PowerLevel, RemoteEvent, RemoteEventKind, RemoteMembership,
    RemoteMessage, RemoteSender, ReplyTo, TopicChange, UserInfo,
};

use serde_json::json;

use crate::ids::{Place, make_chat_id, make_message_id, make_user_id};
use crate::network::{DemoFile, Happening, SaidKind, Update};

/// For how long somebody types who does not say more.
const TYPES_FOR_MS: i64 = 20_000;

/// Turns an update into an event, as one account hears it.
pub(crate) fn event(update: &Update, account: &str, login: &LoginId) -> RemoteEvent {
    let place = update.place_for(account);
    let direct = matches!(place, Place::With(_));
    let by = &update.by;
    let mut event = RemoteEvent::new(make_chat_id(&place), kind(update, account));
    event.receiver = direct.then(|| login.clone());
    event.timestamp = Some(update.at);
    event.sender = Some(sender(by, account));
    // What this bridge did itself comes back with the key it was done with.
    event.echo_of = update.key.clone().map(SendKey::new).filter(|_| by == account);
    if update.what.has_number() {
        event.id = Some(make_message_id(update.number));
    }
    if let Happening::Said { .. } = &update.what {
        // Somebody who writes to us for the first time gets a room.
        event.creates = Some(if direct { ChatKind::Direct } else { ChatKind::Group });
    }
    event
}

fn kind(update: &Update, account: &str) -> RemoteEventKind {
    let (file_of, by) = (update.file_of, update.by.as_str());
    match &update.what {
        Happening::Album { files, caption } => album(update.number, files, caption),
        Happening::Asked { question, answers } => {
            let mut text = question.clone();
            for (number, answer) in (1..).zip(answers) {
                text.push_str(&format!("\n{number}. {answer}"));
            }
            RemoteEventKind::Poll { text: FormattedText::plain(text) }
        }
        Happening::Called { video } => RemoteEventKind::Call { video: *video },
        Happening::Closed { reason } => {
            RemoteEventKind::ChatDelete { reason: Some(reason.clone()) }
        }
        Happening::Said { kind, text, html, reply_to, thread, file } => {
            let mut content = MessageContent::plain(message_kind(*kind), text.as_str());
            content.text.html.clone_from(html);
            if *kind == SaidKind::Place {
                let (place, words) = text.split_once(' ').unwrap_or((text, ""));
                content = MessageContent::plain(MessageKind::Location, words);
                content.place = Some(place.to_owned());
            }
            if *kind == SaidKind::Contact {
                content = match Contact::from_vcard(text) {
                    Some(contact) => MessageContent::contact(contact),
                    None => MessageContent::text(text.as_str()),
                };
            }
            if let Some(file) = file {
                if *kind == SaidKind::File {
                    content.kind = file_kind(&file.content_type);
                }
                content.media = Some(media(file_of, file));
            }
            let reply_to = reply_to.map(|number| ReplyTo::message(make_message_id(number)));
            let thread = thread.map(make_message_id);
            RemoteEventKind::Message(RemoteMessage {
                reply_to,
                thread,
                ..RemoteMessage::new(content)
            })
        }
        Happening::Edited { target, text } => RemoteEventKind::Edit {
            target: make_message_id(*target),
            part: 0,
            content: MessageContent::text(text.as_str()),
        },
        Happening::TakenBack { target } => {
            RemoteEventKind::Redaction { target: make_message_id(*target) }
        }
        Happening::Reacted { target, emoji, set } => {
            let (target, key) = (make_message_id(*target), emoji.clone());
            match set {
                true => RemoteEventKind::Reaction { target, picture: emoji_picture(&key), key },
                false => RemoteEventKind::ReactionRemove { target, key },
            }
        }
        Happening::Pinned { target, pinned } => {
            RemoteEventKind::Pin { target: make_message_id(*target), pinned: *pinned }
        }
        Happening::Named(name) => {
            let name = Some(name.clone());
            RemoteEventKind::ChatInfo(ChatInfo { name, ..ChatInfo::default() })
        }
        Happening::Banned(who, reason) => {
            membership(who, account, RemoteMembership::Ban, Some(reason.clone()))
        }
        Happening::Ranked { who, level } => {
            let user = make_user_id(who);
            let level = PowerLevel { user, is_me: who == account, level: *level };
            RemoteEventKind::PowerLevels { levels: vec![level] }
        }
        Happening::Read { target } => RemoteEventKind::Receipt { target: make_message_id(*target) },
        Happening::Typing { typing } => {
            RemoteEventKind::Typing { timeout_ms: if *typing { TYPES_FOR_MS } else { 0 } }
        }
        Happening::Delivered { target } => {
            RemoteEventKind::Delivery { target: make_message_id(*target) }
        }
        Happening::Timed { ms } => {
            RemoteEventKind::DisappearingTimer { timer: Disappearing::after(*ms) }
        }
        Happening::Pictured(file) => {
            let avatar = Some(group_picture(update.number, file.as_ref()));
            RemoteEventKind::ChatInfo(ChatInfo { avatar, ..ChatInfo::default() })
        }
        Happening::Invited(who) => membership(who, account, RemoteMembership::Invite, None),
        Happening::Unbanned(who) => membership(who, account, RemoteMembership::Unban, None),
        Happening::Knocked => membership(by, account, RemoteMembership::Knock, None),
        Happening::Renamed { old, new } => {
            let (old, new) = (make_user_id(old), make_user_id(new));
            let (old, new) = (old.as_str().to_owned(), new.as_str().to_owned());
            RemoteEventKind::IdChanged { old, new, of: IdOf::Person }
        }
        Happening::Moved { old, new } => {
            let id = |name: &String| make_chat_id(&Place::Group(name.clone())).as_str().to_owned();
            RemoteEventKind::IdChanged { old: id(old), new: id(new), of: IdOf::Chat }
        }
        Happening::Topic(topic) => RemoteEventKind::Topic(TopicChange { topic: topic.clone() }),
        Happening::Came(who) => membership(who, account, RemoteMembership::Join, None),
        Happening::Went(who) => membership(who, account, RemoteMembership::Leave, None),
        Happening::Removed(who, reason) => {
            membership(who, account, RemoteMembership::Kick, Some(reason.clone()))
        }
    }
}

/// An album is one message of several parts: the first has the words.
fn album(number: i64, files: &[DemoFile], caption: &str) -> RemoteEventKind {
    let mut parts = files.iter().enumerate().map(|(part, file)| {
        let words = if part == 0 { caption } else { "" };
        let content = MessageContent::plain(file_kind(&file.content_type), words);
        content.with_media(MediaRef {
            locator: json!([number, part]),
            id: Some(format!("{number}.{part}")),
            ..media(number, file)
        })
    });
    let first = parts.next().unwrap_or_else(|| MessageContent::text(caption));
    let more = parts.collect();
    RemoteEventKind::Message(RemoteMessage { more, ..RemoteMessage::new(first) })
}

fn message_kind(kind: SaidKind) -> MessageKind {
    match kind {
        SaidKind::Text => MessageKind::Text,
        SaidKind::Notice => MessageKind::Notice,
        SaidKind::Emote => MessageKind::Emote,
        SaidKind::File => MessageKind::File,
        SaidKind::Voice => MessageKind::Voice,
        SaidKind::Sticker => MessageKind::Sticker,
        SaidKind::Place => MessageKind::Location,
        SaidKind::Contact => MessageKind::Contact,
    }
}

fn file_kind(content_type: &str) -> MessageKind {
    match content_type.split('/').next() {
        Some("image") => MessageKind::Image,
        Some("video") => MessageKind::Video,
        Some("audio") => MessageKind::Audio,
        _ => MessageKind::File,
    }
}

/// Points at a file, by the number of the message that showed it first.
fn media(number: i64, file: &DemoFile) -> MediaRef {
    MediaRef {
        source: "demo".to_owned(),
        locator: number.into(),
        id: Some(number.to_string()),
        filename: Some(file.name.clone()),
        content_type: Some(file.content_type.clone()),
        size: Some(file.bytes.len() as u64),
        ..MediaRef::default()
    }
}

/// Points at a group's picture, by the number of the update that set it; at none where there is none.
pub(crate) fn group_picture(number: i64, file: Option<&DemoFile>) -> MediaRef {
    let Some(file) = file else { return MediaRef::default() };
    let locator = json!({ "picture": number });
    MediaRef { locator, id: Some(format!("picture.{number}")), ..media(number, file) }
}

/// Points at the picture of an emoji of the network's own, which is called `:name:`.
fn emoji_picture(key: &str) -> Option<MediaRef> {
    let name = key.strip_prefix(':')?.strip_suffix(':')?;
    Some(MediaRef {
        source: "demo".to_owned(),
        locator: json!({ "emoji": key }),
        id: Some(format!("emoji.{name}")),
        filename: Some(name.to_owned()),
        ..MediaRef::default()
    })
}

fn membership(
    who: &str,
    account: &str,
    membership: RemoteMembership,
    reason: Option<String>,
) -> RemoteEventKind {
    RemoteEventKind::Membership(MembershipChange {
        user: make_user_id(who),
        is_me: who == account,
        profile: Some(profile(who)),
        membership,
        reason,
    })
}

fn sender(who: &str, account: &str) -> RemoteSender {
    RemoteSender { user: make_user_id(who), is_me: who == account, profile: Some(profile(who)) }
}

/// Returns what is shown of a person.
pub(crate) fn profile(who: &str) -> UserInfo {
    UserInfo { name: Some(who.to_owned()), avatar: None, is_bot: false }
}
