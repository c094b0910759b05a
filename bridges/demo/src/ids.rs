//! How the network's names become ids, and back. Nowhere else is an id formed or read.
//!
//! A group's chat id is its name. A conversation of two has no name of its own there: each side
//! knows it by the other one, so its id is `@` and that name, and it is a private view of a login.

use bridge_core::ids::{RemoteChatId, RemoteMessageId, RemoteUserId};

/// A chat as the network addresses it, seen from one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A group.
    Group(String),
    /// The conversation with somebody.
    With(String),
}

pub(crate) fn make_chat_id(place: &Place) -> RemoteChatId {
    match place {
        Place::Group(name) => RemoteChatId::new(name.as_str()),
        Place::With(name) => RemoteChatId::new(format!("@{name}")),
    }
}

pub(crate) fn parse_chat_id(id: &RemoteChatId) -> Place {
    match id.as_str().strip_prefix('@') {
        Some(name) => Place::With(name.to_owned()),
        None => Place::Group(id.as_str().to_owned()),
    }
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

pub(crate) fn parse_message_id(id: &RemoteMessageId) -> Option<i64> {
    id.as_str().strip_prefix('m')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chat_id_comes_back() {
        for place in [Place::Group("lobby".to_owned()), Place::With("bob".to_owned())] {
            assert_eq!(parse_chat_id(&make_chat_id(&place)), place);
        }
    }
}
