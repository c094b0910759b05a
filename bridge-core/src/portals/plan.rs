//! What news about a chat changes in its rooms. Compared with what is stored, so that the same news
//! heard again changes nothing; the result is data, stored as the steps of a journal row.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use support_db::{DbError, Tx};

use super::{Portal, Portals, store};
use crate::ids::{LoginId, NetworkId, RemoteUserId};
use crate::network::{
    ChatInfo, ChatKind, DISAPPEARING, Disappearing, Kind, MediaRef, Member, MembershipChange,
    PowerLevel, RemoteMembership, RemoteSender, UserInfo,
};

/// How many people come into a room before they speak. A channel of thousands would keep its
/// messages waiting behind its members; the others come in when they say something.
const MEMBERS_AHEAD: usize = 200;

/// The highest level anybody but the bot gets: whoever has the bot's own cannot be taken down again.
const HIGHEST_LEVEL: i64 = 99;

/// One change in one room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoomStep {
    /// The room.
    pub(crate) room: String,
    /// The change.
    #[serde(flatten)]
    pub(crate) kind: RoomStepKind,
}

/// What changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(crate) enum RoomStepKind {
    /// The name.
    Name {
        /// To what.
        name: String,
    },
    /// The topic.
    Topic {
        /// To what.
        topic: String,
        /// The ghost that shows it, where the network told who it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Ghost>,
    },
    /// A message is pinned, or no longer.
    Pin {
        /// The event that shows it.
        event_id: String,
        /// Pinned or no longer.
        pinned: bool,
    },
    /// A ghost comes in.
    Enter {
        /// Who.
        ghost: Ghost,
    },
    /// A ghost goes.
    Leave {
        /// Who.
        mxid: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A ghost is removed.
    Remove {
        /// Who.
        mxid: String,
        /// By whom and why.
        reason: String,
        /// Whether they are kept out.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ban: bool,
    },
    /// A ghost is asked in.
    Invite {
        /// Who.
        ghost: Ghost,
    },
    /// A ghost is no longer kept out.
    Unban {
        /// Who.
        mxid: String,
    },
    /// The picture.
    Avatar {
        /// Where it is; filled in once it is brought. `None`: it is taken away.
        url: Option<String>,
        /// What the network calls it.
        name: String,
    },
    /// For how long messages stay.
    DisappearingTimer {
        /// For how long.
        timer: Disappearing,
    },
    /// Other state.
    State {
        /// The type.
        event_type: String,
        /// The key.
        state_key: String,
        /// What it says.
        content: serde_json::Value,
    },
    /// Some people may do more or less than before.
    PowerLevels {
        /// Who, by Matrix id, and their level.
        levels: Vec<(String, i64)>,
    },
    /// The login's own account came or went.
    TakePart {
        /// Which login.
        login: LoginId,
        /// Came or went.
        here: bool,
        /// What the people in the room are told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        notice: Option<String>,
    },
}

impl RoomStepKind {
    /// Returns which fact about a chat it shows, where those can be switched off.
    pub(crate) fn fact(&self) -> Option<Kind> {
        match self {
            Self::Name { .. } => Some(Kind::Name),
            Self::Topic { .. } => Some(Kind::Topic),
            Self::Avatar { .. } => Some(Kind::Avatar),
            Self::DisappearingTimer { .. } => Some(Kind::DisappearingTimer),
            Self::Enter { .. } | Self::Leave { .. } => Some(Kind::Membership),
            _ => None,
        }
    }
}

/// A remote person who acts in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ghost {
    /// Their network.
    pub(crate) network: NetworkId,
    /// Their id.
    pub(crate) user: RemoteUserId,
    /// Their profile, where it came along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<UserInfo>,
}

impl Portals {
    /// Plans what facts about a chat change.
    pub(crate) async fn plan_info(
        &self,
        portal: &Portal,
        info: &ChatInfo,
    ) -> Result<Vec<RoomStep>, DbError> {
        let mut steps = Vec::new();
        for room in &portal.rooms {
            let step = |kind| RoomStep { room: room.clone(), kind };
            // A direct room is called by the other person's name, which clients do by themselves.
            let named = info.name.as_ref().filter(|_| portal.kind != ChatKind::Direct);
            if let Some(name) = named.filter(|name| portal.name.as_ref() != Some(name)) {
                steps.push(step(RoomStepKind::Name { name: name.clone() }));
            }
            if let Some(topic) = &info.topic
                && portal.topic.as_deref().unwrap_or_default() != topic
            {
                steps.push(step(RoomStepKind::Topic { topic: topic.clone(), by: None }));
            }
            if let Some(timer) = info.disappearing.filter(|timer| *timer != portal.disappearing) {
                steps.push(step(RoomStepKind::DisappearingTimer { timer }));
            }
            if let Some(list) = &info.members {
                let members: Vec<&Member> = list.members.iter().filter(|m| !m.is_me).collect();
                let here: BTreeSet<String> =
                    self.0.ghosts.in_room(room).await?.into_iter().collect();
                let listed: BTreeSet<String> =
                    members.iter().map(|member| self.mxid(portal, &member.user)).collect();
                let new = members
                    .iter()
                    .filter(|member| !here.contains(&self.mxid(portal, &member.user)))
                    .take(MEMBERS_AHEAD.saturating_sub(here.len()));
                steps.extend(new.map(|member| {
                    let ghost = ghost(portal, &member.user, member.profile.as_ref());
                    step(RoomStepKind::Enter { ghost })
                }));
                if list.complete {
                    let gone = here.difference(&listed);
                    steps.extend(gone.map(|mxid| {
                        step(RoomStepKind::Leave { mxid: mxid.clone(), reason: None })
                    }));
                }
            }
        }
        Ok(steps)
    }

