//! The table `relations`: which events say something of another one.

use ruma::{EventId, OwnedEventId, OwnedUserId, UserId};
use support_db::{DbError, Tx, params};

use super::{
    Reader, column,
    events::StoredEvent,
    sweep::{Spot, list, spots},
};

const INSERT: &str =
    "INSERT INTO relations (child, room_nid, parent_id, rel_type, type, sender, annotation_key)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const DELETE: &str = "DELETE FROM relations WHERE child = $1";
const ANNOTATED: &str = "SELECT child
    FROM relations
    WHERE parent_id = $1
      AND rel_type = 'm.annotation'
      AND room_nid = $2
      AND sender = $3
      AND type = $4
      AND annotation_key = $5
    LIMIT 1";
const IS_CHILD: &str = "SELECT r.child
    FROM events e
    JOIN relations r ON r.child = e.position
    WHERE e.event_id = $1
      AND e.room_nid = $2";
const PARENT_OF: &str = "SELECT r.parent_id, r.rel_type
    FROM events e
    JOIN relations r ON r.child = e.position
    WHERE e.event_id = $1
      AND e.room_nid = $2";
const THREADS_OF: &str = concat!(
    "SELECT b.name AS parent_id, COUNT(*) AS replies, max(r.child) AS latest,
        CAST(max(CASE WHEN r.sender = $2 THEN 1 ELSE 0 END) AS BIGINT) AS own
    FROM ",
    spots!(),
    " b
    CROSS JOIN relations r
    WHERE r.parent_id = b.name
      AND r.rel_type = 'm.thread'
      AND r.room_nid = b.room_nid
      AND r.child <= b.high
    GROUP BY b.name"
);
const LINKS_OF: &str = concat!(
    "SELECT b.name AS parent_id, r.rel_type, r.type, r.sender, e.position, e.event_id, e.origin_server_ts
    FROM ",
    spots!(),
    " b
    CROSS JOIN relations r
    CROSS JOIN events e
    WHERE r.parent_id = b.name
      AND r.rel_type IN ('m.replace', 'm.reference')
      AND r.room_nid = b.room_nid
      AND r.child <= b.high
      AND e.position = r.child
    ORDER BY r.child"
);

/// The events that relate to one, directly or through others that do.
macro_rules! related {
    ($order:literal) => {
        concat!(
            "WITH RECURSIVE tree (child, depth) AS (
                SELECT child, CAST(1 AS BIGINT)
                FROM relations
                WHERE parent_id = $1
                  AND room_nid = $2
                UNION
                SELECT r.child, t.depth + 1
                FROM tree t
                JOIN events p ON p.position = t.child
                JOIN relations r ON r.parent_id = p.event_id
                WHERE t.depth < $3
                  AND r.room_nid = $2
            )
            SELECT ",
            super::events::event_columns!(),
            "
            FROM tree t
            CROSS JOIN relations r
            CROSS JOIN events e
            ",
            super::events::event_joins!(),
            "
            WHERE r.child = t.child
              AND e.position = t.child
              AND ($4 = '' OR r.rel_type = $4)
              AND ($5 = '' OR r.type = $5)
              AND e.position >= $6
              AND e.position <= $7
            ORDER BY e.position ",
            $order,
            "
            LIMIT $8"
        )
    };
}
const NEWEST_RELATED: &str = related!("DESC");
const OLDEST_RELATED: &str = related!("ASC");
const THREADS: &str = concat!(
    "SELECT t.latest, ",
    super::events::event_columns!(),
    "
    FROM (SELECT parent_id, max(child) AS latest,
            max(CASE WHEN sender = $2 THEN 1 ELSE 0 END) AS own
        FROM relations
        WHERE room_nid = $1
          AND rel_type = 'm.thread'
          AND child <= $3
        GROUP BY parent_id) t
    JOIN events e ON e.event_id = t.parent_id
    ",
    super::events::event_joins!(),
    "
    WHERE e.room_nid = $1
      AND t.latest <= $4
      AND (CAST($5 AS BIGINT) = 0 OR t.own = 1 OR e.sender = $2)
    ORDER BY t.latest DESC
    LIMIT $6"
);

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    INSERT,
    DELETE,
    ANNOTATED,
    PARENT_OF,
    IS_CHILD,
    THREADS_OF,
    LINKS_OF,
    NEWEST_RELATED,
    OLDEST_RELATED,
    THREADS,
];

/// What one event says of another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewRelation<'a> {
    pub(crate) child: i64,
    pub(crate) room_nid: i64,
    pub(crate) parent_id: &'a EventId,
    pub(crate) rel_type: &'a str,
    /// The type of the event that relates.
    pub(crate) kind: &'a str,
    pub(crate) sender: &'a UserId,
    /// What an annotation says.
    pub(crate) key: Option<&'a str>,
}

