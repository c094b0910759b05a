//! `media`: the mxc addresses of this server and which bytes they stand for.

use support_db::{Db, DbError, Tx, params, text_list};

/// One address.
#[derive(Debug, Clone)]
pub(crate) struct MediaRow {
    pub(crate) uploader: String,
    /// The file's name in the folder; `None` while its bytes have not come.
    pub(crate) content_hash: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) filename: Option<String>,
    /// Until when the bytes may still come; unix milliseconds.
    pub(crate) expires_at: Option<i64>,
}

/// What is known of a file once it is there.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) content_hash: String,
    /// Bytes.
    pub(crate) size: i64,
    pub(crate) content_type: String,
    pub(crate) filename: Option<String>,
}

const INSERT: &str = "INSERT INTO media \
    (media_id, uploader, content_hash, size, content_type, filename, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const RESERVE: &str =
    "INSERT INTO media (media_id, uploader, created_at, expires_at) VALUES ($1, $2, $3, $4)";
const RESERVED: &str = "SELECT COUNT(*) AS reserved FROM media \
    WHERE uploader = $1 AND content_hash IS NULL AND expires_at > $2";
const FILL: &str = "UPDATE media SET content_hash = $3, size = $4, content_type = $5, filename = $6, expires_at = NULL \
    WHERE media_id = $1 AND uploader = $2 AND content_hash IS NULL AND expires_at > $7";
const FIND: &str = "SELECT uploader, content_hash, content_type, filename, expires_at FROM media WHERE media_id = $1";

const FORGET: &str =
    "DELETE FROM media WHERE uploader = $1 AND content_hash IS NULL AND expires_at <= $2";

const FORGET_ALL: &str = "DELETE FROM media WHERE content_hash IS NULL AND expires_at <= $1";
const UNKNOWN: &str = "SELECT value FROM json_each($1) AS listed \
    WHERE NOT EXISTS (SELECT 1 FROM media WHERE media.content_hash = listed.value)";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] =
    &[INSERT, RESERVE, RESERVED, FILL, FIND, FORGET, FORGET_ALL, UNKNOWN];

/// Adds an address whose bytes are there.
pub(crate) async fn insert(
    tx: &mut Tx,
    media_id: &str,
    uploader: &str,
    facts: &Facts,
    now: i64,
) -> Result<(), DbError> {
    let Facts { content_hash, size, content_type, filename } = facts;
    let values = params![
        media_id,
        uploader,
        content_hash.as_str(),
        *size,
        content_type.as_str(),
        filename.as_deref(),
        now
    ];
    tx.execute(INSERT, values).await?;
    Ok(())
}

/// Adds an address whose bytes will come; false when its owner has `most` of them already.
pub(crate) async fn reserve(
    tx: &mut Tx,
    media_id: &str,
    uploader: &str,
    now: i64,
    expires_at: i64,
    most: i64,
) -> Result<bool, DbError> {
    // Those whose time is over are of no use to anybody.
    tx.execute(FORGET, params![uploader, now]).await?;
    let counted = tx.fetch_optional(RESERVED, params![uploader, now]).await?;
    let reserved: i64 = counted.ok_or(DbError::NoRow)?.get("reserved")?;
    if reserved >= most {
        return Ok(false);
    }
    tx.execute(RESERVE, params![media_id, uploader, now, expires_at]).await?;
    Ok(true)
}

/// Gives a reserved address its bytes; false when it is not waiting for this owner's.
pub(crate) async fn fill(
    tx: &mut Tx,
    media_id: &str,
    uploader: &str,
    facts: &Facts,
    now: i64,
) -> Result<bool, DbError> {
    let Facts { content_hash, size, content_type, filename } = facts;
    let values = params![
        media_id,
        uploader,
        content_hash.as_str(),
        *size,
        content_type.as_str(),
        filename.as_deref(),
        now
    ];
    Ok(tx.execute(FILL, values).await? == 1)
}

/// Finds an address.
pub(crate) async fn find(db: &Db, media_id: &str) -> Result<Option<MediaRow>, DbError> {
    let Some(row) = db.fetch_optional(FIND, params![media_id]).await? else { return Ok(None) };
    Ok(Some(MediaRow {
        uploader: row.get("uploader")?,
        content_hash: row.get("content_hash")?,
        content_type: row.get("content_type")?,
        filename: row.get("filename")?,
        expires_at: row.get("expires_at")?,
    }))
}

/// Forgets everything that was announced and did not come in time; returns how many.
pub(crate) async fn forget_all(tx: &mut Tx, now: i64) -> Result<u64, DbError> {
    tx.execute(FORGET_ALL, params![now]).await
}

/// Returns those of some hashes that no address leads to.
pub(crate) async fn unknown(db: &Db, hashes: &[String]) -> Result<Vec<String>, DbError> {
    let rows = db.fetch_all(UNKNOWN, params![text_list(hashes)]).await?;
    rows.iter().map(|row| row.get("value")).collect()
}
