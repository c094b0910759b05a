//! `receipts`: how far each person has read in each room.

use ruma::{OwnedRoomId, UserId};
use support_db::{DbError, Row, Tx, params};

use super::{Reader, column};

/// One receipt.
#[derive(Debug, Clone)]
pub(crate) struct Receipt {
    pub(crate) user_id: String,
    /// `m.read` or `m.read.private`.
    pub(crate) kind: String,
    /// Empty where it has no thread.
    pub(crate) thread: String,
    pub(crate) event_id: String,
    /// Position of the event.
    pub(crate) event_position: i64,
    /// Unix milliseconds.
    pub(crate) ts: i64,
}

impl Receipt {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            user_id: row.get("user_id")?,
            kind: row.get("kind")?,
            thread: row.get("thread")?,
            event_id: row.get("event_id")?,
            event_position: row.get("event_position")?,
            ts: row.get("ts")?,
        })
    }
}

const PUT: &str = "INSERT INTO receipts \
    (room_nid, user_id, kind, thread, event_id, event_position, ts, position) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
    ON CONFLICT (room_nid, user_id, kind, thread) DO UPDATE SET event_id = excluded.event_id, \
    event_position = excluded.event_position, ts = excluded.ts, position = excluded.position \
    WHERE excluded.event_position > receipts.event_position";
// Two halves, so that each runs along an index: what is new, and what is in rooms that are new to the user.
const NEWS: &str = "SELECT rooms.room_id, r.user_id, r.kind, r.thread, r.event_id, r.event_position, r.ts \
    FROM receipts r JOIN memberships m ON m.room_nid = r.room_nid AND m.user_id = $1 AND m.membership = 'join' \
    JOIN rooms ON rooms.room_nid = r.room_nid \
    WHERE r.position > $2 AND r.position <= $3 AND (r.kind = 'm.read' OR r.user_id = $1) \
    UNION SELECT rooms.room_id, r.user_id, r.kind, r.thread, r.event_id, r.event_position, r.ts \
    FROM memberships m JOIN receipts r ON r.room_nid = m.room_nid JOIN rooms ON rooms.room_nid = r.room_nid \
    WHERE m.user_id = $1 AND m.membership = 'join' AND m.position > $2 AND r.position <= $3 \
    AND (r.kind = 'm.read' OR r.user_id = $1)";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[PUT, NEWS];

/// Writes a receipt at a position of the event stream; false when a later event was read before.
pub(crate) async fn put(
    tx: &mut Tx,
    room_nid: i64,
    receipt: &Receipt,
    position: i64,
) -> Result<bool, DbError> {
    let values = params![
        room_nid,
        receipt.user_id.as_str(),
        receipt.kind.as_str(),
        receipt.thread.as_str(),
        receipt.event_id.as_str(),
        receipt.event_position,
        receipt.ts,
        position
    ];
    Ok(tx.execute(PUT, values).await? == 1)
}

/// Returns the receipts one user may see in the rooms he is in, that came after `since` up to `upto`; of rooms that he
/// came into meanwhile, all. Private ones are for their owner.
pub(crate) async fn news(
    db: &mut impl Reader,
    user_id: &UserId,
    since: i64,
    upto: i64,
) -> Result<Vec<(OwnedRoomId, Receipt)>, DbError> {
    let rows = db.fetch_all(NEWS, params![user_id.as_str(), since, upto]).await?;
    rows.iter().map(|row| Ok((column(row, "room_id")?, Receipt::from_row(row)?))).collect()
}
