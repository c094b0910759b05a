//! `users` and `profile_spreads`: accounts, their profiles, and whose profile still has to reach rooms.

use support_db::{Db, DbError, Row, Tx, params};

/// One account.
#[derive(Debug, Clone)]
pub(crate) struct UserRow {
    pub(crate) user_id: String,
    pub(crate) password_hash: Option<String>,
    pub(crate) admin: bool,
    /// The appservice that registered this account, if one did.
    pub(crate) appservice: Option<String>,
    pub(crate) displayname: Option<String>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) deactivated_at: Option<i64>,
}

impl UserRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            user_id: row.get("user_id")?,
            password_hash: row.get("password_hash")?,
            admin: row.get("admin")?,
            appservice: row.get("appservice")?,
            displayname: row.get("displayname")?,
            avatar_url: row.get("avatar_url")?,
            created_at: row.get("created_at")?,
            deactivated_at: row.get("deactivated_at")?,
        })
    }
}

/// The two profile fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProfileField {
    Displayname,
    AvatarUrl,
}

const INSERT: &str = "INSERT INTO users (user_id, password_hash, admin, appservice, created_at) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO NOTHING";
const GET: &str = "SELECT user_id, password_hash, admin, appservice, displayname, avatar_url, created_at, deactivated_at \
    FROM users WHERE user_id = $1";
const LIST: &str = "SELECT user_id, password_hash, admin, appservice, displayname, avatar_url, created_at, deactivated_at \
    FROM users ORDER BY user_id";
const SET_PASSWORD: &str =
    "UPDATE users SET password_hash = $2 WHERE user_id = $1 AND deactivated_at IS NULL";
const DEACTIVATE: &str = "UPDATE users SET password_hash = NULL, displayname = NULL, avatar_url = NULL, deactivated_at = $2 \
    WHERE user_id = $1 AND deactivated_at IS NULL";
const SET_DISPLAYNAME: &str = "UPDATE users SET displayname = $2 WHERE user_id = $1";
const SET_AVATAR_URL: &str = "UPDATE users SET avatar_url = $2 WHERE user_id = $1";
const VISIBLE_TO: &str = "SELECT u.user_id, u.displayname, u.avatar_url, u.appservice \
    FROM users u \
    WHERE u.deactivated_at IS NULL AND u.user_id <> $1 \
    AND EXISTS (SELECT 1 FROM memberships m JOIN rooms r ON r.room_nid = m.room_nid \
        WHERE m.user_id = u.user_id AND m.membership = 'join' \
        AND (r.is_open OR EXISTS (SELECT 1 FROM memberships o \
            WHERE o.user_id = $1 AND o.room_nid = m.room_nid AND o.membership = 'join')))";
const QUEUE_SPREAD: &str = "INSERT INTO profile_spreads (user_id, version) VALUES ($1, $2) \
    ON CONFLICT (user_id) DO UPDATE SET version = excluded.version";
const SPREADS: &str = "SELECT user_id, version FROM profile_spreads ORDER BY version";
const END_SPREAD: &str = "DELETE FROM profile_spreads WHERE user_id = $1 AND version = $2";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    INSERT,
    GET,
    LIST,
    SET_PASSWORD,
    DEACTIVATE,
    SET_DISPLAYNAME,
    SET_AVATAR_URL,
    VISIBLE_TO,
    QUEUE_SPREAD,
    SPREADS,
    END_SPREAD,
];

/// Adds an account; false when the name was taken.
pub(crate) async fn insert(
    tx: &mut Tx,
    user_id: &str,
    password_hash: Option<&str>,
    admin: bool,
    appservice: Option<&str>,
    now: i64,
) -> Result<bool, DbError> {
    let rows = tx.execute(INSERT, params![user_id, password_hash, admin, appservice, now]).await?;
    Ok(rows == 1)
}

/// Returns an account, deactivated or not.
pub(crate) async fn get(db: &Db, user_id: &str) -> Result<Option<UserRow>, DbError> {
    db.fetch_optional(GET, params![user_id]).await?.as_ref().map(UserRow::from_row).transpose()
}

/// Returns all accounts by name.
pub(crate) async fn list(db: &Db) -> Result<Vec<UserRow>, DbError> {
    db.fetch_all(LIST, params![]).await?.iter().map(UserRow::from_row).collect()
}

/// Changes a password; false when there is no such active account.
pub(crate) async fn set_password(
    tx: &mut Tx,
    user_id: &str,
    password_hash: &str,
) -> Result<bool, DbError> {
    Ok(tx.execute(SET_PASSWORD, params![user_id, password_hash]).await? == 1)
}

/// Closes an account for good; false when there is no such active account.
pub(crate) async fn deactivate(tx: &mut Tx, user_id: &str, now: i64) -> Result<bool, DbError> {
    Ok(tx.execute(DEACTIVATE, params![user_id, now]).await? == 1)
}

/// Writes one profile field.
pub(crate) async fn set_profile_field(
    tx: &mut Tx,
    user_id: &str,
    field: ProfileField,
    value: Option<&str>,
) -> Result<(), DbError> {
    let sql = match field {
        ProfileField::Displayname => SET_DISPLAYNAME,
        ProfileField::AvatarUrl => SET_AVATAR_URL,
    };
    tx.execute(sql, params![user_id, value]).await?;
    Ok(())
}

/// Somebody whom others may find.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) user_id: String,
    pub(crate) displayname: Option<String>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) is_ghost: bool,
}

/// Returns everybody who shares a room with a user or is in one open to all.
pub(crate) async fn visible_to(db: &Db, user_id: &str) -> Result<Vec<Found>, DbError> {
    let rows = db.fetch_all(VISIBLE_TO, params![user_id]).await?;
    let found = |row: &Row| {
        Ok(Found {
            user_id: row.get("user_id")?,
            displayname: row.get("displayname")?,
            avatar_url: row.get("avatar_url")?,
            is_ghost: row.get::<Option<&str>>("appservice")?.is_some(),
        })
    };
    rows.iter().map(found).collect()
}

/// Remembers that a profile has to reach the rooms; a newer version replaces an older one.
pub(crate) async fn queue_spread(tx: &mut Tx, user_id: &str, version: i64) -> Result<(), DbError> {
    tx.execute(QUEUE_SPREAD, params![user_id, version]).await?;
    Ok(())
}

/// Returns whose profiles still have to reach rooms, with the version to end.
pub(crate) async fn spreads(db: &Db) -> Result<Vec<(String, i64)>, DbError> {
    let rows = db.fetch_all(SPREADS, params![]).await?;
    rows.iter().map(|row| Ok((row.get("user_id")?, row.get("version")?))).collect()
}

/// Ends a spread, unless a newer version was queued meanwhile.
pub(crate) async fn end_spread(tx: &mut Tx, user_id: &str, version: i64) -> Result<(), DbError> {
    tx.execute(END_SPREAD, params![user_id, version]).await?;
    Ok(())
}
