//! The table `events`.

use std::collections::BTreeMap;

use ruma::{EventId, OwnedEventId, OwnedUserId};
use support_db::{DbError, Row, Tx, integer_list, params, text_list};

use super::{Reader, column};

/// The columns of [`StoredEvent`], for `FROM events e` followed by [`event_joins`].
macro_rules! event_columns {
    () => {
        "e.position, e.event_id, e.room_nid, e.type, e.state_key, e.sender, e.origin_server_ts,
            e.membership, e.txn_id, e.txn_key, e.json,
            rb.event_id AS redaction_id, rb.json AS redaction_json,
            rp.event_id AS replaced_id, rp.sender AS replaced_sender, rp.json AS replaced_json"
    };
}
pub(crate) use event_columns;

/// What an event's `unsigned` part tells of other events: its redaction, and the state it replaced.
macro_rules! event_joins {
    () => {
        "LEFT JOIN events rb ON rb.position = e.redacted_by
        LEFT JOIN events rp ON rp.position = e.replaces"
    };
}
pub(crate) use event_joins;

const INSERT: &str = "INSERT INTO events
        (position, event_id, room_nid, type, state_key, sender, depth, origin_server_ts, state_group,
         replaces, membership, txn_id, txn_key, json)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT (txn_key) WHERE txn_key IS NOT NULL DO NOTHING";
const BY_TXN: &str = "SELECT event_id FROM events WHERE txn_key = $1";
const NEWEST: &str = "SELECT event_id, depth, state_group
    FROM events
    WHERE room_nid = $1
    ORDER BY position DESC
    LIMIT 1";
const HAS_MESSAGES: &str = "SELECT position
    FROM events
    WHERE room_nid = $1
      AND state_key IS NULL
    LIMIT 1";
const LOWEST: &str = "SELECT position FROM events ORDER BY position LIMIT 1";
const ROOMS_OF: &str = "SELECT event_id, room_nid
    FROM events
    WHERE event_id IN (SELECT value FROM json_each($1))";
const BY_ID: &str = concat!(
    "SELECT ",
    event_columns!(),
    "
    FROM events e
    ",
    event_joins!(),
    "
    WHERE e.event_id = $1
      AND e.room_nid = $2"
);
const AT: &str = concat!(
    "SELECT ",
    event_columns!(),
    "
    FROM events e
    ",
    event_joins!(),
    "
    WHERE e.position IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
    ORDER BY e.position"
);
const NEWEST_BETWEEN: &str = concat!(
    "SELECT ",
    event_columns!(),
    "
    FROM events e
    ",
    event_joins!(),
    "
    WHERE e.room_nid = $1
      AND e.position >= $2
      AND e.position <= $3
    ORDER BY e.position DESC
    LIMIT $4"
);
const OLDEST_BETWEEN: &str = concat!(
    "SELECT ",
    event_columns!(),
    "
    FROM events e
    ",
    event_joins!(),
    "
    WHERE e.room_nid = $1
      AND e.position >= $2
      AND e.position <= $3
    ORDER BY e.position
    LIMIT $4"
);
const HISTORY_OF: &str = "SELECT position, membership, json
    FROM events
    WHERE room_nid = $1
      AND type = $2
      AND state_key = $3
    ORDER BY position";
const GROUP_AT: &str = "SELECT state_group
    FROM events
    WHERE room_nid = $1
      AND position <= $2
    ORDER BY position DESC
    LIMIT 1";
const FIRST_SINCE: &str = "SELECT position, event_id, origin_server_ts
    FROM events
    WHERE room_nid = $1
      AND origin_server_ts >= $2
      AND position >= $3
      AND position <= $4
    ORDER BY origin_server_ts, position
    LIMIT 1";
const LAST_UNTIL: &str = "SELECT position, event_id, origin_server_ts
    FROM events
    WHERE room_nid = $1
      AND origin_server_ts <= $2
      AND position >= $3
      AND position <= $4
    ORDER BY origin_server_ts DESC, position DESC
    LIMIT 1";
const REDACT: &str = "UPDATE events
    SET redacted_by = $2,
        json = $3
    WHERE position = $1
      AND redacted_by IS NULL";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    INSERT,
    BY_TXN,
    NEWEST,
    HAS_MESSAGES,
    LOWEST,
    ROOMS_OF,
    BY_ID,
    AT,
    NEWEST_BETWEEN,
    OLDEST_BETWEEN,
    HISTORY_OF,
    GROUP_AT,
    FIRST_SINCE,
    LAST_UNTIL,
    REDACT,
];

