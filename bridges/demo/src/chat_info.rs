//! Finding, joining and describing chats and people.

use async_trait::async_trait;
use bridge_core::ids::{LoginId, RemoteChatId};
use bridge_core::network::{
    ChatInfo, ChatKind, Directory, JoinedChat, Member, MemberList, NetworkError,
};

use crate::client::DemoClient;
use crate::error::network_error;
use crate::ids::{Place, make_chat_id, make_user_id, parse_chat_id};
use crate::network::DemoNetwork;
use crate::to_matrix::profile;

/// Describes a chat as one account sees it.
pub(crate) fn chat_info(
    network: &DemoNetwork,
    account: &str,
    chat: &RemoteChatId,
) -> Result<ChatInfo, NetworkError> {
    let place = parse_chat_id(chat);
    let group = match &place {
        Place::With(other) => return Ok(conversation(account, other)),
        Place::Group(name) => network.describe(name).map_err(network_error)?,
    };
    Ok(ChatInfo {
        kind: Some(ChatKind::Group),
        name: Some(group.name),
        topic: Some(group.topic),
        avatar: None,
        members: Some(members(account, group.members.iter().map(String::as_str))),
    })
}

fn conversation(account: &str, other: &str) -> ChatInfo {
    ChatInfo {
        kind: Some(ChatKind::Direct),
        members: Some(members(account, [account, other].into_iter())),
        ..ChatInfo::default()
    }
}

fn members<'n>(account: &str, names: impl Iterator<Item = &'n str>) -> MemberList {
    let members = names.map(|name| Member {
        user: make_user_id(name),
        is_me: name == account,
        profile: Some(profile(name)),
        power_level: None,
    });
    MemberList { complete: true, members: members.collect() }
}

#[async_trait]
impl Directory for DemoClient {
    /// A group by its name, or a person by theirs.
    async fn join_chat(&self, name: &str) -> Result<JoinedChat, NetworkError> {
        let network = self.network();
        let account = self.account();
        let name = name.trim_start_matches(['#', '@']);
        let place = match network.join(account, name) {
            Ok(()) => Place::Group(name.to_owned()),
            Err(_) if network.knows(name) => Place::With(name.to_owned()),
            Err(refused) => return Err(network_error(refused)),
        };
        let chat = make_chat_id(&place);
        let info = chat_info(network, account, &chat)?;
        Ok(JoinedChat { receiver: receiver(&place, self.login()), chat, info })
    }

    async fn leave_chat(&self, chat: &RemoteChatId) -> Result<(), NetworkError> {
        match parse_chat_id(chat) {
            Place::Group(name) => {
                self.network().leave(self.account(), &name).map_err(network_error)
            }
            // A conversation is not left, one just says nothing more.
            Place::With(_) => Ok(()),
        }
    }
}

fn receiver(place: &Place, login: &LoginId) -> Option<LoginId> {
    matches!(place, Place::With(_)).then(|| login.clone())
}
