//! Finding, joining and describing chats and people.

use async_trait::async_trait;
use bridge_core::ids::{LoginId, RemoteChatId};
use bridge_core::network::{
    ChatInfo, ChatKind, Directory, Disappearing, Finds, FoundUser, GroupKind, JoinedChat, Member,
    MemberList, NetworkError, NewGroup,
};

use crate::client::DemoClient;
use crate::error::network_error;
use crate::ids::{Place, make_chat_id, make_user_id, parse_chat_id};
use crate::network::DemoNetwork;
use crate::to_matrix::{group_picture, profile};

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
        avatar: group.picture.map(|(number, file)| group_picture(number, Some(&file))),
        disappearing: Some(Disappearing::after(group.disappearing_ms)),
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

    fn finds(&self) -> Finds {
        let group = GroupKind { id: GROUP.to_owned(), name: "Group".to_owned() };
        Finds { by_name: true, contacts: true, search: true, groups: vec![group] }
    }

    async fn resolve(&self, identifier: &str) -> Result<Option<FoundUser>, NetworkError> {
        self.network().check(self.account()).map_err(network_error)?;
        let name = identifier.trim_start_matches('@');
        Ok(self.network().knows(name).then(|| found(name)))
    }

    /// Everybody knows everybody here.
    async fn contacts(&self) -> Result<Vec<FoundUser>, NetworkError> {
        self.search("").await
    }

    async fn search(&self, query: &str) -> Result<Vec<FoundUser>, NetworkError> {
        self.network().check(self.account()).map_err(network_error)?;
        let people = self.network().people_like(query);
        Ok(people.iter().filter(|name| *name != self.account()).map(|name| found(name)).collect())
    }

    async fn create_group(&self, group: NewGroup) -> Result<JoinedChat, NetworkError> {
        let name = group.name.unwrap_or_default();
        let name = name.trim();
        if name.is_empty() {
            return Err(NetworkError::Invalid("A group here needs a name.".to_owned()));
        }
        let (network, account) = (self.network(), self.account());
        let strangers = group.participants.iter().find(|person| !network.knows(person));
        if let Some(stranger) = strangers {
            return Err(NetworkError::NotFound(format!("Nobody here is called `{stranger}`.")));
        }
        network.found(account, name).map_err(network_error)?;
        if let Some(topic) = &group.topic {
            network.sets_topic(account, name, topic);
        }
        for person in &group.participants {
            network.comes(person, name);
        }
        let chat = make_chat_id(&Place::Group(name.to_owned()));
        let info = chat_info(network, account, &chat)?;
        Ok(JoinedChat { receiver: None, chat, info })
    }
}

/// The one kind of group there is.
const GROUP: &str = "group";

fn found(name: &str) -> FoundUser {
    FoundUser {
        user: make_user_id(name),
        name: Some(name.to_owned()),
        identifiers: vec![format!("demo:{name}")],
        direct: Some(make_chat_id(&Place::With(name.to_owned()))),
    }
}

fn receiver(place: &Place, login: &LoginId) -> Option<LoginId> {
    matches!(place, Place::With(_)).then(|| login.clone())
}
