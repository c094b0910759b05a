//! `devices`: one row per login of an account. Deleting one takes its access tokens along.

use support_db::{Db, DbError, Row, Tx, params};

const UPSERT: &str = "INSERT INTO devices (user_id, device_id, display_name, created_at, last_seen_at) \
    VALUES ($1, $2, $3, $4, $4) \
    ON CONFLICT (user_id, device_id) DO UPDATE SET last_seen_at = excluded.last_seen_at";
const EXISTS: &str = "SELECT device_id FROM devices WHERE user_id = $1 AND device_id = $2";
const LIST: &str = "SELECT device_id, display_name, last_seen_at FROM devices WHERE user_id = $1 \
    ORDER BY created_at, device_id";
const GET: &str = "SELECT device_id, display_name, last_seen_at FROM devices \
    WHERE user_id = $1 AND device_id = $2";
const NOTE_SEEN: &str =
    "UPDATE devices SET last_seen_at = $3 WHERE user_id = $1 AND device_id = $2";
const RENAME: &str = "UPDATE devices SET display_name = $3 WHERE user_id = $1 AND device_id = $2";
const DELETE: &str = "DELETE FROM devices WHERE user_id = $1 AND device_id = $2";
const DELETE_ALL: &str = "DELETE FROM devices WHERE user_id = $1";
const DELETE_OTHERS: &str = "DELETE FROM devices WHERE user_id = $1 AND device_id <> $2";

/// One device, as its owner sees it.
#[derive(Debug, Clone)]
pub(crate) struct DeviceRow {
    pub(crate) device_id: String,
    pub(crate) display_name: Option<String>,
    /// When it last was there, to some minutes; unix milliseconds.
    pub(crate) last_seen_at: Option<i64>,
}

impl DeviceRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            device_id: row.get("device_id")?,
            display_name: row.get("display_name")?,
            last_seen_at: row.get("last_seen_at")?,
        })
    }
}

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] =
    &[UPSERT, EXISTS, LIST, GET, NOTE_SEEN, RENAME, DELETE, DELETE_ALL, DELETE_OTHERS];

/// Adds a device, or writes down that a known one is there; its display name is not touched.
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

/// Returns a user's devices, the oldest first.
pub(crate) async fn list(db: &Db, user_id: &str) -> Result<Vec<DeviceRow>, DbError> {
    db.fetch_all(LIST, params![user_id]).await?.iter().map(DeviceRow::from_row).collect()
}

/// Returns one device.
pub(crate) async fn get(
    db: &Db,
    user_id: &str,
    device_id: &str,
) -> Result<Option<DeviceRow>, DbError> {
    let row = db.fetch_optional(GET, params![user_id, device_id]).await?;
    row.as_ref().map(DeviceRow::from_row).transpose()
}

/// Names a device; false when there is none.
pub(crate) async fn rename(
    tx: &mut Tx,
    user_id: &str,
    device_id: &str,
    display_name: Option<&str>,
) -> Result<bool, DbError> {
    Ok(tx.execute(RENAME, params![user_id, device_id, display_name]).await? == 1)
}

/// Writes down that a device was there.
pub(crate) async fn note_seen(
    tx: &mut Tx,
    user_id: &str,
    device_id: &str,
    now: i64,
) -> Result<(), DbError> {
    tx.execute(NOTE_SEEN, params![user_id, device_id, now]).await?;
    Ok(())
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

/// Removes every device of a user but one.
pub(crate) async fn delete_others(tx: &mut Tx, user_id: &str, kept: &str) -> Result<(), DbError> {
    tx.execute(DELETE_OTHERS, params![user_id, kept]).await?;
    Ok(())
}
