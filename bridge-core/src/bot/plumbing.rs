//! Linking a room that is there already to a chat, and choosing who speaks for people without a
//! login. Three must agree: the room (who may set its state), the bridge (permissions), and the
//! network (its operators).

use super::parse::Word;
use super::{Bot, BotReply, CommandRequest, rooms};
use crate::ids::{LoginId, PortalKey};
use crate::matrix::MatrixTrouble;
use crate::network::{ChatInfo, ChatKind, Consent, JoinedChat, PlumbRequest};
use crate::permissions::Permission;
use crate::portals::Portal;

/// The state that says that a room is linked: who may set it may link.
const LINK_STATE: &str = "m.bridge";

impl Bot {
    pub(super) async fn plumb(
        &self,
        request: &CommandRequest,
        permission: Permission,
        rest: &[Word],
    ) -> BotReply {
        let plain: Vec<&str> = rest
            .iter()
            .filter_map(|word| match word {
                Word::Plain(word) => Some(word.as_str()),
                Word::Pair(..) => None,
            })
            .collect();
        let [network, chat] = plain.as_slice() else {
            return BotReply::new(
                "Usage, in the room you want to link: !rialto plumb NETWORK CHAT",
            );
        };
        let network = match self.network(network) {
            Ok(network) => network,
            Err(reply) => return reply,
        };
        match self.may_link(request, permission).await {
            Ok(None) => {}
            Ok(Some(words)) => return BotReply::new(words),
            Err(trouble) => return not_now(&trouble),
        }
        let login = match self.speaking_login(&request.sender, &network) {
            Ok(login) => login,
            Err(reply) => return reply,
        };
        let JoinedChat { chat: id, receiver, info } = match self.join_there(&login, chat).await {
            Ok(joined) => joined,
            Err(words) => return BotReply::new(format!("{chat} could not be joined: {words}")),
        };
        if receiver.is_some() {
            return BotReply::new(format!(
                "{chat} is a private conversation; only chats of several people can be linked."
            ));
        }
        let key = PortalKey { network: network.clone(), chat: id, receiver: None };
        let consent = self.consent(&login, &key, request).await;
        if let Some(words) = refusal(consent, permission) {
            return BotReply::new(format!("{chat} was not linked: {words}"));
        }
        match self.link(request, &key, &login, &info).await {
            Ok(()) => BotReply::new(format!(
                "{chat} on {network} is linked to this room. {login} speaks there for people without a login of their own. `!rialto unplumb` ends it."
            )),
            Err(trouble) => {
                tracing::warn!(%network, %trouble, "a room could not be linked");
                not_now(&trouble)
            }
        }
    }

    pub(super) async fn unplumb(
        &self,
        request: &CommandRequest,
        permission: Permission,
    ) -> BotReply {
        match self.may_change(request, permission).await {
            Ok(None) => {}
            Ok(Some(words)) => return BotReply::new(words),
            Err(trouble) => return not_now(&trouble),
        }
        match self.0.portals.unplumb(&request.room).await {
            Ok(portals) if portals.is_empty() => {
                BotReply::new("This room is not linked by `plumb`; nothing was changed.")
            }
            Ok(portals) => {
                let names: Vec<&str> = portals.iter().map(shown).collect();
                BotReply::new(format!(
                    "This room is no longer linked to {}. What was said stays here.",
                    names.join(", ")
                ))
            }
            Err(trouble) => not_now(&trouble),
        }
    }

    /// Has the sender's login speak for people without one, or nobody any more.
    pub(super) async fn set_relay(
        &self,
        request: &CommandRequest,
        permission: Permission,
        on: bool,
    ) -> BotReply {
        match self.may_change(request, permission).await {
            Ok(None) => {}
            Ok(Some(words)) => return BotReply::new(words),
            Err(trouble) => return not_now(&trouble),
        }
        let portals = match self.0.portals.by_room(&request.room).await {
            Ok(portals) => portals,
            Err(error) => return not_now(&error.into()),
        };
        let mut said = Vec::new();
        for portal in portals {
            let login = match on {
                true => match self.speaking_login(&request.sender, &portal.key.network) {
                    Ok(login) => Some(login),
                    Err(reply) => return reply,
                },
                false => None,
            };
            if let Err(error) = self.0.portals.set_relay(portal.id, login.as_ref()).await {
                return not_now(&error.into());
            }
            said.push(match login {
                Some(login) => {
                    format!("{login} now speaks on {} for people without a login.", shown(&portal))
                }
                None => format!("Nobody speaks on {} for others any more.", shown(&portal)),
            });
        }
        match said.is_empty() {
            true => BotReply::new("This room belongs to no chat; give this in one that does."),
            false => BotReply::new(said.join("\n")),
        }
    }

