//! `as_outbox` and `as_transactions`: what appservices are owed, and the one frozen transaction of each.

use support_db::{Db, DbError, Tx, params};

/// The stream that numbers outbox rows: one order per homeserver, hence one per appservice across rooms.
pub(crate) const STREAM: &str = "as_outbox";
/// The stream that numbers transactions. It never restarts, so an id is never used for other content.
pub(crate) const TXN_STREAM: &str = "as_transactions";

/// What an outbox row refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A room event, by its position in the event stream.
    Event,
    /// A to-device message, by its position; nothing writes these yet.
    ToDevice,
    /// Written by a newer version of this program.
    Unknown(i64),
}

impl Kind {
    fn number(self) -> i64 {
        match self {
            Self::Event => 0,
            Self::ToDevice => 1,
            Self::Unknown(number) => number,
        }
    }

    fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Event,
            1 => Self::ToDevice,
            other => Self::Unknown(other),
        }
    }
}

/// One thing an appservice is owed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutboxRow {
    pub(crate) seq: i64,
    pub(crate) kind: Kind,
    pub(crate) reference: i64,
}

/// A transaction whose id and body no longer change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FrozenRow {
    pub(crate) txn_id: String,
    pub(crate) last_seq: i64,
    pub(crate) body: Vec<u8>,
}

/// How much an appservice is owed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    pub(crate) rows: i64,
    pub(crate) oldest: Option<i64>,
}

// Both only while the appservice is there: it may have been removed a moment ago, in the same batch.
const QUEUE: &str = "INSERT INTO as_outbox (appservice, seq, kind, reference, queued_at) \
    SELECT id, $2, $3, $4, $5 FROM appservices WHERE id = $1";
const NEXT: &str = "SELECT seq, kind, reference FROM as_outbox WHERE appservice = $1 AND seq > $2 ORDER BY seq LIMIT $3";
const BACKLOG: &str =
    "SELECT COUNT(*) AS row_count, MIN(queued_at) AS oldest FROM as_outbox WHERE appservice = $1";
const FREEZE: &str = "INSERT INTO as_transactions (appservice, txn_id, last_seq, body, created_at) \
    SELECT id, $2, $3, $4, $5 FROM appservices WHERE id = $1";
const FROZEN: &str = "SELECT txn_id, last_seq, body FROM as_transactions WHERE appservice = $1";
const ACKNOWLEDGE: &str = "DELETE FROM as_transactions WHERE appservice = $1";
const DROP_UPTO: &str = "DELETE FROM as_outbox WHERE appservice = $1 AND seq <= $2";
const FORGET_ROWS: &str = "DELETE FROM as_outbox WHERE appservice = $1";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] =
    &[QUEUE, NEXT, BACKLOG, FREEZE, FROZEN, ACKNOWLEDGE, DROP_UPTO, FORGET_ROWS];

/// Queues one thing for an appservice, at the next of the writer's numbers.
pub(crate) async fn queue(
    tx: &mut Tx,
    appservice: &str,
    kind: Kind,
    reference: i64,
    now: i64,
) -> Result<(), DbError> {
    let seq = tx.next_position(STREAM);
    tx.execute(QUEUE, params![appservice, seq, kind.number(), reference, now]).await?;
    Ok(())
}

/// Returns what is owed after `after`, oldest first.
pub(crate) async fn next(
    db: &Db,
    appservice: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<OutboxRow>, DbError> {
    let rows = db.fetch_all(NEXT, params![appservice, after, limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(OutboxRow {
                seq: row.get("seq")?,
                kind: Kind::from_number(row.get("kind")?),
                reference: row.get("reference")?,
            })
        })
        .collect()
}

/// Counts what is owed.
pub(crate) async fn backlog(db: &Db, appservice: &str) -> Result<Backlog, DbError> {
    let Some(row) = db.fetch_optional(BACKLOG, params![appservice]).await? else {
        return Ok(Backlog::default());
    };
    Ok(Backlog { rows: row.get("row_count")?, oldest: row.get("oldest")? })
}

/// Stores a transaction before its first attempt; false when the appservice is gone. There is one per appservice, a
/// second is refused.
pub(crate) async fn freeze(
    tx: &mut Tx,
    appservice: &str,
    frozen: &FrozenRow,
    now: i64,
) -> Result<bool, DbError> {
    let FrozenRow { txn_id, last_seq, body } = frozen;
    let params = params![appservice, txn_id, *last_seq, body, now];
    Ok(tx.execute(FREEZE, params).await? == 1)
}

/// Returns the transaction that still waits for its acknowledgement.
pub(crate) async fn frozen(db: &Db, appservice: &str) -> Result<Option<FrozenRow>, DbError> {
    let Some(row) = db.fetch_optional(FROZEN, params![appservice]).await? else {
        return Ok(None);
    };
    Ok(Some(FrozenRow {
        txn_id: row.get("txn_id")?,
        last_seq: row.get("last_seq")?,
        body: row.get("body")?,
    }))
}

/// Drops the transaction in flight and what it carried.
pub(crate) async fn acknowledge(
    tx: &mut Tx,
    appservice: &str,
    last_seq: i64,
) -> Result<(), DbError> {
    tx.execute(ACKNOWLEDGE, params![appservice]).await?;
    tx.execute(DROP_UPTO, params![appservice, last_seq]).await?;
    Ok(())
}

/// Drops everything an appservice was owed: it was removed.
pub(crate) async fn forget(tx: &mut Tx, appservice: &str) -> Result<(), DbError> {
    tx.execute(ACKNOWLEDGE, params![appservice]).await?;
    tx.execute(FORGET_ROWS, params![appservice]).await?;
    Ok(())
}