/// One event as stored, with what belongs into its `unsigned` part.
#[derive(Debug, Clone)]
pub(crate) struct StoredEvent {
    pub(crate) position: i64,
    pub(crate) event_id: OwnedEventId,
    pub(crate) room_nid: i64,
    pub(crate) kind: String,
    pub(crate) state_key: Option<String>,
    pub(crate) sender: OwnedUserId,
    pub(crate) origin_server_ts: i64,
    pub(crate) membership: Option<String>,
    pub(crate) txn: Option<Txn>,
    pub(crate) json: String,
    pub(crate) redacted_because: Option<(OwnedEventId, String)>,
    pub(crate) replaced: Option<Replaced>,
}

/// The state event that another one replaced.
#[derive(Debug, Clone)]
pub(crate) struct Replaced {
    pub(crate) event_id: OwnedEventId,
    pub(crate) sender: OwnedUserId,
    pub(crate) json: String,
}

/// A transaction id and the hash it is remembered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Txn {
    pub(crate) id: String,
    pub(crate) key: [u8; 16],
}

impl StoredEvent {
    pub(crate) fn from_row(row: &Row) -> Result<Self, DbError> {
        let txn = match (row.get::<Option<String>>("txn_id")?, row.get::<Option<&[u8]>>("txn_key")?)
        {
            (Some(id), Some(key)) => key.try_into().ok().map(|key| Txn { id, key }),
            _ => None,
        };
        let redacted_because = match row.get::<Option<&str>>("redaction_id")? {
            Some(_) => Some((column(row, "redaction_id")?, row.get("redaction_json")?)),
            None => None,
        };
        let replaced = match row.get::<Option<&str>>("replaced_id")? {
            Some(_) => Some(Replaced {
                event_id: column(row, "replaced_id")?,
                sender: column(row, "replaced_sender")?,
                json: row.get("replaced_json")?,
            }),
            None => None,
        };
        Ok(Self {
            position: row.get("position")?,
            event_id: column(row, "event_id")?,
            room_nid: row.get("room_nid")?,
            kind: row.get("type")?,
            state_key: row.get("state_key")?,
            sender: column(row, "sender")?,
            origin_server_ts: row.get("origin_server_ts")?,
            membership: row.get("membership")?,
            txn,
            json: row.get("json")?,
            redacted_because,
            replaced,
        })
    }
}

/// What an event is stored with.
#[derive(Debug)]
pub(crate) struct NewEvent<'a> {
    pub(crate) position: i64,
    pub(crate) event_id: &'a EventId,
    pub(crate) room_nid: i64,
    pub(crate) kind: &'a str,
    pub(crate) state_key: Option<&'a str>,
    pub(crate) sender: &'a str,
    pub(crate) depth: i64,
    pub(crate) origin_server_ts: i64,
    pub(crate) state_group: i64,
    pub(crate) replaces: Option<i64>,
    pub(crate) membership: Option<&'a str>,
    pub(crate) txn: Option<&'a Txn>,
    pub(crate) json: &'a str,
}

/// Stores an event. `false` means that its transaction id was used before and nothing was stored.
pub(crate) async fn insert(tx: &mut Tx, event: &NewEvent<'_>) -> Result<bool, DbError> {
    let values = params![
        event.position,
        event.event_id.as_str(),
        event.room_nid,
        event.kind,
        event.state_key,
        event.sender,
        event.depth,
        event.origin_server_ts,
        event.state_group,
        event.replaces,
        event.membership,
        event.txn.map(|txn| &txn.id),
        event.txn.map(|txn| &txn.key),
        event.json,
    ];
    Ok(tx.execute(INSERT, values).await? > 0)
}

/// Finds what was sent with a transaction id before.
pub(crate) async fn by_txn(
    db: &mut impl Reader,
    key: &[u8; 16],
) -> Result<Option<OwnedEventId>, DbError> {
    let row = db.fetch_optional(BY_TXN, params![key]).await?;
    row.as_ref().map(|row| column(row, "event_id")).transpose()
}

/// The newest event of a room: what the next one follows.
#[derive(Debug, Clone)]
pub(crate) struct Newest {
    pub(crate) event_id: OwnedEventId,
    pub(crate) depth: i64,
    pub(crate) state_group: i64,
}

/// Finds the newest event of a room.
pub(crate) async fn newest(db: &mut impl Reader, room_nid: i64) -> Result<Option<Newest>, DbError> {
    let row = db.fetch_optional(NEWEST, params![room_nid]).await?;
    let newest = |row: Row| {
        Ok(Newest {
            event_id: column(&row, "event_id")?,
            depth: row.get("depth")?,
            state_group: row.get("state_group")?,
        })
    };
    row.map(newest).transpose()
}

/// Returns whether anybody ever said something in a room.
pub(crate) async fn has_messages(db: &mut impl Reader, room_nid: i64) -> Result<bool, DbError> {
    Ok(db.fetch_optional(HAS_MESSAGES, params![room_nid]).await?.is_some())
}

