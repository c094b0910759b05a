//! The table `memberships`.

use std::collections::HashSet;

use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use support_db::{DbError, Row, Tx, params, text_list};

use super::{Reader, column, rooms::Room};

const OF_USER_IN: &str = "SELECT membership, position, forgotten
    FROM memberships
    WHERE user_id = $1
      AND room_nid = $2";
const OF_USER: &str = "SELECT m.membership, m.position, m.forgotten,
        r.room_nid, r.room_id, r.version, r.joined_count, r.invited_count
    FROM memberships m
    JOIN rooms r ON r.room_nid = m.room_nid
    WHERE m.user_id = $1
      AND NOT m.forgotten
    ORDER BY m.room_nid";
const OF_USER_IN_CHANGED: &str = "SELECT m.membership, m.position, m.forgotten,
        r.room_nid, r.room_id, r.version, r.joined_count, r.invited_count
    FROM (SELECT DISTINCT room_nid FROM events WHERE position > $2 AND position <= $3) c
    CROSS JOIN memberships m
    CROSS JOIN rooms r
    WHERE m.room_nid = c.room_nid
      AND m.user_id = $1
      AND NOT m.forgotten
      AND r.room_nid = m.room_nid";
const OF_USER_SINCE: &str = "SELECT m.membership, m.position, m.forgotten,
        r.room_nid, r.room_id, r.version, r.joined_count, r.invited_count
    FROM memberships m
    JOIN rooms r ON r.room_nid = m.room_nid
    WHERE m.user_id = $1
      AND NOT m.forgotten
      AND (m.position > $2
        OR m.membership = 'join'
        AND EXISTS (SELECT 1 FROM events e WHERE e.room_nid = m.room_nid AND e.position > $2))
    ORDER BY m.room_nid";
const JOINED_NIDS: &str = "SELECT room_nid
    FROM memberships
    WHERE user_id = $1
      AND membership = 'join'";
const JOINED_ROOMS: &str = "SELECT r.room_id
    FROM memberships m
    JOIN rooms r ON r.room_nid = m.room_nid
    WHERE m.user_id = $1
      AND m.membership = 'join'
    ORDER BY m.room_nid";
const JOINED_OF_ROOM: &str = "SELECT m.user_id
    FROM rooms r
    JOIN memberships m ON m.room_nid = r.room_nid
    WHERE r.room_id = $1
      AND m.membership = 'join'";
const LONGEST_JOINED: &str = "SELECT user_id
    FROM memberships
    WHERE room_nid = $1
      AND membership = 'join'
    ORDER BY position
    LIMIT $2";
const POSITIONS_OF: &str = "SELECT position
    FROM memberships
    WHERE room_nid = $1
      AND membership = $2
    ORDER BY position";
// From the members, of whom ghosts are most, to their accounts and member events.
const PEOPLE_OF_ROOM: &str = "SELECT m.user_id, e.json
    FROM memberships m
    CROSS JOIN users u
    CROSS JOIN events e
    WHERE m.room_nid = $1
      AND m.membership = 'join'
      AND u.user_id = m.user_id
      AND u.appservice IS NULL
      AND u.deactivated_at IS NULL
      AND e.position = m.position";
const IS_PERSON: &str = "SELECT user_id
    FROM users
    WHERE user_id = $1
      AND appservice IS NULL
      AND deactivated_at IS NULL";
/// Whether the user of `$1` shares a room with the one of the account `u`.
macro_rules! is_near {
    () => {
        "EXISTS (SELECT 1
            FROM memberships a
            JOIN memberships b ON b.room_nid = a.room_nid
            WHERE a.user_id = u.user_id
              AND a.membership = 'join'
              AND b.user_id = $1
              AND b.membership = 'join')"
    };
}
const NEAR: &str = concat!(
    "SELECT u.user_id
    FROM users u
    WHERE u.user_id IN (SELECT value FROM json_each($2))
      AND ",
    is_near!()
);
const PEOPLE_NEAR: &str = concat!(
    "SELECT u.user_id
    FROM users u
    WHERE u.appservice IS NULL
      AND u.deactivated_at IS NULL
      AND ",
    is_near!()
);
const SET: &str = "INSERT INTO memberships (user_id, room_nid, membership, position, forgotten)
    VALUES ($1, $2, $3, $4, FALSE)
    ON CONFLICT (user_id, room_nid) DO UPDATE
    SET membership = excluded.membership,
        position = excluded.position,
        forgotten = FALSE";
const FORGET: &str = "UPDATE memberships
    SET forgotten = TRUE
    WHERE user_id = $1
      AND room_nid = $2
      AND membership IN ('leave', 'ban')";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    OF_USER_IN,
    OF_USER,
    OF_USER_IN_CHANGED,
    JOINED_NIDS,
    JOINED_ROOMS,
    JOINED_OF_ROOM,
    LONGEST_JOINED,
    POSITIONS_OF,
    OF_USER_SINCE,
    PEOPLE_OF_ROOM,
    IS_PERSON,
    NEAR,
    PEOPLE_NEAR,
    SET,
    FORGET,
];

/// What a user is to a room.
#[derive(Debug, Clone)]
pub(crate) struct Membership {
    pub(crate) membership: String,
    /// Where the member event stands in the stream.
    pub(crate) position: i64,
    pub(crate) forgotten: bool,
}

impl Membership {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            membership: row.get("membership")?,
            position: row.get("position")?,
            forgotten: row.get("forgotten")?,
        })
    }
}

/// Returns what a user is to one room.
pub(crate) async fn of_user_in(
    db: &mut impl Reader,
    user_id: &UserId,
    room_nid: i64,
) -> Result<Option<Membership>, DbError> {
    let row = db.fetch_optional(OF_USER_IN, params![user_id.as_str(), room_nid]).await?;
    row.as_ref().map(Membership::from_row).transpose()
}

