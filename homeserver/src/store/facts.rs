//! `server_facts`: what may never change once it was used.

use support_db::{Db, DbError, Tx, params};

/// The name this database's events were signed under.
pub(crate) const SERVER_NAME: &str = "server_name";
/// What every appservice transaction id of this database begins with.
pub(crate) const TXN_PREFIX: &str = "txn_prefix";

const GET: &str = "SELECT value FROM server_facts WHERE name = $1";
const PUT: &str =
    "INSERT INTO server_facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[GET, PUT];

/// Returns a fact, if it was ever stored.
pub(crate) async fn get(db: &Db, name: &str) -> Result<Option<String>, DbError> {
    db.fetch_optional(GET, params![name]).await?.map(|row| row.get("value")).transpose()
}

/// Stores a fact unless there is one already.
pub(crate) async fn put(tx: &mut Tx, name: &str, value: &str) -> Result<(), DbError> {
    tx.execute(PUT, params![name, value]).await?;
    Ok(())
}
