//! Finding, joining and describing chats.

use async_trait::async_trait;
use bridge_core::ids::RemoteChatId;
use bridge_core::network::{
    ChatInfo, ChatKind, Directory, JoinedChat, Member, MemberList, NetworkError,
};

use crate::client::NewNetClient;
use crate::error::network_error;
use crate::ids::{make_chat_id, make_user_id, parse_chat_id};
use crate::network::NewNet;
use crate::to_matrix::profile;

/// Describes a chat as one account sees it.
pub(crate) fn chat_info(
    network: &NewNet,
    account: &str,
    chat: &RemoteChatId,
) -> Result<ChatInfo, NetworkError> {
    let name = parse_chat_id(chat);
    let members = network.members(name).map_err(network_error)?;
    let members = members.iter().map(|name| Member {
        user: make_user_id(name),
        is_me: name == account,
        profile: Some(profile(name)),
        power_level: None,
    });
    Ok(ChatInfo {
        kind: Some(ChatKind::Group),
        name: Some(name.to_owned()),
        members: Some(MemberList { complete: true, members: members.collect() }),
        ..ChatInfo::default()
    })
}

#[async_trait]
impl Directory for NewNetClient {
    async fn join_chat(&self, name: &str) -> Result<JoinedChat, NetworkError> {
        self.network().join(self.account(), name).map_err(network_error)?;
        let chat = make_chat_id(name);
        let info = chat_info(self.network(), self.account(), &chat)?;
        Ok(JoinedChat { chat, receiver: None, info })
    }

    async fn leave_chat(&self, chat: &RemoteChatId) -> Result<(), NetworkError> {
        let chat = parse_chat_id(chat);
        self.network().leave(self.account(), chat).map_err(network_error)
    }
}
