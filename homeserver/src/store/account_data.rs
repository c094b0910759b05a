//! `account_data`: what clients keep for themselves, for the account (`room_id` empty) or for one room.

use support_db::{Db, DbError, Tx, params};

/// One piece of account data.
#[derive(Debug, Clone)]
pub(crate) struct AccountDataRow {
    pub(crate) room_id: String,
    pub(crate) kind: String,
    pub(crate) content: String,
}

const PUT: &str = "INSERT INTO account_data (user_id, room_id, kind, content, position) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (user_id, room_id, kind) DO UPDATE SET content = excluded.content, position = excluded.position";
const GET: &str =
    "SELECT content FROM account_data WHERE user_id = $1 AND room_id = $2 AND kind = $3";
const BETWEEN: &str = "SELECT room_id, kind, content FROM account_data \
    WHERE user_id = $1 AND position > $2 AND position <= $3 ORDER BY position";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[PUT, GET, BETWEEN];

/// Writes one piece at a position of the event stream.
pub(crate) async fn put(
    tx: &mut Tx,
    user_id: &str,
    room_id: &str,
    kind: &str,
    content: &str,
    position: i64,
) -> Result<(), DbError> {
    tx.execute(PUT, params![user_id, room_id, kind, content, position]).await?;
    Ok(())
}

/// Reads one piece.
pub(crate) async fn get(
    db: &Db,
    user_id: &str,
    room_id: &str,
    kind: &str,
) -> Result<Option<String>, DbError> {
    let row = db.fetch_optional(GET, params![user_id, room_id, kind]).await?;
    row.map(|row| row.get("content")).transpose()
}

/// Reads one piece inside a write job.
pub(crate) async fn get_in(
    tx: &mut Tx,
    user_id: &str,
    room_id: &str,
    kind: &str,
) -> Result<Option<String>, DbError> {
    let row = tx.fetch_optional(GET, params![user_id, room_id, kind]).await?;
    row.map(|row| row.get("content")).transpose()
}

/// Reads what changed after `since`, up to and including `upto`.
pub(crate) async fn between(
    db: &Db,
    user_id: &str,
    since: i64,
    upto: i64,
) -> Result<Vec<AccountDataRow>, DbError> {
    let rows = db.fetch_all(BETWEEN, params![user_id, since, upto]).await?;
    rows.iter()
        .map(|row| {
            Ok(AccountDataRow {
                room_id: row.get("room_id")?,
                kind: row.get("kind")?,
                content: row.get("content")?,
            })
        })
        .collect()
}
