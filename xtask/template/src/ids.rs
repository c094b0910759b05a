//! How the network's names become ids, and back. Nowhere else is an id formed or read.

use bridge_core::ids::{RemoteChatId, RemoteMessageId, RemoteUserId};

pub(crate) fn make_chat_id(chat: &str) -> RemoteChatId {
    RemoteChatId::new(chat)
}

pub(crate) fn parse_chat_id(id: &RemoteChatId) -> &str {
    id.as_str()
}

pub(crate) fn make_user_id(name: &str) -> RemoteUserId {
    RemoteUserId::new(name)
}

pub(crate) fn parse_user_id(id: &RemoteUserId) -> &str {
    id.as_str()
}

pub(crate) fn make_message_id(number: i64) -> RemoteMessageId {
    RemoteMessageId::new(format!("m{number}"))
}
