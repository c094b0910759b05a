//! Ghosts: the Matrix accounts of remote people. They are registered when first needed, carry the
//! newest name the network told, and come into a room before they speak there.

mod aliases;
mod known;
mod store;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use support_clock::SharedClock;
use support_db::{Db, DbError};

use self::aliases::Aliases;
use self::known::Known;
use self::store::GhostRow;
use crate::ids::{NetworkId, RemoteUserId};
use crate::logins::Logins;
use crate::matrix::{Matrix, MatrixTrouble, Sender};
use crate::network::UserInfo;
use crate::turns::Turns;

#[cfg(test)]
pub(crate) use self::aliases::STATEMENTS;
pub(crate) use self::aliases::{Renamed, rename};

/// How long a network may take to describe a person before they come without a profile.
const PROFILE_WAIT: Duration = Duration::from_secs(5);

/// All ghosts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Ghosts(Arc<Inner>);

struct Inner {
    db: Db,
    clock: SharedClock,
    matrix: Matrix,
    logins: Logins,
    known: Known,
    aliases: Aliases,
    turns: Turns,
}

impl Ghosts {
    pub(crate) fn new(db: Db, clock: SharedClock, matrix: Matrix, logins: Logins) -> Self {
        let (known, aliases, turns) = (Known::default(), Aliases::default(), Turns::default());
        Self(Arc::new(Inner { db, clock, matrix, logins, known, aliases, turns }))
    }

    /// Reads whose ids have changed.
    pub(crate) async fn load(&self) -> Result<(), DbError> {
        self.0.aliases.load(&self.0.db).await
    }

    /// Takes note of somebody's new id, once it is stored.
    pub(crate) fn renamed(&self, renamed: Renamed) {
        self.0.aliases.note(renamed);
    }

    /// Returns the account the name of an id makes, whoever has it.
    pub(crate) fn made_for(&self, network: &NetworkId, user: &RemoteUserId) -> String {
        self.0.matrix.names().ghost(network, user)
    }

    /// Returns a ghost's user id, whether it exists yet or not.
    pub(crate) fn mxid(&self, network: &NetworkId, user: &RemoteUserId) -> String {
        let kept = self.0.aliases.mxid(network, user);
        kept.unwrap_or_else(|| self.made_for(network, user))
    }

    /// Returns whose ghost a user id is.
    pub(crate) async fn by_mxid(
        &self,
        mxid: &str,
    ) -> Result<Option<(NetworkId, RemoteUserId)>, DbError> {
        if let Some(renamed) = self.0.aliases.current(mxid) {
            return Ok(Some(renamed));
        }
        match self.0.matrix.kind_of(mxid) {
            Sender::Ghost(network, Some(user)) => Ok(Some((network, user))),
            // A name too long to be read back; the table knows those that exist.
            Sender::Ghost(network, None) => {
                let row = store::find_by_mxid(&self.0.db, mxid).await?;
                Ok(row.map(|user| (network, user)))
            }
            Sender::Bot | Sender::Other => Ok(None),
        }
    }

    /// Returns how the ghosts in a room are called: user id and name.
    pub(crate) async fn names_in_room(&self, room: &str) -> Result<Vec<(String, String)>, DbError> {
        store::names(&self.0.db, room).await
    }

    /// Makes sure a ghost exists, carries the given name and is in the room. Returns its user id.
    pub(crate) async fn ensure_in_room(
        &self,
        network: &NetworkId,
        user: &RemoteUserId,
        profile: Option<&UserInfo>,
        room: &str,
    ) -> Result<String, MatrixTrouble> {
        let mxid = self.ensure_registered(network, user, profile).await?;
        if !self.0.known.is_in(&mxid, room) {
            self.enter(&mxid, room).await?;
        }
        Ok(mxid)
    }

    /// Makes sure a ghost exists and carries the given name. Returns its user id.
    pub(crate) async fn ensure_registered(
        &self,
        network: &NetworkId,
        user: &RemoteUserId,
        profile: Option<&UserInfo>,
    ) -> Result<String, MatrixTrouble> {
        let mxid = self.mxid(network, user);
        let name = profile.and_then(|profile| profile.name.as_deref());
        if self.0.known.is_named(&mxid, name) {
            return Ok(mxid);
        }
        // One at a time per ghost, so that the newest name is the one that stays.
        let _turn = self.0.turns.take(&mxid).await;
        // An id of before is stored by the one that counts now.
        let now = self.0.aliases.current(&mxid).map(|(_, user)| user);
        let user = now.as_ref().unwrap_or(user);
        self.bring_up_to_date(network, user, &mxid, name).await?;
        Ok(mxid)
    }

    /// After the homeserver said that a ghost is unknown or not in the room: forgets what was
    /// believed, and registers, invites and joins again.
    pub(crate) async fn rejoin(&self, mxid: &str, room: &str) -> Result<(), MatrixTrouble> {
        self.0.known.forget(mxid);
        if self.by_mxid(mxid).await?.is_some() {
            self.0.matrix.register(mxid).await?;
        }
        self.0.matrix.lift_ban(room, mxid).await?;
        self.0.matrix.invite_if_absent(room, mxid).await?;
        self.0.matrix.join(mxid, room).await?;
        store::entered(&self.0.db, mxid, room).await?;
        self.0.known.entered(mxid, room);
        Ok(())
    }

    /// Takes a ghost out of a room. Not being there is fine.
    pub(crate) async fn leave_room(
        &self,
        mxid: &str,
        room: &str,
        reason: Option<&str>,
    ) -> Result<(), MatrixTrouble> {
        let left = self.0.matrix.leave(mxid, room, reason).await;
        self.has_left(mxid, room, left).await
    }

