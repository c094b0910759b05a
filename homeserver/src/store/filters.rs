//! `filters`: what clients asked `/sync` to leave out, by an id derived from the definition itself.

use support_db::{Db, DbError, Tx, params};

const PUT: &str = "INSERT INTO filters (user_id, filter_id, definition) VALUES ($1, $2, $3) \
    ON CONFLICT (user_id, filter_id) DO NOTHING";
const GET: &str = "SELECT definition FROM filters WHERE user_id = $1 AND filter_id = $2";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[PUT, GET];

/// Stores a filter unless it is known.
pub(crate) async fn put(
    tx: &mut Tx,
    user_id: &str,
    filter_id: &str,
    definition: &str,
) -> Result<(), DbError> {
    tx.execute(PUT, params![user_id, filter_id, definition]).await?;
    Ok(())
}

/// Returns a filter's definition.
pub(crate) async fn get(
    db: &Db,
    user_id: &str,
    filter_id: &str,
) -> Result<Option<String>, DbError> {
    let row = db.fetch_optional(GET, params![user_id, filter_id]).await?;
    row.map(|row| row.get("definition")).transpose()
}