    /// Whether somebody may link this room; words why not.
    async fn may_link(
        &self,
        request: &CommandRequest,
        permission: Permission,
    ) -> Result<Option<String>, MatrixTrouble> {
        if rooms::is_management_room(&self.0.db, &request.room, &request.sender).await? {
            let words = "This room is for commands. Invite me to the room you want to link and say `!rialto plumb NETWORK CHAT` there.";
            return Ok(Some(words.to_owned()));
        }
        if let Some(words) = self.may_change(request, permission).await? {
            return Ok(Some(words));
        }
        let (mine, needed) = self.level_of(&request.room, self.0.matrix.bot(), LINK_STATE).await?;
        if mine < needed {
            return Ok(Some(format!(
                "I may not set state in this room (my power level is {mine}, {needed} is needed). Raise it and say it again."
            )));
        }
        Ok(None)
    }

    /// Whether somebody may change what a room is linked to; words why not.
    async fn may_change(
        &self,
        request: &CommandRequest,
        permission: Permission,
    ) -> Result<Option<String>, MatrixTrouble> {
        self.may_set(request, permission, LINK_STATE).await
    }

    /// Whether somebody may set state of a type in a room; words why not.
    pub(super) async fn may_set(
        &self,
        request: &CommandRequest,
        permission: Permission,
        state: &str,
    ) -> Result<Option<String>, MatrixTrouble> {
        if permission == Permission::Admin {
            return Ok(None);
        }
        let (level, needed) = self.level_of(&request.room, &request.sender, state).await?;
        Ok((level < needed).then(|| {
            format!(
                "That needs the right to set this room's state (power level {needed}; yours is {level}). Ask somebody who has it."
            )
        }))
    }

    /// Returns somebody's power level and the one that setting state of a type needs.
    async fn level_of(
        &self,
        room: &str,
        mxid: &str,
        state: &str,
    ) -> Result<(i64, i64), MatrixTrouble> {
        let levels = self.0.matrix.get_state(room, "m.room.power_levels", "").await?;
        let Some(levels) = levels else { return Ok((0, 50)) };
        let usual = levels["users_default"].as_i64().unwrap_or(0);
        let needed = levels["events"][state].as_i64();
        let needed = needed.or_else(|| levels["state_default"].as_i64()).unwrap_or(50);
        let level = levels["users"][mxid].as_i64();
        if level.is_some() || needed <= usual {
            return Ok((level.unwrap_or(usual), needed));
        }
        // Since room version 12 those who made a room stand above all levels and are not listed.
        let create = self.0.matrix.created_by(room).await?;
        let created = create.iter().any(|creator| creator == mxid);
        Ok((if created { i64::MAX } else { usual }, needed))
    }

    async fn consent(&self, login: &LoginId, key: &PortalKey, request: &CommandRequest) -> Consent {
        let Some(client) = self.0.logins.client(login) else {
            return Consent::No { words: "this login is gone.".to_owned() };
        };
        let own = self.0.logins.of_owner(&request.sender, Some(&key.network));
        let accounts = own.iter().filter_map(|login| self.0.logins.client(login)?.own_user());
        let asked = PlumbRequest {
            chat: key.chat.clone(),
            mxid: request.sender.clone(),
            accounts: accounts.collect(),
        };
        client.may_plumb(&asked).await
    }

    async fn link(
        &self,
        request: &CommandRequest,
        key: &PortalKey,
        login: &LoginId,
        info: &ChatInfo,
    ) -> Result<(), MatrixTrouble> {
        let kind = info.kind.unwrap_or(ChatKind::Group);
        let portal = self.note_portal(key, kind, login).await?;
        self.0.portals.plumb(&portal, &request.room, login).await?;
        self.refresh(key, info.clone(), login).await;
        Ok(())
    }
}

/// Words why the network does not agree; what it cannot tell, an administrator decides.
fn refusal(consent: Consent, permission: Permission) -> Option<String> {
    match consent {
        Consent::Yes => None,
        Consent::No { words } => Some(words),
        Consent::Unknown { .. } if permission == Permission::Admin => None,
        Consent::Unknown { words } => {
            Some(format!("{words} An administrator of this bridge may link it all the same."))
        }
    }
}

fn shown(portal: &Portal) -> &str {
    portal.name.as_deref().unwrap_or(portal.key.chat.as_str())
}

pub(super) fn not_now(trouble: &MatrixTrouble) -> BotReply {
    BotReply::new(format!("That did not work: {trouble}. Nothing was finished; say it again."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_network_cannot_tell_an_administrator_decides() {
        let unknown = || Consent::Unknown { words: "Nobody knows.".to_owned() };
        assert_eq!(refusal(unknown(), Permission::Admin), None);
        assert!(refusal(unknown(), Permission::User).is_some_and(|w| w.contains("Nobody knows.")));
        let no = Consent::No { words: "Operators only.".to_owned() };
        assert_eq!(refusal(no, Permission::Admin).as_deref(), Some("Operators only."));
        assert_eq!(refusal(Consent::Yes, Permission::User), None);
    }
}
