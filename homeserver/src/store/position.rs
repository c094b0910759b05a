//! How far the stream of events and account data has come in what a reader sees.

use support_db::{DbError, params};

use super::Reader;

// The table belongs to the writer, who saves the positions of a batch in the batch itself.
const OF_EVENTS: &str = "SELECT position FROM support_position WHERE stream = 'events'";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[OF_EVENTS];

/// Returns the last position of the stream. Inside a snapshot, that is the snapshot's own.
pub(crate) async fn of_events(db: &mut impl Reader) -> Result<i64, DbError> {
    let row = db.fetch_optional(OF_EVENTS, params![]).await?;
    row.map_or(Ok(0), |row| row.get("position"))
}
