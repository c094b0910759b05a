//! `access_tokens`: only the SHA-256 of a token is kept, so that a stolen database logs nobody in.

use support_db::{Db, DbError, Tx, params};

/// Whose token it is.
#[derive(Debug, Clone)]
pub(crate) struct TokenRow {
    pub(crate) user_id: String,
    pub(crate) device_id: String,
    pub(crate) admin: bool,
}

const INSERT: &str = "INSERT INTO access_tokens (token_hash, user_id, device_id, created_at) VALUES ($1, $2, $3, $4)";
const FIND: &str = "SELECT t.user_id, t.device_id, u.admin FROM access_tokens t \
    JOIN users u ON u.user_id = t.user_id WHERE t.token_hash = $1 AND u.deactivated_at IS NULL";
const DELETE_OF_DEVICE: &str = "DELETE FROM access_tokens WHERE user_id = $1 AND device_id = $2";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[INSERT, FIND, DELETE_OF_DEVICE];

/// Remembers a token.
pub(crate) async fn insert(
    tx: &mut Tx,
    token_hash: &[u8],
    user_id: &str,
    device_id: &str,
    now: i64,
) -> Result<(), DbError> {
    tx.execute(INSERT, params![token_hash, user_id, device_id, now]).await?;
    Ok(())
}

/// Finds the owner of a token; accounts that were deactivated have none.
pub(crate) async fn find(db: &Db, token_hash: &[u8]) -> Result<Option<TokenRow>, DbError> {
    let Some(row) = db.fetch_optional(FIND, params![token_hash]).await? else {
        return Ok(None);
    };
    Ok(Some(TokenRow {
        user_id: row.get("user_id")?,
        device_id: row.get("device_id")?,
        admin: row.get("admin")?,
    }))
}

/// Forgets the tokens of one device: a new login on it replaces the old one.
pub(crate) async fn delete_of_device(
    tx: &mut Tx,
    user_id: &str,
    device_id: &str,
) -> Result<(), DbError> {
    tx.execute(DELETE_OF_DEVICE, params![user_id, device_id]).await?;
    Ok(())
}