    /// Plans what a new topic changes.
    pub(crate) async fn plan_topic(
        &self,
        portal: &Portal,
        topic: &str,
        by: Option<&RemoteSender>,
    ) -> Result<Vec<RoomStep>, DbError> {
        if portal.topic.as_deref().unwrap_or_default() == topic {
            return Ok(Vec::new());
        }
        let by = by.filter(|by| !by.is_me).map(|by| ghost(portal, &by.user, by.profile.as_ref()));
        let kind = RoomStepKind::Topic { topic: topic.to_owned(), by };
        Ok(in_all_rooms(portal, &kind))
    }

    /// Plans what somebody's coming or going changes.
    pub(crate) async fn plan_membership(
        &self,
        portal: &Portal,
        change: &MembershipChange,
        by: Option<&RemoteSender>,
        login: &LoginId,
    ) -> Result<Vec<RoomStep>, DbError> {
        use RemoteMembership as M;
        if change.is_me {
            return Ok(own_membership(portal, change, by, login));
        }
        let mxid = self.mxid(portal, &change.user);
        let mut steps = Vec::new();
        for room in &portal.rooms {
            let here = self.0.ghosts.is_in(&mxid, room).await?;
            let kind = match change.membership {
                M::Join if !here => RoomStepKind::Enter {
                    ghost: ghost(portal, &change.user, change.profile.as_ref()),
                },
                M::Leave if here => {
                    RoomStepKind::Leave { mxid: mxid.clone(), reason: change.reason.clone() }
                }
                M::Kick | M::Ban if here => RoomStepKind::Remove {
                    mxid: mxid.clone(),
                    reason: removed(change, by),
                    ban: change.membership == M::Ban,
                },
                M::Invite if !here => RoomStepKind::Invite {
                    ghost: ghost(portal, &change.user, change.profile.as_ref()),
                },
                M::Unban => RoomStepKind::Unban { mxid: mxid.clone() },
                // Not yet in: nothing to show before they come.
                M::Join | M::Leave | M::Kick | M::Ban | M::Invite | M::Knock => continue,
            };
            steps.push(RoomStep { room: room.clone(), kind });
        }
        Ok(steps)
    }

    /// Plans what new rights change. The room's own state is compared when it is carried out.
    pub(crate) fn plan_power_levels(
        &self,
        portal: &Portal,
        levels: &[PowerLevel],
        login: &LoginId,
    ) -> Vec<RoomStep> {
        let own = |level: &PowerLevel| {
            let owner = self.0.logins.owner(login).filter(|_| level.is_me);
            (
                owner.unwrap_or_else(|| self.mxid(portal, &level.user)),
                level.level.min(HIGHEST_LEVEL),
            )
        };
        let levels: Vec<(String, i64)> = levels.iter().map(own).collect();
        if levels.is_empty() {
            return Vec::new();
        }
        in_all_rooms(portal, &RoomStepKind::PowerLevels { levels })
    }

    /// Plans what a person's new id changes, who stays who they are: somebody who was taken for
    /// another person goes.
    pub(crate) async fn plan_new_identity(
        &self,
        portal: &Portal,
        new: &RemoteUserId,
        profile: Option<&UserInfo>,
    ) -> Result<Vec<RoomStep>, DbError> {
        let (kept, made) =
            (self.mxid(portal, new), self.0.ghosts.made_for(&portal.key.network, new));
        let mut steps = Vec::new();
        for room in &portal.rooms {
            let step = |kind| RoomStep { room: room.clone(), kind };
            let twice = kept != made && self.0.ghosts.is_in(&made, room).await?;
            if twice || self.0.ghosts.is_in(&kept, room).await? {
                steps.push(step(RoomStepKind::Enter { ghost: ghost(portal, new, profile) }));
            }
            if twice {
                let reason = Some(format!("is {kept}"));
                steps.push(step(RoomStepKind::Leave { mxid: made.clone(), reason }));
            }
        }
        Ok(steps)
    }

    /// Plans what a person's new id changes: the old ghost goes, the new one comes.
    pub(crate) async fn plan_id_change(
        &self,
        portal: &Portal,
        old: &RemoteUserId,
        new: &RemoteUserId,
        profile: Option<&UserInfo>,
    ) -> Result<Vec<RoomStep>, DbError> {
        let mxid = self.mxid(portal, old);
        let mut steps = Vec::new();
        for room in &portal.rooms {
            if !self.0.ghosts.is_in(&mxid, room).await? {
                continue;
            }
            let enter = RoomStepKind::Enter { ghost: ghost(portal, new, profile) };
            let reason = Some(format!("is now {new}"));
            let leave = RoomStepKind::Leave { mxid: mxid.clone(), reason };
            steps.push(RoomStep { room: room.clone(), kind: enter });
            steps.push(RoomStep { room: room.clone(), kind: leave });
        }
        Ok(steps)
    }

