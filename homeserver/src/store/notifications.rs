//! `notifications` and `unread`: what people are to be told of, and how much of it they have not seen. A statement is
//! asked about many people at once, so that an event costs the same statements whoever it is for.

use ruma::{OwnedRoomId, UserId};
use support_db::{DbError, Row, Tx, params, text_list};

use super::{Reader, column};

/// How many notifications of one person are kept.
const KEPT: i64 = 5000;

const INSERT: &str = "INSERT INTO notifications
        (position, user_id, room_nid, thread, highlight, actions, ts, seen)
    SELECT CAST($2 AS BIGINT), value, CAST($3 AS BIGINT), CAST($4 AS TEXT), CAST($5 AS BOOLEAN),
        CAST($6 AS TEXT), CAST($7 AS BIGINT), FALSE
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (position, user_id) DO NOTHING";
const COUNT: &str = "INSERT INTO unread
        (user_id, room_nid, thread, notifications, highlights, position)
    SELECT value, CAST($2 AS BIGINT), CAST($3 AS TEXT), 1, CAST($4 AS BIGINT), CAST($5 AS BIGINT)
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (user_id, room_nid, thread) DO UPDATE
    SET notifications = unread.notifications + 1,
        highlights = unread.highlights + excluded.highlights,
        position = excluded.position";
const PRUNE: &str = "DELETE FROM notifications
    WHERE user_id = $1
      AND position < (SELECT position
        FROM notifications
        WHERE user_id = $1
        ORDER BY position DESC
        LIMIT 1 OFFSET $2)";
const SEE: &str = "UPDATE notifications
    SET seen = TRUE
    WHERE user_id = $1
      AND room_nid = $2
      AND position <= $3
      AND NOT seen";
const SEE_IN_THREAD: &str = "UPDATE notifications
    SET seen = TRUE
    WHERE user_id = $1
      AND room_nid = $2
      AND position <= $3
      AND thread = $4
      AND NOT seen";
const RECOUNT: &str = "UPDATE unread
    SET notifications = (SELECT COUNT(*)
            FROM notifications n
            WHERE n.user_id = unread.user_id
              AND n.room_nid = unread.room_nid
              AND n.thread = unread.thread
              AND NOT n.seen),
        highlights = (SELECT COUNT(*)
            FROM notifications n
            WHERE n.user_id = unread.user_id
              AND n.room_nid = unread.room_nid
              AND n.thread = unread.thread
              AND NOT n.seen
              AND n.highlight),
        position = $3
    WHERE user_id = $1
      AND room_nid = $2
      AND notifications > 0";
const UNCOUNT: &str = "UPDATE unread
    SET notifications = notifications - 1,
        highlights = highlights - (SELECT CASE WHEN n.highlight THEN 1 ELSE 0 END
            FROM notifications n
            WHERE n.position = $1
              AND n.user_id = unread.user_id),
        position = $2
    WHERE notifications > 0
      AND (user_id, room_nid, thread) IN (SELECT user_id, room_nid, thread
        FROM notifications
        WHERE position = $1
          AND NOT seen)";
const DELETE: &str = "DELETE FROM notifications WHERE position = $1";
const COUNTS: &str = "SELECT r.room_id, u.thread, u.notifications, u.highlights
    FROM json_each($2) wanted
    CROSS JOIN rooms r
    CROSS JOIN unread u
    WHERE r.room_id = wanted.value
      AND u.user_id = $1
      AND u.room_nid = r.room_nid
      AND u.notifications > 0";
const CHANGED: &str = "SELECT DISTINCT r.room_id
    FROM unread u
    JOIN rooms r ON r.room_nid = u.room_nid
    JOIN memberships m ON m.user_id = u.user_id AND m.room_nid = u.room_nid
    WHERE u.user_id = $1
      AND u.position > $2
      AND u.position <= $3
      AND m.membership = 'join'";
const FORGET_READ: &str = "DELETE FROM unread WHERE notifications = 0 AND position < $1";
const PAGE: &str = "SELECT n.position, r.room_id, n.actions, n.ts, n.seen
    FROM notifications n
    JOIN rooms r ON r.room_nid = n.room_nid
    JOIN memberships m ON m.user_id = n.user_id AND m.room_nid = n.room_nid
    WHERE n.user_id = $1
      AND n.position < $2
      AND (n.highlight OR NOT CAST($4 AS BOOLEAN))
      AND m.membership IN ('join', 'invite')
    ORDER BY n.position DESC
    LIMIT $3";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    INSERT,
    COUNT,
    PRUNE,
    SEE,
    SEE_IN_THREAD,
    RECOUNT,
    UNCOUNT,
    DELETE,
    COUNTS,
    CHANGED,
    FORGET_READ,
    PAGE,
];