/// Returns what a user is to every room, and the rooms; forgotten ones are left out.
pub(crate) async fn of_user(
    db: &mut impl Reader,
    user_id: &UserId,
) -> Result<Vec<(Membership, Room)>, DbError> {
    let rows = db.fetch_all(OF_USER, params![user_id.as_str()]).await?;
    rows.iter().map(with_room).collect()
}

fn with_room(row: &Row) -> Result<(Membership, Room), DbError> {
    Ok((Membership::from_row(row)?, Room::from_row(row)?))
}

/// Returns what a user is to the rooms where something happened between two positions (the first exclusive).
/// The join runs from the events, so it costs what happened and not what the user is in.
pub(crate) async fn of_user_in_changed(
    db: &mut impl Reader,
    user_id: &UserId,
    after: i64,
    upto: i64,
) -> Result<Vec<(Membership, Room)>, DbError> {
    let rows = db.fetch_all(OF_USER_IN_CHANGED, params![user_id.as_str(), after, upto]).await?;
    rows.iter().map(with_room).collect()
}

/// The same for positions far apart: it costs one look into each room the user is in, and not what happened.
pub(crate) async fn of_user_since(
    db: &mut impl Reader,
    user_id: &UserId,
    after: i64,
) -> Result<Vec<(Membership, Room)>, DbError> {
    let rows = db.fetch_all(OF_USER_SINCE, params![user_id.as_str(), after]).await?;
    rows.iter().map(with_room).collect()
}

/// Returns the numbers of the rooms a user has joined.
pub(crate) async fn joined_nids(
    db: &mut impl Reader,
    user_id: &UserId,
) -> Result<Vec<i64>, DbError> {
    let rows = db.fetch_all(JOINED_NIDS, params![user_id.as_str()]).await?;
    rows.iter().map(|row| row.get("room_nid")).collect()
}

/// Returns the ids of the rooms a user has joined.
pub(crate) async fn joined_rooms(
    db: &mut impl Reader,
    user_id: &UserId,
) -> Result<Vec<OwnedRoomId>, DbError> {
    let rows = db.fetch_all(JOINED_ROOMS, params![user_id.as_str()]).await?;
    rows.iter().map(|row| column(row, "room_id")).collect()
}

/// Returns who has joined a room.
pub(crate) async fn joined_of_room(
    tx: &mut impl Reader,
    room_id: &RoomId,
) -> Result<Vec<String>, DbError> {
    let rows = tx.fetch_all(JOINED_OF_ROOM, params![room_id.as_str()]).await?;
    rows.iter().map(|row| row.get("user_id")).collect()
}

/// Returns some who have joined a room, those who came first first.
pub(crate) async fn longest_joined(
    db: &mut impl Reader,
    room_nid: i64,
    most: usize,
) -> Result<Vec<OwnedUserId>, DbError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = db.fetch_all(LONGEST_JOINED, params![room_nid, most]).await?;
    rows.iter().map(|row| column(row, "user_id")).collect()
}

/// Returns where the member events stand of everybody who is one thing to a room: joined, banned ...
pub(crate) async fn positions_of(
    db: &mut impl Reader,
    room_nid: i64,
    membership: &str,
) -> Result<Vec<i64>, DbError> {
    let rows = db.fetch_all(POSITIONS_OF, params![room_nid, membership]).await?;
    rows.iter().map(|row| row.get("position")).collect()
}

/// Returns the local people who have joined a room, with their member events; nobody of an appservice.
pub(crate) async fn people_of_room(
    tx: &mut Tx,
    room_nid: i64,
) -> Result<Vec<(OwnedUserId, String)>, DbError> {
    let rows = tx.fetch_all(PEOPLE_OF_ROOM, params![room_nid]).await?;
    rows.iter().map(|row| Ok((column(row, "user_id")?, row.get("json")?))).collect()
}

/// Tells whether somebody has an account here that is open and not of an appservice.
pub(crate) async fn is_person(tx: &mut Tx, user_id: &UserId) -> Result<bool, DbError> {
    Ok(tx.fetch_optional(IS_PERSON, params![user_id.as_str()]).await?.is_some())
}

/// Returns which of some users share a room with another, who shares every room of his with himself.
pub(crate) async fn near(
    db: &mut impl Reader,
    user_id: &UserId,
    others: impl IntoIterator<Item = &UserId>,
) -> Result<HashSet<OwnedUserId>, DbError> {
    let others = text_list(others.into_iter().map(UserId::as_str));
    let rows = db.fetch_all(NEAR, params![user_id.as_str(), others]).await?;
    rows.iter().map(|row| column(row, "user_id")).collect()
}

/// Returns all people with accounts here who share a room with somebody; nobody of an appservice.
pub(crate) async fn people_near(
    db: &mut impl Reader,
    user_id: &UserId,
) -> Result<Vec<OwnedUserId>, DbError> {
    let rows = db.fetch_all(PEOPLE_NEAR, params![user_id.as_str()]).await?;
    rows.iter().map(|row| column(row, "user_id")).collect()
}

/// Remembers what a user is to a room. A new membership is not forgotten.
pub(crate) async fn set(
    tx: &mut Tx,
    user_id: &str,
    room_nid: i64,
    membership: &str,
    position: i64,
) -> Result<(), DbError> {
    tx.execute(SET, params![user_id, room_nid, membership, position]).await.map(drop)
}

/// Forgets a room for a user who is not in it. `false` means that the user is in it.
pub(crate) async fn forget(tx: &mut Tx, user_id: &UserId, room_nid: i64) -> Result<bool, DbError> {
    Ok(tx.execute(FORGET, params![user_id.as_str(), room_nid]).await? > 0)
}
