//! `access_tokens` and `refresh_tokens`: only the SHA-256 of a token is kept, so that a stolen database logs nobody in.
//!
//! What a device was handed out together has one generation. The first use of anything of one generation ends what is
//! left of those before it: from then on it is certain that the device has the newer ones.

use support_db::{Db, DbError, Tx, params};

/// Whose token it is.
#[derive(Debug, Clone)]
pub(crate) struct TokenRow {
    pub(crate) user_id: String,
    pub(crate) device_id: String,
    pub(crate) admin: bool,
    pub(crate) generation: i64,
    /// From when on it is good for nothing but being refreshed; unix milliseconds.
    pub(crate) expires_at: Option<i64>,
    /// Whether its device has tokens of generations before this one.
    pub(crate) has_older: bool,
    /// When the device was last noted to be there.
    pub(crate) last_seen_at: Option<i64>,
}

/// Whose refresh token it is.
#[derive(Debug, Clone)]
pub(crate) struct RefreshRow {
    pub(crate) user_id: String,
    pub(crate) device_id: String,
    pub(crate) generation: i64,
}

const INSERT: &str = "INSERT INTO access_tokens (token_hash, user_id, device_id, created_at, expires_at, generation) \
    VALUES ($1, $2, $3, $4, $5, $6)";
const INSERT_REFRESH: &str = "INSERT INTO refresh_tokens (token_hash, user_id, device_id, created_at, generation) \
    VALUES ($1, $2, $3, $4, $5)";
const FIND: &str = "SELECT t.user_id, t.device_id, t.generation, t.expires_at, u.admin, d.last_seen_at, \
    (EXISTS (SELECT 1 FROM access_tokens o WHERE o.user_id = t.user_id AND o.device_id = t.device_id \
        AND o.generation < t.generation) \
    OR EXISTS (SELECT 1 FROM refresh_tokens o WHERE o.user_id = t.user_id AND o.device_id = t.device_id \
        AND o.generation < t.generation)) AS has_older \
    FROM access_tokens t JOIN users u ON u.user_id = t.user_id \
    JOIN devices d ON d.user_id = t.user_id AND d.device_id = t.device_id \
    WHERE t.token_hash = $1 AND u.deactivated_at IS NULL";
const FIND_REFRESH: &str =
    "SELECT user_id, device_id, generation FROM refresh_tokens WHERE token_hash = $1";
const NEWEST: &str = "SELECT MAX(generation) AS generation FROM refresh_tokens \
    WHERE user_id = $1 AND device_id = $2";
const DELETE_OF_DEVICE: &str = "DELETE FROM access_tokens WHERE user_id = $1 AND device_id = $2 \
    AND generation >= $3 AND generation < $4";
const DELETE_REFRESH_OF_DEVICE: &str = "DELETE FROM refresh_tokens WHERE user_id = $1 AND device_id = $2 \
    AND generation >= $3 AND generation < $4";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    INSERT,
    INSERT_REFRESH,
    FIND,
    FIND_REFRESH,
    NEWEST,
    DELETE_OF_DEVICE,
    DELETE_REFRESH_OF_DEVICE,
];

/// What a device is handed out at one time.
#[derive(Debug, Clone)]
pub(crate) struct NewTokens<'a> {
    pub(crate) user_id: &'a str,
    pub(crate) device_id: &'a str,
    pub(crate) generation: i64,
    pub(crate) access: &'a [u8],
    /// The refresh token, and when the access token ends.
    pub(crate) refresh: Option<(&'a [u8], i64)>,
    pub(crate) now: i64,
}

/// Remembers tokens.
pub(crate) async fn insert(tx: &mut Tx, new: NewTokens<'_>) -> Result<(), DbError> {
    let NewTokens { user_id, device_id, generation, access, refresh, now } = new;
    let expires_at = refresh.map(|(_, expires_at)| expires_at);
    tx.execute(INSERT, params![access, user_id, device_id, now, expires_at, generation]).await?;
    if let Some((refresh, _)) = refresh {
        tx.execute(INSERT_REFRESH, params![refresh, user_id, device_id, now, generation]).await?;
    }
    Ok(())
}

/// Finds the owner of an access token; accounts that were deactivated have none.
pub(crate) async fn find(db: &Db, token_hash: &[u8]) -> Result<Option<TokenRow>, DbError> {
    let Some(row) = db.fetch_optional(FIND, params![token_hash]).await? else {
        return Ok(None);
    };
    Ok(Some(TokenRow {
        user_id: row.get("user_id")?,
        device_id: row.get("device_id")?,
        admin: row.get("admin")?,
        generation: row.get("generation")?,
        expires_at: row.get("expires_at")?,
        has_older: row.get("has_older")?,
        last_seen_at: row.get("last_seen_at")?,
    }))
}

/// Finds the owner of a refresh token.
pub(crate) async fn find_refresh(
    tx: &mut Tx,
    token_hash: &[u8],
) -> Result<Option<RefreshRow>, DbError> {
    let Some(row) = tx.fetch_optional(FIND_REFRESH, params![token_hash]).await? else {
        return Ok(None);
    };
    Ok(Some(RefreshRow {
        user_id: row.get("user_id")?,
        device_id: row.get("device_id")?,
        generation: row.get("generation")?,
    }))
}

/// Returns the newest generation of a device that can be refreshed.
pub(crate) async fn newest(
    tx: &mut Tx,
    user_id: &str,
    device_id: &str,
) -> Result<Option<i64>, DbError> {
    tx.fetch_one(NEWEST, params![user_id, device_id]).await?.get("generation")
}

/// Forgets tokens of one device, of these generations.
pub(crate) async fn delete_of_device(
    tx: &mut Tx,
    user_id: &str,
    device_id: &str,
    generations: std::ops::Range<i64>,
) -> Result<(), DbError> {
    let (from, to) = (generations.start, generations.end);
    tx.execute(DELETE_OF_DEVICE, params![user_id, device_id, from, to]).await?;
    tx.execute(DELETE_REFRESH_OF_DEVICE, params![user_id, device_id, from, to]).await?;
    Ok(())
}
