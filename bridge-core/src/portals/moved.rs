//! Chats whose id has changed: the portal, its rooms and everything that was said stay, and the old
//! id means the same chat.

use support_db::{Db, DbError, Tx, params};

use super::{Portal, Portals, RoomStep, RoomStepKind, info, store};
use crate::ids::{LoginId, PortalKey, RemoteChatId};

const ALIAS: &str = "INSERT INTO portal_alias (network, chat, receiver, portal_id)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (network, chat, receiver) DO UPDATE SET portal_id = excluded.portal_id";

const NO_ALIAS: &str = "DELETE FROM portal_alias
    WHERE network = $1 AND chat = $2 AND receiver = $3";

const ALIASES_FOLLOW: &str = "UPDATE portal_alias SET portal_id = $2 WHERE portal_id = $1";

const MOVE: &str = "UPDATE portal SET chat = $2 WHERE id = $1";

/// The name can be no chat's: no bridge makes ids with a line in them.
const SET_ASIDE: &str = "UPDATE portal SET chat = $3, merged_into = $2 WHERE id = $1";

const ROOMS_FOLLOW: &str = "UPDATE portal_room
    SET portal_id = $2
    WHERE portal_id = $1 AND room_id NOT IN
        (SELECT r.room_id FROM portal_room AS r WHERE r.portal_id = $2)";

const LOGINS_FOLLOW: &str = "UPDATE portal_login
    SET portal_id = $2
    WHERE portal_id = $1 AND login_id NOT IN
        (SELECT l.login_id FROM portal_login AS l WHERE l.portal_id = $2)";

const WORDS_FOLLOW: &str = "UPDATE message
    SET portal_id = $2
    WHERE portal_id = $1 AND remote_id NOT IN
        (SELECT m.remote_id FROM message AS m WHERE m.portal_id = $2)";

const REACTIONS_FOLLOW: &str = "UPDATE reaction
    SET portal_id = $2
    WHERE portal_id = $1 AND event_id NOT IN
        (SELECT r.event_id FROM reaction AS r WHERE r.portal_id = $2)";

const CURRENT: &str = "SELECT p.chat
    FROM portal_alias AS a
    JOIN portal AS p ON p.id = a.portal_id
    WHERE a.network = $1 AND a.chat = $2 AND a.receiver = $3";

/// All statements, for the test that prepares them on both databases.
#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[
    ALIAS,
    NO_ALIAS,
    ALIASES_FOLLOW,
    MOVE,
    SET_ASIDE,
    ROOMS_FOLLOW,
    LOGINS_FOLLOW,
    WORDS_FOLLOW,
    REACTIONS_FOLLOW,
    CURRENT,
];

/// Returns the key a chat has now, where it was known by another one.
pub(super) async fn current(db: &Db, key: &PortalKey) -> Result<PortalKey, DbError> {
    let (network, chat, receiver) = columns(key);
    let row = db.fetch_optional(CURRENT, params![network, chat, receiver]).await?;
    Ok(match row {
        Some(row) => {
            PortalKey { chat: RemoteChatId::new(row.get::<String>("chat")?), ..key.clone() }
        }
        None => key.clone(),
    })
}

fn columns(key: &PortalKey) -> (&str, &str, &str) {
    (key.network.as_str(), key.chat.as_str(), key.receiver.as_ref().map_or("", LoginId::as_str))
}

impl Portals {
    /// Returns the key a chat has now.
    pub(crate) async fn current_key(&self, key: &PortalKey) -> Result<PortalKey, DbError> {
        current(&self.0.db, key).await
    }

    /// Gives a chat another id, within a job; returns its portal, if there is one. Where both ids
    /// have a portal, they were one chat all along: the older stays, with the rooms of both. Doing it
    /// again changes nothing.
    pub(crate) async fn change_id(
        tx: &mut Tx,
        old: &PortalKey,
        new: &RemoteChatId,
    ) -> Result<Option<Portal>, DbError> {
        let key = PortalKey { chat: new.clone(), ..old.clone() };
        let (before, there) = (store::find(tx, old).await?, store::find(tx, &key).await?);
        let stays = match (before, there) {
            (None, there) => return Ok(there),
            (Some(before), None) => before.id,
            (Some(before), Some(there)) if before.id == there.id => {
                if there.key.chat == *new {
                    return Ok(Some(there));
                }
                there.id
            }
            (Some(before), Some(there)) => {
                let (stays, goes) = (before.id.min(there.id), before.id.max(there.id));
                merge(tx, goes, stays).await?;
                stays
            }
        };
        let (network, chat, receiver) = columns(&key);
        tx.execute(NO_ALIAS, params![network, chat, receiver]).await?;
        tx.execute(MOVE, params![stays, chat]).await?;
        tx.execute(ALIAS, params![network, old.chat.as_str(), receiver, stays]).await?;
        store::find(tx, &key).await
    }

    /// Plans what a chat's new id changes in its rooms: what they say that they mirror.
    pub(crate) fn plan_new_key(&self, portal: &Portal, old: &str) -> Vec<RoomStep> {
        let Some(facts) = self.0.networks.facts(&portal.key.network) else { return Vec::new() };
        let mut before = portal.clone();
        before.key.chat = RemoteChatId::new(old);
        let (gone, key) =
            (info::bridge_info_key(&before, &facts), info::bridge_info_key(portal, &facts));
        if gone == key {
            return Vec::new();
        }
        let content = info::bridge_info(portal, &facts, &self.0.matrix);
        let mut steps = Vec::new();
        for room in &portal.rooms {
            for kind in info::BRIDGE_INFO {
                for (key, content) in [(&key, content.clone()), (&gone, serde_json::json!({}))] {
                    let kind = RoomStepKind::State {
                        event_type: kind.to_owned(),
                        state_key: key.clone(),
                        content,
                    };
                    steps.push(RoomStep { room: room.clone(), kind });
                }
            }
        }
        steps
    }
}

async fn merge(tx: &mut Tx, goes: i64, stays: i64) -> Result<(), DbError> {
    for follow in [ROOMS_FOLLOW, LOGINS_FOLLOW, WORDS_FOLLOW, REACTIONS_FOLLOW, ALIASES_FOLLOW] {
        tx.execute(follow, params![goes, stays]).await?;
    }
    let aside = format!("merged\n{goes}");
    tx.execute(SET_ASIDE, params![goes, stays, aside]).await?;
    tracing::info!(portal = stays, merged = goes, "two chats were found to be one");
    Ok(())
}
