//! Finding people and chats on a network, and opening them.

use async_trait::async_trait;

use super::{ChatInfo, NetworkError};
use crate::ids::{LoginId, RemoteChatId, RemoteUserId};

/// A chat that was joined by command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedChat {
    /// Its id.
    pub chat: RemoteChatId,
    /// The login, where the chat is a private view of it.
    pub receiver: Option<LoginId>,
    /// What is known about it already.
    pub info: ChatInfo,
}

/// What a network's directory can do beyond joining by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finds {
    /// People are found by what they are called ([`Directory::resolve`]).
    pub by_name: bool,
    /// There is a list of people one knows ([`Directory::contacts`]).
    pub contacts: bool,
    /// People are found by a part of their name ([`Directory::search`]).
    pub search: bool,
    /// The kinds of group that can be made ([`Directory::create_group`]).
    pub groups: Vec<GroupKind>,
}

/// A kind of group that can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupKind {
    /// Its id, unique within the network.
    pub id: String,
    /// Its name for people.
    pub name: String,
}

/// A person who was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundUser {
    /// Their id.
    pub user: RemoteUserId,
    /// Their name.
    pub name: Option<String>,
    /// Other names they are known by, as addresses (`irc:nick`, `tel:+1...`).
    pub identifiers: Vec<String>,
    /// The conversation with them, where its id is known without asking.
    pub direct: Option<RemoteChatId>,
}

/// A group that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewGroup {
    /// Its kind, one of [`Finds::groups`].
    pub kind: String,
    /// Its name.
    pub name: Option<String>,
    /// What it is about.
    pub topic: Option<String>,
    /// Who is in it from the start, by their ids or names on the network.
    pub participants: Vec<String>,
}

/// Finding and joining chats.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Joins a chat by the name people know it by (`#rust`, a nick) and waits for the network's
    /// answer. Joining a chat one is in already is a success.
    ///
    /// # Errors
    /// As the network answers, in words (invite only, banned, wrong key, no such channel).
    async fn join_chat(&self, name: &str) -> Result<JoinedChat, NetworkError>;

    /// Leaves a chat.
    ///
    /// # Errors
    /// As the network answers.
    async fn leave_chat(&self, chat: &RemoteChatId) -> Result<(), NetworkError>;

    /// Says which of the following work here.
    fn finds(&self) -> Finds {
        Finds::default()
    }

    /// Finds one person by what they are called; `None`: nobody is.
    ///
    /// # Errors
    /// As the network answers; [`NetworkError::Unsupported`] where people are not found so.
    async fn resolve(&self, _identifier: &str) -> Result<Option<FoundUser>, NetworkError> {
        Err(unsupported("find people by name"))
    }

    /// Lists the people one knows.
    ///
    /// # Errors
    /// As the network answers; [`NetworkError::Unsupported`] where there is no such list.
    async fn contacts(&self) -> Result<Vec<FoundUser>, NetworkError> {
        Err(unsupported("list contacts"))
    }

    /// Finds people by a part of their name.
    ///
    /// # Errors
    /// As the network answers; [`NetworkError::Unsupported`] where there is no search.
    async fn search(&self, _query: &str) -> Result<Vec<FoundUser>, NetworkError> {
        Err(unsupported("search for people"))
    }

    /// Opens the conversation with a person who was found.
    ///
    /// # Errors
    /// As the network answers.
    async fn open_direct(&self, user: &RemoteUserId) -> Result<JoinedChat, NetworkError> {
        self.join_chat(user.as_str()).await
    }

    /// Makes a group.
    ///
    /// # Errors
    /// As the network answers; [`NetworkError::Unsupported`] where groups are not made so.
    async fn create_group(&self, _group: NewGroup) -> Result<JoinedChat, NetworkError> {
        Err(unsupported("make groups"))
    }
}

fn unsupported(what: &str) -> NetworkError {
    NetworkError::Unsupported(format!("This network has no way to {what}."))
}
