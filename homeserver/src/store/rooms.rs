//! The table `rooms`.

use ruma::{OwnedRoomId, RoomId, RoomVersionId, UserId};
use support_db::{DbError, Row, Tx, integer_list, params};

use super::{Reader, column};

const BY_ID: &str = "SELECT room_nid, room_id, version, joined_count, invited_count
    FROM rooms
    WHERE room_id = $1";
const BY_NIDS: &str = "SELECT room_nid, room_id, version, joined_count, invited_count
    FROM rooms
    WHERE room_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
const INSERT: &str = "INSERT INTO rooms
        (room_nid, room_id, version, creator, published, joined_count, invited_count, created_ms)
    VALUES ($1, $2, $3, $4, $5, 0, 0, $6)";
const IS_PUBLISHED: &str = "SELECT published FROM rooms WHERE room_nid = $1";
const PUBLISH: &str = "UPDATE rooms SET published = $2 WHERE room_nid = $1";
const OPEN: &str = "UPDATE rooms SET is_open = $2 WHERE room_nid = $1";
const COUNT: &str = "UPDATE rooms
    SET joined_count = joined_count + $2,
        invited_count = invited_count + $3
    WHERE room_nid = $1";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] =
    &[BY_ID, BY_NIDS, INSERT, IS_PUBLISHED, PUBLISH, OPEN, COUNT];

/// One room.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) nid: i64,
    pub(crate) room_id: OwnedRoomId,
    pub(crate) version: RoomVersionId,
    pub(crate) joined_count: i64,
    pub(crate) invited_count: i64,
}

impl Room {
    pub(super) fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            nid: row.get("room_nid")?,
            room_id: column(row, "room_id")?,
            version: column(row, "version")?,
            joined_count: row.get("joined_count")?,
            invited_count: row.get("invited_count")?,
        })
    }
}

/// Finds a room by its id.
pub(crate) async fn by_id(db: &mut impl Reader, room_id: &RoomId) -> Result<Option<Room>, DbError> {
    let row = db.fetch_optional(BY_ID, params![room_id.as_str()]).await?;
    row.as_ref().map(Room::from_row).transpose()
}

/// Finds rooms by their numbers.
pub(crate) async fn by_nids(
    db: &mut impl Reader,
    nids: impl IntoIterator<Item = i64>,
) -> Result<Vec<Room>, DbError> {
    let rows = db.fetch_all(BY_NIDS, params![integer_list(nids)]).await?;
    rows.iter().map(Room::from_row).collect()
}

/// What a new room is remembered by.
#[derive(Debug)]
pub(crate) struct NewRoom<'a> {
    pub(crate) nid: i64,
    pub(crate) room_id: &'a RoomId,
    pub(crate) version: &'a RoomVersionId,
    pub(crate) creator: &'a UserId,
    pub(crate) published: bool,
    pub(crate) created_ms: i64,
}

/// Remembers a new room.
pub(crate) async fn insert(tx: &mut Tx, room: &NewRoom<'_>) -> Result<(), DbError> {
    let values = params![
        room.nid,
        room.room_id.as_str(),
        room.version.as_str(),
        room.creator.as_str(),
        room.published,
        room.created_ms,
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// Returns whether a room is in the directory of this server.
pub(crate) async fn is_published(db: &mut impl Reader, nid: i64) -> Result<bool, DbError> {
    let row = db.fetch_optional(IS_PUBLISHED, params![nid]).await?;
    row.map_or(Ok(false), |row| row.get("published"))
}

/// Puts a room into the directory of this server, or takes it out.
pub(crate) async fn publish(tx: &mut Tx, nid: i64, published: bool) -> Result<(), DbError> {
    tx.execute(PUBLISH, params![nid, published]).await.map(drop)
}

/// Remembers whether anybody may join a room or read in it.
pub(crate) async fn set_open(tx: &mut Tx, nid: i64, is_open: bool) -> Result<(), DbError> {
    tx.execute(OPEN, params![nid, is_open]).await.map(drop)
}

/// Moves the counts of a room after a membership changed.
pub(crate) async fn count(tx: &mut Tx, nid: i64, joined: i64, invited: i64) -> Result<(), DbError> {
    tx.execute(COUNT, params![nid, joined, invited]).await.map(drop)
}