    /// Has the bot remove a ghost from a room. Not being there is fine.
    pub(crate) async fn remove_from_room(
        &self,
        mxid: &str,
        room: &str,
        reason: Option<&str>,
    ) -> Result<(), MatrixTrouble> {
        let matrix = &self.0.matrix;
        let removed = matrix.kick(matrix.bot(), room, mxid, reason).await;
        self.has_left(mxid, room, removed).await
    }

    /// Asks a ghost into a room. Being there is fine.
    pub(crate) async fn invite(
        &self,
        network: &NetworkId,
        user: &RemoteUserId,
        profile: Option<&UserInfo>,
        room: &str,
    ) -> Result<(), MatrixTrouble> {
        let mxid = self.ensure_registered(network, user, profile).await?;
        self.0.matrix.lift_ban(room, &mxid).await?;
        self.0.matrix.invite_if_absent(room, &mxid).await
    }

    /// Lets a ghost in again that its network kept out.
    pub(crate) async fn lift_ban(&self, mxid: &str, room: &str) -> Result<(), MatrixTrouble> {
        self.0.matrix.lift_ban(room, mxid).await
    }

    /// Has the bot keep a ghost out of a room, until the network lets them in again.
    pub(crate) async fn ban_from_room(
        &self,
        mxid: &str,
        room: &str,
        reason: &str,
    ) -> Result<(), MatrixTrouble> {
        let banned = self.0.matrix.ban(room, mxid, reason).await;
        self.has_left(mxid, room, banned).await
    }

    /// Makes sure that a ghost of ours that somebody asks for exists. `false`: it is none of ours.
    pub(crate) async fn ensure_registered_by_mxid(
        &self,
        mxid: &str,
    ) -> Result<bool, MatrixTrouble> {
        match self.by_mxid(mxid).await? {
            None => Ok(false),
            Some((network, user)) => {
                self.ensure_registered(&network, &user, None).await?;
                Ok(true)
            }
        }
    }

    /// Whether a ghost is in a room, as far as the bridge knows.
    pub(crate) async fn is_in(&self, mxid: &str, room: &str) -> Result<bool, DbError> {
        Ok(self.0.known.is_in(mxid, room) || store::is_in(&self.0.db, mxid, room).await?)
    }

    /// Returns the ghosts in a room, as far as the bridge knows.
    pub(crate) async fn in_room(&self, room: &str) -> Result<Vec<String>, DbError> {
        store::in_room(&self.0.db, room).await
    }

    async fn bring_up_to_date(
        &self,
        network: &NetworkId,
        user: &RemoteUserId,
        mxid: &str,
        name: Option<&str>,
    ) -> Result<(), MatrixTrouble> {
        let db = &self.0.db;
        let row = match store::find(db, network, user).await? {
            Some(row) => row,
            None => {
                // Written before the account exists: a hashed name is read back from this row only.
                store::insert(db, network, user, mxid).await?;
                GhostRow { registered: false, name: None }
            }
        };
        if !row.registered {
            self.0.matrix.register(mxid).await?;
        }
        let wanted = match (name, &row.name) {
            (Some(name), _) => name.to_owned(),
            (None, Some(name)) => name.clone(),
            (None, None) => self.ask_name(network, user).await,
        };
        if row.name.as_ref() != Some(&wanted) {
            self.0.matrix.set_display_name(mxid, &wanted).await?;
        }
        if !row.registered || row.name.as_ref() != Some(&wanted) {
            store::up_to_date(db, network, user, &wanted).await?;
        }
        self.0.known.named(mxid, &wanted);
        Ok(())
    }

    /// Asks the network for a name; a person nobody can describe is called by their id.
    async fn ask_name(&self, network: &NetworkId, user: &RemoteUserId) -> String {
        let logins = self.0.logins.of_network(network);
        let connected = logins.iter().find(|login| self.0.logins.is_connected(login));
        let client = connected.and_then(|login| self.0.logins.client(login));
        let described = async {
            let info = client?.user_info(user).await.ok()?;
            info.name.filter(|name| !name.is_empty())
        };
        let name = tokio::select! {
            name = described => name,
            () = self.0.clock.sleep(PROFILE_WAIT) => None,
        };
        name.unwrap_or_else(|| user.as_str().to_owned())
    }

    /// Brings a registered ghost into a room.
    pub(crate) async fn enter(&self, mxid: &str, room: &str) -> Result<(), MatrixTrouble> {
        if store::is_in(&self.0.db, mxid, room).await? {
            self.0.known.entered(mxid, room);
            return Ok(());
        }
        match self.0.matrix.join(mxid, room).await {
            Err(MatrixTrouble::Refused { .. }) => return self.rejoin(mxid, room).await,
            other => other?,
        }
        store::entered(&self.0.db, mxid, room).await?;
        self.0.known.entered(mxid, room);
        Ok(())
    }

    async fn has_left(
        &self,
        mxid: &str,
        room: &str,
        answer: Result<(), MatrixTrouble>,
    ) -> Result<(), MatrixTrouble> {
        match answer {
            // Refused: was not there (or may not be removed, and then is not ours to move).
            Ok(()) | Err(MatrixTrouble::Refused { .. }) => {}
            Err(trouble) => return Err(trouble),
        }
        store::left(&self.0.db, mxid, room).await?;
        self.0.known.left(mxid, room);
        Ok(())
    }
}

impl fmt::Debug for Ghosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ghosts").finish_non_exhaustive()
    }
}
