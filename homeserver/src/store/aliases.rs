//! The table `room_aliases`.

use ruma::{OwnedRoomId, OwnedUserId, RoomAliasId, RoomId, UserId};
use support_db::{DbError, Row, Tx, params};

use super::{Reader, column};

const BY_NAME: &str = "SELECT a.room_nid, r.room_id, a.creator
    FROM room_aliases a
    JOIN rooms r ON r.room_nid = a.room_nid
    WHERE a.alias = $1";
const OF_ROOM: &str = "SELECT a.alias
    FROM rooms r
    JOIN room_aliases a ON a.room_nid = r.room_nid
    WHERE r.room_id = $1
    ORDER BY a.alias";
const INSERT: &str = "INSERT INTO room_aliases (alias, room_nid, creator, created_ms)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (alias) DO NOTHING";
const PASS_ON: &str = "UPDATE room_aliases SET room_nid = $2 WHERE room_nid = $1";
const DELETE: &str = "DELETE FROM room_aliases WHERE alias = $1";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[BY_NAME, OF_ROOM, INSERT, PASS_ON, DELETE];

/// What an alias stands for.
#[derive(Debug, Clone)]
pub(crate) struct Alias {
    pub(crate) room_nid: i64,
    pub(crate) room_id: OwnedRoomId,
    pub(crate) creator: OwnedUserId,
}

/// Finds an alias.
pub(crate) async fn by_name(
    db: &mut impl Reader,
    alias: &RoomAliasId,
) -> Result<Option<Alias>, DbError> {
    let row = db.fetch_optional(BY_NAME, params![alias.as_str()]).await?;
    let alias = |row: Row| {
        Ok(Alias {
            room_nid: row.get("room_nid")?,
            room_id: column(&row, "room_id")?,
            creator: column(&row, "creator")?,
        })
    };
    row.map(alias).transpose()
}

/// Returns the aliases of a room.
pub(crate) async fn of_room(
    db: &mut impl Reader,
    room_id: &RoomId,
) -> Result<Vec<String>, DbError> {
    let rows = db.fetch_all(OF_ROOM, params![room_id.as_str()]).await?;
    rows.iter().map(|row| row.get("alias")).collect()
}

/// Gives a room an alias. `false` means that the alias is taken.
pub(crate) async fn insert(
    tx: &mut Tx,
    alias: &RoomAliasId,
    room_nid: i64,
    creator: &UserId,
    now_ms: i64,
) -> Result<bool, DbError> {
    Ok(tx.execute(INSERT, params![alias.as_str(), room_nid, creator.as_str(), now_ms]).await? > 0)
}

/// Passes all aliases of a room on to another.
pub(crate) async fn pass_on(tx: &mut Tx, from: i64, to: i64) -> Result<(), DbError> {
    tx.execute(PASS_ON, params![from, to]).await.map(drop)
}

/// Takes an alias away. `false` means that there was none.
pub(crate) async fn delete(tx: &mut Tx, alias: &RoomAliasId) -> Result<bool, DbError> {
    Ok(tx.execute(DELETE, params![alias.as_str()]).await? > 0)
}
