//! Portals: remote chats and the rooms that mirror them. A portal may have several rooms and a room
//! several portals; who takes part, who listens and who relays is kept with the portal.

mod apply;
mod create;
mod features;
mod info;
mod moved;
mod plan;
mod plumbed;
mod store;

use std::fmt;
use std::sync::Arc;

use support_clock::SharedClock;
use support_db::{Db, DbError, Tx};

#[cfg(test)]
pub(crate) use self::moved::STATEMENTS;
pub(crate) use self::plan::{RoomStep, RoomStepKind, picture_name};
use crate::ghosts::Ghosts;
use crate::ids::{LoginId, PortalKey};
use crate::logins::Logins;
use crate::matrix::Matrix;
use crate::network::{ChatInfo, ChatKind, Disappearing};
use crate::networks::Networks;
use crate::turns::Turns;

/// One remote chat that is mirrored, as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Portal {
    /// Its number; names its lanes.
    pub(crate) id: i64,
    /// Its key.
    pub(crate) key: PortalKey,
    /// What it becomes.
    pub(crate) kind: ChatKind,
    /// Its name on the network.
    pub(crate) name: Option<String>,
    /// Its topic on the network.
    pub(crate) topic: Option<String>,
    /// What the network calls the picture its rooms show.
    pub(crate) avatar: Option<String>,
    /// For how long its messages stay.
    pub(crate) disappearing: Disappearing,
    /// The login whose copies count where ids are not shared.
    pub(crate) listener: Option<LoginId>,
    /// The login that speaks for people without one.
    pub(crate) relay: Option<LoginId>,
    /// The rooms that are ready, the portal's own first.
    pub(crate) rooms: Vec<String>,
}

/// All portals. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Portals(Arc<Inner>);

struct Inner {
    db: Db,
    clock: SharedClock,
    matrix: Matrix,
    networks: Networks,
    logins: Logins,
    ghosts: Ghosts,
    turns: Turns,
    told: features::Told,
    largest_file: u64,
}

/// What a [`Portals`] is made of.
pub(crate) struct PortalsParts {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) matrix: Matrix,
    pub(crate) networks: Networks,
    pub(crate) logins: Logins,
    pub(crate) ghosts: Ghosts,
    /// The largest file that is carried, in bytes.
    pub(crate) largest_file: u64,
}

impl Portals {
    pub(crate) fn new(parts: PortalsParts) -> Self {
        let PortalsParts { db, clock, matrix, networks, logins, ghosts, largest_file } = parts;
        let (turns, told) = (Turns::default(), features::Told::default());
        Self(Arc::new(Inner {
            db,
            clock,
            matrix,
            networks,
            logins,
            ghosts,
            turns,
            told,
            largest_file,
        }))
    }

    /// Returns the portals a room mirrors.
    pub(crate) async fn by_room(&self, room: &str) -> Result<Vec<Portal>, DbError> {
        store::by_room(&self.0.db, room).await
    }

    /// Returns the portal of a chat.
    pub(crate) async fn by_key(&self, key: &PortalKey) -> Result<Option<Portal>, DbError> {
        store::by_key(&self.0.db, key).await
    }

    /// Returns a portal by its number.
    pub(crate) async fn by_id(&self, id: i64) -> Result<Option<Portal>, DbError> {
        store::by_id(&self.0.db, id).await
    }

    /// Returns the portal of a chat, within a job.
    pub(crate) async fn find(tx: &mut Tx, key: &PortalKey) -> Result<Option<Portal>, DbError> {
        store::find(tx, key).await
    }

    /// Returns the portal of a chat and makes it if need be, within a job. Its room comes later
    /// ([`Portals::ensure_room`]).
    pub(crate) async fn ensure(
        tx: &mut Tx,
        key: &PortalKey,
        kind: ChatKind,
        now: i64,
    ) -> Result<Portal, DbError> {
        if let Some(portal) = store::find(tx, key).await? {
            return Ok(portal);
        }
        let id = tx.next_position("portal");
        store::insert(tx, id, key, kind, now).await?;
        let (key, none) = (key.clone(), None::<String>);
        let (name, topic, avatar) = (none.clone(), none.clone(), none);
        Ok(Portal {
            id,
            key,
            kind,
            name,
            topic,
            avatar,
            disappearing: Disappearing::NEVER,
            listener: None,
            relay: None,
            rooms: Vec::new(),
        })
    }

    /// Notes how a chat is now, within a job.
    pub(crate) async fn note(tx: &mut Tx, portal: i64, info: &ChatInfo) -> Result<(), DbError> {
        store::set_info(tx, portal, info).await?;
        store::set_shown(tx, portal, info).await
    }

    /// Notes that a login takes part in a portal.
    pub(crate) async fn add_login(
        tx: &mut Tx,
        portal: i64,
        login: &LoginId,
        now: i64,
    ) -> Result<(), DbError> {
        store::add_login(tx, portal, login, now).await
    }

    /// Notes that a login takes no part any more.
    pub(crate) async fn remove_login(
        tx: &mut Tx,
        portal: i64,
        login: &LoginId,
    ) -> Result<(), DbError> {
        store::remove_login(tx, portal, login).await
    }

    /// Whether this login's copies count in a portal. Where no connected login listens yet, or any
    /// more, the one that asks takes over.
    pub(crate) async fn hears(
        &self,
        tx: &mut Tx,
        portal: &Portal,
        login: &LoginId,
    ) -> Result<bool, DbError> {
        match store::listener(tx, portal.id).await? {
            Some(listener) if listener == *login => Ok(true),
            Some(listener) if self.0.logins.is_connected(&listener) => Ok(false),
            before => {
                tracing::info!(portal = portal.id, %login, ?before, "a login listens to a portal now");
                store::set_listener(tx, portal.id, login).await?;
                Ok(true)
            }
        }
    }

    /// Returns the login through which a person speaks in a portal: one of theirs that takes part,
    /// else one of theirs on that network (the network then says why it may not).
    pub(crate) async fn speaker(
        &self,
        portal: &Portal,
        mxid: &str,
    ) -> Result<Option<LoginId>, DbError> {
        let own = self.0.logins.of_owner(mxid, Some(&portal.key.network));
        if let Some(receiver) = &portal.key.receiver {
            return Ok(own.into_iter().find(|login| login == receiver));
        }
        if own.len() <= 1 {
            return Ok(own.into_iter().next());
        }
        let taking_part = store::logins_of(&self.0.db, portal.id).await?;
        let speaker = own.iter().find(|login| taking_part.contains(login));
        Ok(speaker.or(own.first()).cloned())
    }
}

impl fmt::Debug for Portals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portals").finish_non_exhaustive()
    }
}
