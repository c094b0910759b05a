//! `registration_tokens`: sign-up tokens, kept only as their SHA-256, with how often each may be used.

use support_db::{Db, DbError, Tx, params};

const INSERT: &str = "INSERT INTO registration_tokens (token_hash, uses_allowed, uses_made, created_at) VALUES ($1, $2, 0, $3)";
const VALID: &str = "SELECT uses_made FROM registration_tokens \
    WHERE token_hash = $1 AND (uses_allowed IS NULL OR uses_made < uses_allowed)";
const USE: &str = "UPDATE registration_tokens SET uses_made = uses_made + 1 \
    WHERE token_hash = $1 AND (uses_allowed IS NULL OR uses_made < uses_allowed)";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[INSERT, VALID, USE];

/// Adds a token; `uses` of none means any number.
pub(crate) async fn insert(
    tx: &mut Tx,
    token_hash: &[u8],
    uses: Option<i64>,
    now: i64,
) -> Result<(), DbError> {
    tx.execute(INSERT, params![token_hash, uses, now]).await?;
    Ok(())
}

/// Tells whether the token could be used now.
pub(crate) async fn is_valid(db: &Db, token_hash: &[u8]) -> Result<bool, DbError> {
    Ok(db.fetch_optional(VALID, params![token_hash]).await?.is_some())
}

/// Takes one use of the token; false when it is unknown or used up.
pub(crate) async fn take_use(tx: &mut Tx, token_hash: &[u8]) -> Result<bool, DbError> {
    Ok(tx.execute(USE, params![token_hash]).await? == 1)
}