/// An event that some people are to be told of, all in the same way.
#[derive(Debug)]
pub(crate) struct Notice<'a> {
    pub(crate) position: i64,
    pub(crate) room_nid: i64,
    pub(crate) thread: &'a str,
    pub(crate) highlight: bool,
    /// What their rules say is to be done, as JSON.
    pub(crate) actions: &'a str,
    pub(crate) ts: i64,
}

/// Remembers that these people are to be told of an event, and counts it.
pub(crate) async fn add(tx: &mut Tx, who: &[&UserId], notice: &Notice<'_>) -> Result<(), DbError> {
    let list = text_list(who.iter().map(|user_id| user_id.as_str()));
    let values = params![
        list.as_str(),
        notice.position,
        notice.room_nid,
        notice.thread,
        notice.highlight,
        notice.actions,
        notice.ts
    ];
    tx.execute(INSERT, values).await?;
    let highlights = i64::from(notice.highlight);
    let values =
        params![list.as_str(), notice.room_nid, notice.thread, highlights, notice.position];
    tx.execute(COUNT, values).await?;
    Ok(())
}

/// Forgets the oldest notifications of somebody who has very many.
pub(crate) async fn prune(tx: &mut Tx, user_id: &UserId) -> Result<(), DbError> {
    tx.execute(PRUNE, params![user_id.as_str(), KEPT]).await?;
    Ok(())
}

/// Remembers that somebody has seen a room, or one thread of it, up to an event. `position` is that of the change.
/// Returns whether there was anything he had not seen.
pub(crate) async fn see(
    tx: &mut Tx,
    user_id: &UserId,
    room_nid: i64,
    thread: Option<&str>,
    upto: i64,
    position: i64,
) -> Result<bool, DbError> {
    let user_id = user_id.as_str();
    let seen = match thread {
        None => tx.execute(SEE, params![user_id, room_nid, upto]).await?,
        Some(thread) => tx.execute(SEE_IN_THREAD, params![user_id, room_nid, upto, thread]).await?,
    };
    if seen > 0 {
        tx.execute(RECOUNT, params![user_id, room_nid, position]).await?;
    }
    Ok(seen > 0)
}

/// Takes back what people were told of an event that is redacted. `position` is that of the change.
pub(crate) async fn take_back(tx: &mut Tx, target: i64, position: i64) -> Result<(), DbError> {
    tx.execute(UNCOUNT, params![target, position]).await?;
    tx.execute(DELETE, params![target]).await?;
    Ok(())
}

/// Forgets that there is nothing unread where that has been so since before a position: clients have heard of it.
pub(crate) async fn forget_read(tx: &mut Tx, before: i64) -> Result<u64, DbError> {
    tx.execute(FORGET_READ, params![before]).await
}

/// How much somebody has not seen of one thread.
#[derive(Debug, Clone)]
pub(crate) struct Unread {
    pub(crate) room_id: OwnedRoomId,
    pub(crate) thread: String,
    pub(crate) notifications: i64,
    pub(crate) highlights: i64,
}

/// Returns what somebody has not seen of some rooms.
pub(crate) async fn counts(
    db: &mut impl Reader,
    user_id: &UserId,
    rooms: impl IntoIterator<Item = &str>,
) -> Result<Vec<Unread>, DbError> {
    let rows = db.fetch_all(COUNTS, params![user_id.as_str(), text_list(rooms)]).await?;
    rows.iter()
        .map(|row| {
            Ok(Unread {
                room_id: column(row, "room_id")?,
                thread: row.get("thread")?,
                notifications: row.get("notifications")?,
                highlights: row.get("highlights")?,
            })
        })
        .collect()
}

/// Returns the rooms somebody is in whose counts changed between two positions (the first exclusive).
pub(crate) async fn changed(
    db: &mut impl Reader,
    user_id: &UserId,
    since: i64,
    upto: i64,
) -> Result<Vec<OwnedRoomId>, DbError> {
    let rows = db.fetch_all(CHANGED, params![user_id.as_str(), since, upto]).await?;
    rows.iter().map(|row| column(row, "room_id")).collect()
}

/// One event somebody was told of.
#[derive(Debug, Clone)]
pub(crate) struct Notification {
    pub(crate) position: i64,
    pub(crate) room_id: OwnedRoomId,
    pub(crate) actions: String,
    pub(crate) ts: i64,
    pub(crate) seen: bool,
}

impl Notification {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            position: row.get("position")?,
            room_id: column(row, "room_id")?,
            actions: row.get("actions")?,
            ts: row.get("ts")?,
            seen: row.get("seen")?,
        })
    }
}

/// Returns what somebody was told of, newest first, from before a position.
pub(crate) async fn page(
    db: &mut impl Reader,
    user_id: &UserId,
    before: i64,
    limit: i64,
    only_highlights: bool,
) -> Result<Vec<Notification>, DbError> {
    let values = params![user_id.as_str(), before, limit, only_highlights];
    let rows = db.fetch_all(PAGE, values).await?;
    rows.iter().map(Notification::from_row).collect()
}
