//! How far the stream of events and account data has come in what a reader sees.

use support_db::{DbError, params};

use super::Reader;

/// Returns the last position of the stream. Inside a snapshot, that is the snapshot's own.
pub(crate) async fn of_events(db: &mut impl Reader) -> Result<i64, DbError> {
    // The table belongs to the writer, who saves the positions of a batch in the batch itself.
    const SQL: &str = "SELECT position FROM support_position WHERE stream = 'events'";
    let row = db.fetch_optional(SQL, params![]).await?;
    row.map_or(Ok(0), |row| row.get("position"))
}