    /// Notes, in the commit that settles a step, what is now the case.
    pub(crate) async fn remember(
        tx: &mut Tx,
        portal: i64,
        step: &RoomStep,
        now: i64,
    ) -> Result<(), DbError> {
        match &step.kind {
            RoomStepKind::Name { name } => {
                let info = ChatInfo { name: Some(name.clone()), ..ChatInfo::default() };
                store::set_info(tx, portal, &info).await
            }
            RoomStepKind::Topic { topic, .. } => {
                let info = ChatInfo { topic: Some(topic.clone()), ..ChatInfo::default() };
                store::set_info(tx, portal, &info).await
            }
            RoomStepKind::TakePart { login, here: true, .. } => {
                store::add_login(tx, portal, login, now).await
            }
            RoomStepKind::TakePart { login, here: false, .. } => {
                store::remove_login(tx, portal, login).await
            }
            RoomStepKind::Avatar { name, .. } => {
                let avatar = Some(MediaRef { id: Some(name.clone()), ..MediaRef::default() });
                store::set_shown(tx, portal, &ChatInfo { avatar, ..ChatInfo::default() }).await
            }
            RoomStepKind::DisappearingTimer { timer } => {
                let disappearing = Some(*timer);
                store::set_shown(tx, portal, &ChatInfo { disappearing, ..ChatInfo::default() })
                    .await
            }
            // Who is in a room is noted by the ghosts when they enter and leave.
            RoomStepKind::Enter { .. }
            | RoomStepKind::Leave { .. }
            | RoomStepKind::Remove { .. }
            | RoomStepKind::Pin { .. }
            | RoomStepKind::Invite { .. }
            | RoomStepKind::Unban { .. }
            | RoomStepKind::State { .. }
            | RoomStepKind::PowerLevels { .. } => Ok(()),
        }
    }

    fn mxid(&self, portal: &Portal, user: &RemoteUserId) -> String {
        self.0.ghosts.mxid(&portal.key.network, user)
    }
}

/// Returns what a picture is known by; empty where there is none.
pub(crate) fn picture_name(picture: &MediaRef) -> String {
    match &picture.id {
        Some(id) => id.clone(),
        None if picture.source.is_empty() => String::new(),
        None => picture.locator.to_string(),
    }
}

/// Plans the state that says for how long messages stay.
pub(crate) fn disappearing_state(timer: Disappearing) -> (&'static str, serde_json::Value) {
    (DISAPPEARING, timer.content())
}

fn in_all_rooms(portal: &Portal, kind: &RoomStepKind) -> Vec<RoomStep> {
    let step = |room: &String| RoomStep { room: room.clone(), kind: kind.clone() };
    portal.rooms.iter().map(step).collect()
}

fn ghost(portal: &Portal, user: &RemoteUserId, profile: Option<&UserInfo>) -> Ghost {
    let network = portal.key.network.clone();
    Ghost { network, user: user.clone(), profile: profile.cloned() }
}

fn removed(change: &MembershipChange, by: Option<&RemoteSender>) -> String {
    let verb = match change.membership {
        RemoteMembership::Ban => "banned",
        _ => "kicked",
    };
    let by = by.map(|by| format!(" by {}", name(by))).unwrap_or_default();
    let why = change.reason.as_deref().filter(|why| !why.is_empty());
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    format!("{verb}{by}{why}")
}

fn name(person: &RemoteSender) -> &str {
    let name = person.profile.as_ref().and_then(|profile| profile.name.as_deref());
    name.unwrap_or(person.user.as_str())
}

/// The login's own account came, went or was made to go. Its owner stays in the room, where the
/// messages so far are, and is told what no longer works and what would help.
fn own_membership(
    portal: &Portal,
    change: &MembershipChange,
    by: Option<&RemoteSender>,
    login: &LoginId,
) -> Vec<RoomStep> {
    use RemoteMembership as M;
    let chat = portal.name.as_deref().unwrap_or(portal.key.chat.as_str());
    let (here, notice) = match change.membership {
        M::Join => (true, None),
        M::Leave => {
            let words = format!("{login} has left {chat}: messages no longer cross.");
            (false, Some(words))
        }
        M::Kick | M::Ban => {
            let how = removed(change, by);
            let words = format!(
                "{login} was {how}. Messages to {chat} no longer cross. To go back: `!rialto join {} {}`",
                portal.key.network, portal.key.chat
            );
            (false, Some(words))
        }
        M::Invite | M::Unban | M::Knock => return Vec::new(),
    };
    let first = portal.rooms.first();
    let step = |room: &String| RoomStep {
        room: room.clone(),
        kind: RoomStepKind::TakePart { login: login.clone(), here, notice },
    };
    first.map(step).into_iter().collect()
}