/// Returns the lowest position there is: what is inserted before everything goes below it.
pub(crate) async fn lowest(db: &mut impl Reader) -> Result<i64, DbError> {
    let row = db.fetch_optional(LOWEST, params![]).await?;
    row.map_or(Ok(0), |row| row.get("position"))
}

/// Returns which of some events there are, and in which room.
pub(crate) async fn rooms_of(
    db: &mut impl Reader,
    event_ids: &[OwnedEventId],
) -> Result<BTreeMap<OwnedEventId, i64>, DbError> {
    let ids = text_list(event_ids.iter().map(ToString::to_string));
    let rows = db.fetch_all(ROOMS_OF, params![ids]).await?;
    rows.iter().map(|row| Ok((column(row, "event_id")?, row.get("room_nid")?))).collect()
}

/// Finds one event of a room.
pub(crate) async fn by_id(
    db: &mut impl Reader,
    room_nid: i64,
    event_id: &EventId,
) -> Result<Option<StoredEvent>, DbError> {
    let row = db.fetch_optional(BY_ID, params![event_id.as_str(), room_nid]).await?;
    row.as_ref().map(StoredEvent::from_row).transpose()
}

/// Returns the events at some positions, in ascending order.
pub(crate) async fn at(
    db: &mut impl Reader,
    positions: impl IntoIterator<Item = i64>,
) -> Result<Vec<StoredEvent>, DbError> {
    let rows = db.fetch_all(AT, params![integer_list(positions)]).await?;
    rows.iter().map(StoredEvent::from_row).collect()
}

/// Returns the newest events of a room between two positions (both inclusive), newest first.
pub(crate) async fn newest_between(
    db: &mut impl Reader,
    room_nid: i64,
    from: i64,
    to: i64,
    limit: i64,
) -> Result<Vec<StoredEvent>, DbError> {
    let rows = db.fetch_all(NEWEST_BETWEEN, params![room_nid, from, to, limit]).await?;
    rows.iter().map(StoredEvent::from_row).collect()
}

/// Returns the oldest events of a room between two positions (both inclusive), oldest first.
pub(crate) async fn oldest_between(
    db: &mut impl Reader,
    room_nid: i64,
    from: i64,
    to: i64,
    limit: i64,
) -> Result<Vec<StoredEvent>, DbError> {
    let rows = db.fetch_all(OLDEST_BETWEEN, params![room_nid, from, to, limit]).await?;
    rows.iter().map(StoredEvent::from_row).collect()
}

/// One change of a state value: what it became, and where.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) position: i64,
    pub(crate) membership: Option<String>,
    pub(crate) json: String,
}

impl Change {
    pub(super) fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            position: row.get("position")?,
            membership: row.get("membership")?,
            json: row.get("json")?,
        })
    }
}

/// Returns every event there ever was for one key of a room's state, oldest first.
pub(crate) async fn history_of(
    db: &mut impl Reader,
    room_nid: i64,
    kind: &str,
    state_key: &str,
) -> Result<Vec<Change>, DbError> {
    let rows = db.fetch_all(HISTORY_OF, params![room_nid, kind, state_key]).await?;
    rows.iter().map(Change::from_row).collect()
}

/// Returns the state group in force after the newest event at or before a position.
pub(crate) async fn group_at(
    db: &mut impl Reader,
    room_nid: i64,
    position: i64,
) -> Result<Option<i64>, DbError> {
    let row = db.fetch_optional(GROUP_AT, params![room_nid, position]).await?;
    row.map(|row| row.get("state_group")).transpose()
}

/// Which of the events around a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The first at or after it.
    Since,
    /// The last at or before it.
    Until,
}

/// An event found by its time.
#[derive(Debug, Clone)]
pub(crate) struct Timed {
    /// Unix milliseconds.
    pub(crate) ts: i64,
    pub(crate) position: i64,
    pub(crate) event_id: OwnedEventId,
}

/// Finds the event of a room that is nearest to a time, between two positions (both inclusive).
pub(crate) async fn nearest(
    db: &mut impl Reader,
    room_nid: i64,
    ts: i64,
    side: Side,
    (from, to): (i64, i64),
) -> Result<Option<Timed>, DbError> {
    let sql = match side {
        Side::Since => FIRST_SINCE,
        Side::Until => LAST_UNTIL,
    };
    let row = db.fetch_optional(sql, params![room_nid, ts, from, to]).await?;
    let timed = |row: Row| {
        Ok(Timed {
            ts: row.get("origin_server_ts")?,
            position: row.get("position")?,
            event_id: column(&row, "event_id")?,
        })
    };
    row.map(timed).transpose()
}

/// Replaces an event by what its redaction leaves. The first redaction stays the reason.
pub(crate) async fn redact(
    tx: &mut Tx,
    position: i64,
    redacted_by: i64,
    json: &str,
) -> Result<(), DbError> {
    tx.execute(REDACT, params![position, redacted_by, json]).await.map(drop)
}
