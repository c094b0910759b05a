//! Network to Matrix: an update becomes an event, as plain data. The core stores it and plans what to
//! do with it later, perhaps twice; so nothing here depends on the moment.

use bridge_core::ids::SendKey;
use bridge_core::network::{
    ChatKind, MessageContent, RemoteEvent, RemoteEventKind, RemoteMessage, RemoteSender, UserInfo,
};

use crate::ids::{make_chat_id, make_message_id, make_user_id};
use crate::network::Said;

/// Turns something that was said into an event, as one account hears it.
pub(crate) fn event(said: &Said, account: &str) -> RemoteEvent {
    let own = said.by == account;
    let content = MessageContent::text(said.text.as_str());
    let kind = RemoteEventKind::Message(RemoteMessage::new(content));
    RemoteEvent {
        id: Some(make_message_id(said.number)),
        sender: Some(RemoteSender {
            user: make_user_id(&said.by),
            is_me: own,
            profile: Some(profile(&said.by)),
        }),
        // What this bridge said itself comes back with the key it was said with.
        echo_of: said.key.clone().map(SendKey::new).filter(|_| own),
        creates: Some(ChatKind::Group),
        ..RemoteEvent::new(make_chat_id(&said.chat), kind)
    }
}

/// Returns what is shown of a person.
pub(crate) fn profile(who: &str) -> UserInfo {
    UserInfo { name: Some(who.to_owned()), avatar: None, is_bot: false }
}
