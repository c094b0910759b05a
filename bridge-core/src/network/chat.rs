//! What a remote chat and a remote person look like. `None` always means "not known", never
//! "empty": what the network did not tell is left as it is.

use serde::{Deserialize, Serialize};

use super::{Disappearing, MediaRef};
use crate::ids::RemoteUserId;

/// What kind of room a chat becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// Two people.
    Direct,
    /// A group or channel.
    Group,
    /// A community that holds other chats.
    Space,
}

/// A chat as the network describes it, in full or in part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatInfo {
    /// What it becomes. Needed before the room can be made; `Group` where unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ChatKind>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its topic; an empty string clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Its picture; one without a source takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<MediaRef>,
    /// For how long its messages stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disappearing: Option<Disappearing>,
    /// Who is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<MemberList>,
}

/// Members of a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberList {
    /// Whether everyone is listed: then whoever is missing has left. If not, the listed are added.
    pub complete: bool,
    /// The people.
    pub members: Vec<Member>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user: RemoteUserId,
    /// Whether this is the account of the login that reports (carried by double puppeting).
    #[serde(default)]
    pub is_me: bool,
    /// The profile, where it came along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<UserInfo>,
    /// The Matrix power level this role corresponds to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_level: Option<i64>,
}

/// A remote person's profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    /// The name people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<MediaRef>,
    /// Whether it is a program.
    #[serde(default)]
    pub is_bot: bool,
}

/// How a remote person stands to a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoteMembership {
    /// Asked in.
    Invite,
    /// In.
    Join,
    /// Gone by their own will.
    Leave,
    /// Removed by someone.
    Kick,
    /// Removed and kept out.
    Ban,
    /// No longer kept out.
    Unban,
    /// Asks to come in.
    Knock,
}
