//! The only place where IRC names become ids. Channels and nicks are folded by the server's case
//! mapping, so that `#Rust` and `#rust` are one chat. An id is also a name the server understands,
//! since it folds the same way.

use bridge_core::ids::{
    LoginId, NetworkId, PortalKey, RemoteChatId, RemoteMessageId, RemoteUserId,
};

use crate::{connection::Session, wire::Casemap};

/// Makes the id of a channel or of the conversation with a nick.
pub(crate) fn make_chat_id(session: &Session, name: &str) -> RemoteChatId {
    RemoteChatId::new(session.fold(name))
}

/// Makes the id of a person.
pub(crate) fn make_user_id(session: &Session, nick: &str) -> RemoteUserId {
    RemoteUserId::new(session.fold(nick))
}

/// Makes the id of a message from the server's `msgid`.
pub(crate) fn make_message_id(msgid: &str) -> RemoteMessageId {
    RemoteMessageId::new(msgid)
}

/// Ids of messages that the server gave none begin so. Nobody on IRC knows them: they only let the core
/// remember which message an edit, an answer or a reaction from Matrix is about.
const LOCAL: char = '~';

/// Makes an id for a message the server gave none. `counter` tells messages of one moment apart.
pub(crate) fn make_local_id(login: &LoginId, now_ms: i64, counter: &str) -> RemoteMessageId {
    RemoteMessageId::new(format!("{LOCAL}{login}-{now_ms:x}-{counter}"))
}

/// Returns a message's id as the server knows it.
pub(crate) fn parse_message_id(id: &RemoteMessageId) -> Option<&str> {
    (!id.as_str().starts_with(LOCAL)).then(|| id.as_str())
}

/// Makes the id under which a login is known to its owner: the nick, however it is spelled. The
/// server's rules are not asked, since the id must be the same before and after connecting.
pub(crate) fn make_account_id(nick: &str) -> String {
    Casemap::Ascii.fold(nick)
}

/// Makes the key of a chat: channels are shared, conversations belong to a login.
pub(crate) fn make_portal_key(
    network: &NetworkId,
    login: &LoginId,
    session: &Session,
    name: &str,
) -> PortalKey {
    let receiver = (!session.rules.is_channel(name)).then(|| login.clone());
    PortalKey { network: network.clone(), chat: make_chat_id(session, name), receiver }
}

/// Reads the name the server knows a chat by.
pub(crate) fn parse_chat_id(chat: &RemoteChatId) -> &str {
    chat.as_str()
}

/// Reads the nick the server knows a person by.
pub(crate) fn parse_user_id(user: &RemoteUserId) -> &str {
    user.as_str()
}

/// Says whether a portal is a channel, also before any server has told its CHANTYPES: only private
/// conversations have a receiver.
pub(crate) fn is_channel(portal: &PortalKey) -> bool {
    portal.receiver.is_none()
}
