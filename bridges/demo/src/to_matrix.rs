//! Network to Matrix: an update becomes an event, as plain data. The core stores it, and plans what
//! to do with it later, perhaps twice; so nothing here depends on the moment.

use bridge_core::ids::{LoginId, SendKey};
use bridge_core::network::{
    ChatKind, MembershipChange, MessageContent, MessageKind, RemoteEvent, RemoteEventKind,
    RemoteMembership, RemoteMessage, RemoteSender, TopicChange, UserInfo,
};

use crate::ids::{Place, make_chat_id, make_message_id, make_user_id};
use crate::network::{Happening, SaidKind, Update};

/// Turns an update into an event, as one account hears it.
pub(crate) fn event(update: &Update, account: &str, login: &LoginId) -> RemoteEvent {
    let place = update.place_for(account);
    let direct = matches!(place, Place::With(_));
    let by = &update.by;
    let mut event = RemoteEvent::new(make_chat_id(&place), kind(&update.what, account));
    event.receiver = direct.then(|| login.clone());
    event.timestamp = Some(update.at);
    event.sender = Some(sender(by, account));
    if let Happening::Said { key, .. } = &update.what {
        event.id = Some(make_message_id(update.number));
        // Our own words, sent by this bridge, come back with the key they were sent with.
        event.echo_of = key.clone().map(SendKey::new).filter(|_| by == account);
        // Somebody who writes to us for the first time gets a room.
        event.creates = Some(if direct { ChatKind::Direct } else { ChatKind::Group });
    }
    event
}

fn kind(what: &Happening, account: &str) -> RemoteEventKind {
    match what {
        Happening::Said { kind, text, .. } => {
            let content = MessageContent::plain(message_kind(*kind), text.as_str());
            RemoteEventKind::Message(RemoteMessage::new(content))
        }
        Happening::Topic(topic) => RemoteEventKind::Topic(TopicChange { topic: topic.clone() }),
        Happening::Came(who) => membership(who, account, RemoteMembership::Join, None),
        Happening::Went(who) => membership(who, account, RemoteMembership::Leave, None),
        Happening::Removed(who, reason) => {
            membership(who, account, RemoteMembership::Kick, Some(reason.clone()))
        }
    }
}

fn message_kind(kind: SaidKind) -> MessageKind {
    match kind {
        SaidKind::Text => MessageKind::Text,
        SaidKind::Notice => MessageKind::Notice,
        SaidKind::Emote => MessageKind::Emote,
    }
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
