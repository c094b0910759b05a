//! `devices`: one row per login of an account. Deleting one takes its access tokens along.

use support_db::{Db, DbError, Tx, params};

const UPSERT: &str = "INSERT INTO devices (user_id, device_id, display_name, created_at) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (user_id, device_id) DO NOTHING";
const EXISTS: &str = "SELECT device_id FROM devices WHERE user_id = $1 AND device_id = $2";
const DELETE: &str = "DELETE FROM devices WHERE user_id = $1 AND device_id = $2";
const DELETE_ALL: &str = "DELETE FROM devices WHERE user_id = $1";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[UPSERT, EXISTS, DELETE, DELETE_ALL];

/// Adds a device unless it is known; the display name of a known one is not touched.
pub(crate) async fn ensure(
    tx: &mut Tx,
    user_id: &str,
    device_id: &str,
    display_name: Option<&str>,
    now: i64,
) -> Result<(), DbError> {
    tx.execute(UPSERT, params![user_id, device_id, display_name, now]).await?;
    Ok(())
}

/// Tells whether the device belongs to the user.
pub(crate) async fn exists(db: &Db, user_id: &str, device_id: &str) -> Result<bool, DbError> {
    Ok(db.fetch_optional(EXISTS, params![user_id, device_id]).await?.is_some())
}

/// Removes one device.
pub(crate) async fn delete(tx: &mut Tx, user_id: &str, device_id: &str) -> Result<(), DbError> {
    tx.execute(DELETE, params![user_id, device_id]).await?;
    Ok(())
}

/// Removes every device of a user.
pub(crate) async fn delete_all(tx: &mut Tx, user_id: &str) -> Result<(), DbError> {
    tx.execute(DELETE_ALL, params![user_id]).await?;
    Ok(())
}