/// Remembers a relation.
pub(crate) async fn insert(tx: &mut Tx, relation: &NewRelation<'_>) -> Result<(), DbError> {
    let values = params![
        relation.child,
        relation.room_nid,
        relation.parent_id.as_str(),
        relation.rel_type,
        relation.kind,
        relation.sender.as_str(),
        relation.key,
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// Forgets what an event said of another, because it was taken back.
pub(crate) async fn delete(tx: &mut Tx, child: i64) -> Result<(), DbError> {
    tx.execute(DELETE, params![child]).await.map(drop)
}

/// Returns whether somebody said the same of an event before.
pub(crate) async fn is_annotated(
    db: &mut impl Reader,
    room_nid: i64,
    parent_id: &EventId,
    sender: &UserId,
    kind: &str,
    key: &str,
) -> Result<bool, DbError> {
    let values = params![parent_id.as_str(), room_nid, sender.as_str(), kind, key];
    Ok(db.fetch_optional(ANNOTATED, values).await?.is_some())
}

/// Returns whether an event relates to another one.
pub(crate) async fn is_child(
    db: &mut impl Reader,
    room_nid: i64,
    event_id: &EventId,
) -> Result<bool, DbError> {
    Ok(db.fetch_optional(IS_CHILD, params![event_id.as_str(), room_nid]).await?.is_some())
}

/// Returns what an event relates to, and how.
pub(crate) async fn parent_of(
    db: &mut impl Reader,
    room_nid: i64,
    event_id: &EventId,
) -> Result<Option<(OwnedEventId, String)>, DbError> {
    let row = db.fetch_optional(PARENT_OF, params![event_id.as_str(), room_nid]).await?;
    row.map(|row| Ok((column(&row, "parent_id")?, row.get("rel_type")?))).transpose()
}

/// A thread, as far as somebody may see it.
#[derive(Debug, Clone)]
pub(crate) struct Thread {
    pub(crate) root: OwnedEventId,
    pub(crate) replies: i64,
    /// The position of the newest reply.
    pub(crate) latest: i64,
    /// Whether the one who looks said something in it.
    pub(crate) is_own: bool,
}

/// Returns the threads that begin with the events the spots name, up to their upper ends.
pub(crate) async fn threads_of<'a>(
    db: &mut impl Reader,
    spots: impl IntoIterator<Item = Spot<'a>>,
    user_id: &UserId,
) -> Result<Vec<Thread>, DbError> {
    let rows = db.fetch_all(THREADS_OF, params![list(spots), user_id.as_str()]).await?;
    let thread = |row: &support_db::Row| {
        Ok(Thread {
            root: column(row, "parent_id")?,
            replies: row.get("replies")?,
            latest: row.get("latest")?,
            is_own: row.get::<i64>("own")? == 1,
        })
    };
    rows.iter().map(thread).collect()
}

/// An edit of an event or a reference to it.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) parent_id: OwnedEventId,
    pub(crate) is_edit: bool,
    pub(crate) kind: String,
    pub(crate) sender: OwnedUserId,
    pub(crate) position: i64,
    pub(crate) event_id: OwnedEventId,
    pub(crate) origin_server_ts: i64,
}

/// Returns the edits of and references to the events the spots name, up to their upper ends, oldest first.
pub(crate) async fn links_of<'a>(
    db: &mut impl Reader,
    spots: impl IntoIterator<Item = Spot<'a>>,
) -> Result<Vec<Link>, DbError> {
    let rows = db.fetch_all(LINKS_OF, params![list(spots)]).await?;
    let link = |row: &support_db::Row| {
        Ok(Link {
            parent_id: column(row, "parent_id")?,
            is_edit: row.get::<&str>("rel_type")? == "m.replace",
            kind: row.get("type")?,
            sender: column(row, "sender")?,
            position: row.get("position")?,
            event_id: column(row, "event_id")?,
            origin_server_ts: row.get("origin_server_ts")?,
        })
    };
    rows.iter().map(link).collect()
}

/// Which events that relate to one are asked for. Empty texts stand for any.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Related<'a> {
    pub(crate) room_nid: i64,
    pub(crate) parent_id: &'a EventId,
    pub(crate) depth: i64,
    pub(crate) rel_type: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) newest_first: bool,
}

/// Returns events that relate to one, between two positions (both inclusive).
pub(crate) async fn related(
    db: &mut impl Reader,
    asked: &Related<'_>,
    (from, to): (i64, i64),
    limit: i64,
) -> Result<Vec<StoredEvent>, DbError> {
    let values = params![
        asked.parent_id.as_str(),
        asked.room_nid,
        asked.depth,
        asked.rel_type,
        asked.kind,
        from,
        to,
        limit,
    ];
    let sql = if asked.newest_first { NEWEST_RELATED } else { OLDEST_RELATED };
    db.fetch_all(sql, values).await?.iter().map(StoredEvent::from_row).collect()
}

/// Returns the events that threads of a room begin with, each with the position of its newest reply not after
/// `visible`; those come first whose newest reply is the newest not after `from`.
pub(crate) async fn threads(
    db: &mut impl Reader,
    room_nid: i64,
    user_id: &UserId,
    (visible, from): (i64, i64),
    only_own: bool,
    limit: i64,
) -> Result<Vec<(i64, StoredEvent)>, DbError> {
    let only_own = i64::from(only_own);
    let values = params![room_nid, user_id.as_str(), visible, from, only_own, limit];
    let rows = db.fetch_all(THREADS, values).await?;
    rows.iter().map(|row| Ok((row.get("latest")?, StoredEvent::from_row(row)?))).collect()
}
