//! `appservices`: every appservice ever seen, with the sealed registration of those added at run time.

use support_db::{Db, DbError, Tx, params};

const ENSURE: &str = "INSERT INTO appservices (id, registration, created_at) VALUES ($1, NULL, $2) ON CONFLICT (id) DO NOTHING";
const PUT: &str = "INSERT INTO appservices (id, registration, created_at) VALUES ($1, $2, $3) \
    ON CONFLICT (id) DO UPDATE SET registration = excluded.registration";
const DELETE: &str = "DELETE FROM appservices WHERE id = $1";
const ADDED: &str = "SELECT id, registration FROM appservices WHERE registration IS NOT NULL ORDER BY created_at, id";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[ENSURE, PUT, DELETE, ADDED];

/// Remembers that an appservice was here, without a registration of its own.
pub(crate) async fn ensure(tx: &mut Tx, id: &str, now: i64) -> Result<(), DbError> {
    tx.execute(ENSURE, params![id, now]).await?;
    Ok(())
}

/// Stores the sealed registration of an appservice added at run time.
pub(crate) async fn put(tx: &mut Tx, id: &str, sealed: &[u8], now: i64) -> Result<(), DbError> {
    tx.execute(PUT, params![id, sealed, now]).await?;
    Ok(())
}

/// Forgets an appservice; false when there was none.
pub(crate) async fn delete(tx: &mut Tx, id: &str) -> Result<bool, DbError> {
    Ok(tx.execute(DELETE, params![id]).await? == 1)
}

/// Returns id and sealed registration of those added at run time, oldest first.
pub(crate) async fn added(db: &Db) -> Result<Vec<(String, Vec<u8>)>, DbError> {
    let rows = db.fetch_all(ADDED, params![]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("registration")?))).collect()
}
