//! Ids of remote people that have changed: who had an account on Matrix under the old one keeps it.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use support_db::{Db, DbError, Tx, params};

use crate::ids::{NetworkId, RemoteUserId};

const LOAD: &str = "SELECT network, remote_id, mxid FROM ghost_alias ORDER BY since, remote_id";

const MXID_OF: &str = "SELECT mxid FROM ghost_alias WHERE network = $1 AND remote_id = $2";

const RENAME: &str = "INSERT INTO ghost_alias (network, remote_id, mxid, since)
    VALUES ($1, $2, $3, (SELECT COALESCE(MAX(a.since), 0) + 1 FROM ghost_alias AS a))
    ON CONFLICT (network, remote_id) DO UPDATE
    SET mxid = excluded.mxid, since = excluded.since";

const FORGET_NEWER: &str = "DELETE FROM ghost WHERE network = $1 AND remote_id = $2 AND mxid <> $3";

const MOVE_GHOST: &str = "UPDATE ghost SET remote_id = $2 WHERE network = $1 AND mxid = $3";

const MOVE_WORDS: &str =
    "UPDATE message SET remote_sender = $3 WHERE network = $1 AND remote_sender = $2";

const MOVE_REACTIONS: &str = "UPDATE reaction
    SET remote_sender = $3
    WHERE remote_sender = $2
        AND portal_id IN (SELECT p.id FROM portal AS p WHERE p.network = $1)
        AND NOT EXISTS (SELECT 1 FROM reaction AS r
            WHERE r.portal_id = reaction.portal_id AND r.remote_id = reaction.remote_id
                AND r.room_id = reaction.room_id AND r.reaction_key = reaction.reaction_key
                AND r.remote_sender = $3)";

/// All statements, for the test that prepares them on both databases.
#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] =
    &[LOAD, MXID_OF, RENAME, FORGET_NEWER, MOVE_GHOST, MOVE_WORDS, MOVE_REACTIONS];

/// A person with a new id, and the account on Matrix that stays theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Renamed {
    pub(crate) network: NetworkId,
    pub(crate) user: RemoteUserId,
    pub(crate) mxid: String,
}

/// What is known of changed ids.
#[derive(Debug, Default)]
pub(super) struct Aliases(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    mxids: HashMap<(NetworkId, RemoteUserId), String>,
    /// The id that counts now, by account.
    current: HashMap<String, (NetworkId, RemoteUserId)>,
}

impl Aliases {
    /// Reads what earlier processes have noted.
    pub(super) async fn load(&self, db: &Db) -> Result<(), DbError> {
        for row in db.fetch_all(LOAD, params![]).await? {
            let network = NetworkId::new(row.get::<String>("network")?);
            let user = RemoteUserId::new(row.get::<String>("remote_id")?);
            self.note(Renamed { network, user, mxid: row.get("mxid")? });
        }
        Ok(())
    }

    /// Takes note of a new id.
    pub(super) fn note(&self, Renamed { network, user, mxid }: Renamed) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.mxids.insert((network.clone(), user.clone()), mxid.clone());
        known.current.insert(mxid, (network, user));
    }

    /// Returns the account of somebody whose id it was not made for.
    pub(super) fn mxid(&self, network: &NetworkId, user: &RemoteUserId) -> Option<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.mxids.is_empty() {
            return None;
        }
        known.mxids.get(&(network.clone(), user.clone())).cloned()
    }

    /// Returns whose account it is now, where that has changed.
    pub(super) fn current(&self, mxid: &str) -> Option<(NetworkId, RemoteUserId)> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.current.get(mxid).cloned()
    }
}

/// Notes, within a job, that a person has a new id; `made` is the account the old id's name makes.
/// What they have said and shown follows them. Doing it again changes nothing.
pub(crate) async fn rename(
    tx: &mut Tx,
    network: &NetworkId,
    (old, new): (&RemoteUserId, &RemoteUserId),
    made: String,
) -> Result<Renamed, DbError> {
    let net = network.as_str();
    let stored = tx.fetch_optional(MXID_OF, params![net, old.as_str()]).await?;
    let mxid = match stored {
        Some(row) => row.get("mxid")?,
        None => made,
    };
    tx.execute(RENAME, params![net, new.as_str(), mxid.as_str()]).await?;
    tx.execute(FORGET_NEWER, params![net, new.as_str(), mxid.as_str()]).await?;
    tx.execute(MOVE_GHOST, params![net, new.as_str(), mxid.as_str()]).await?;
    tx.execute(MOVE_WORDS, params![net, old.as_str(), new.as_str()]).await?;
    tx.execute(MOVE_REACTIONS, params![net, old.as_str(), new.as_str()]).await?;
    Ok(Renamed { network: network.clone(), user: new.clone(), mxid })
}
