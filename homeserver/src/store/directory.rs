//! The directory: rooms of `rooms` that are published, and the table `appservice_rooms`.

use support_db::{DbError, Tx, params};

use super::{Reader, rooms::Room};

const PUBLISHED: &str = "SELECT room_nid, room_id, version, joined_count, invited_count
    FROM rooms
    WHERE published
      AND joined_count > 0
    ORDER BY joined_count DESC, room_nid";
const LISTED: &str = "SELECT room_nid, room_id, version, joined_count, invited_count
    FROM rooms
    WHERE joined_count > 0
      AND (published OR room_nid IN (SELECT room_nid FROM appservice_rooms))
    ORDER BY joined_count DESC, room_nid";
const OF_NETWORK: &str = "SELECT room_nid, room_id, version, joined_count, invited_count
    FROM rooms
    WHERE joined_count > 0
      AND room_nid IN (SELECT room_nid FROM appservice_rooms WHERE appservice = $1 AND network = $2)
    ORDER BY joined_count DESC, room_nid";
const LIST: &str = "INSERT INTO appservice_rooms (appservice, network, room_nid)
    VALUES ($1, $2, $3)
    ON CONFLICT (appservice, network, room_nid) DO NOTHING";
const UNLIST: &str = "DELETE FROM appservice_rooms
    WHERE appservice = $1
      AND network = $2
      AND room_nid = $3";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[PUBLISHED, LISTED, OF_NETWORK, LIST, UNLIST];

/// Which list of rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Network {
    /// What people published themselves.
    Matrix,
    /// That and what application services list.
    All,
    /// What one application service lists of one of its networks.
    Of { appservice: String, network: String },
}

/// Returns the rooms of a list somebody is in, the most populous first.
pub(crate) async fn rooms(db: &mut impl Reader, network: &Network) -> Result<Vec<Room>, DbError> {
    let rows = match network {
        Network::Matrix => db.fetch_all(PUBLISHED, params![]).await?,
        Network::All => db.fetch_all(LISTED, params![]).await?,
        Network::Of { appservice, network } => {
            db.fetch_all(OF_NETWORK, params![appservice.as_str(), network.as_str()]).await?
        }
    };
    rows.iter().map(Room::from_row).collect()
}

/// Puts a room into an application service's list, or takes it out.
pub(crate) async fn set_listed(
    tx: &mut Tx,
    appservice: &str,
    network: &str,
    room_nid: i64,
    is_listed: bool,
) -> Result<(), DbError> {
    let sql = if is_listed { LIST } else { UNLIST };
    tx.execute(sql, params![appservice, network, room_nid]).await.map(drop)
}
