//! What is carried where: the operator switches kinds off for a network, and who rules a room for that
//! room. Looked at whenever something is planned, so that a change counts at once.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use support_db::{Db, DbError, params};

use crate::ids::NetworkId;
use crate::jobs::job;
use crate::network::Kind;
use crate::networks::Networks;

const LOAD: &str = "SELECT room_id, kind, carried FROM room_kind";

const SET: &str = "INSERT INTO room_kind (room_id, kind, carried)
    VALUES ($1, $2, $3)
    ON CONFLICT (room_id, kind) DO UPDATE SET carried = excluded.carried";

const FORGET: &str = "DELETE FROM room_kind WHERE room_id = $1 AND kind = $2";

/// All statements, for the test that prepares them on both databases.
#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[LOAD, SET, FORGET];

/// What is said in the journal of what is left out.
pub(crate) const SWITCHED_OFF: &str = "This kind of thing is switched off here.";

/// What rooms carry against their networks' configuration.
type Choices = HashMap<String, BTreeMap<Kind, bool>>;

/// The switches. Cheap to clone; every clone sees the same.
#[derive(Clone)]
pub(crate) struct Switches(Arc<Inner>);

struct Inner {
    db: Db,
    networks: Networks,
    rooms: RwLock<Choices>,
}

impl Switches {
    /// Reads what earlier processes have noted.
    pub(crate) async fn load(db: Db, networks: Networks) -> Result<Self, DbError> {
        let mut rooms = Choices::new();
        for row in db.fetch_all(LOAD, params![]).await? {
            // A kind only a newer program knows has no switch here.
            let Ok(kind) = row.get::<&str>("kind")?.parse() else { continue };
            rooms.entry(row.get("room_id")?).or_default().insert(kind, row.get("carried")?);
        }
        Ok(Self(Arc::new(Inner { db, networks, rooms: RwLock::new(rooms) })))
    }

    /// Whether one of these kinds is switched off in a room of a network, or where there is no room
    /// yet.
    pub(crate) fn any_off(&self, network: &NetworkId, room: Option<&str>, kinds: &[Kind]) -> bool {
        kinds.iter().any(|kind| self.is_off(network, room, *kind))
    }

    /// Whether a kind is switched off in a room of a network, or where there is no room yet.
    pub(crate) fn is_off(&self, network: &NetworkId, room: Option<&str>, kind: Kind) -> bool {
        let rooms = self.0.rooms.read().unwrap_or_else(PoisonError::into_inner);
        let chosen = room.and_then(|room| rooms.get(room)?.get(&kind).copied());
        match chosen {
            Some(carried) => !carried,
            None => self.0.networks.leaves_out(network, kind),
        }
    }

    /// Returns what was chosen for a room.
    pub(crate) fn of_room(&self, room: &str) -> BTreeMap<Kind, bool> {
        let rooms = self.0.rooms.read().unwrap_or_else(PoisonError::into_inner);
        rooms.get(room).cloned().unwrap_or_default()
    }

    /// Chooses for a room; `None`: as its network is configured.
    pub(crate) async fn set(
        &self,
        room: &str,
        kind: Kind,
        carried: Option<bool>,
    ) -> Result<(), DbError> {
        let stored = room.to_owned();
        let write = job(move |tx| {
            let room = stored.clone();
            Box::pin(async move {
                match carried {
                    Some(carried) => {
                        tx.execute(SET, params![room.as_str(), kind.as_str(), carried]).await
                    }
                    None => tx.execute(FORGET, params![room.as_str(), kind.as_str()]).await,
                }
            })
        });
        self.0.db.write(write).await?;
        let mut rooms = self.0.rooms.write().unwrap_or_else(PoisonError::into_inner);
        let choices = rooms.entry(room.to_owned()).or_default();
        match carried {
            Some(carried) => drop(choices.insert(kind, carried)),
            None => drop(choices.remove(&kind)),
        }
        Ok(())
    }
}

impl fmt::Debug for Switches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switches").finish_non_exhaustive()
    }
}
