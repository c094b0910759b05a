//! Files that are known on both sides: what lies on the homeserver already is not brought there
//! again, nor what a network has.

use std::collections::HashSet;

use serde_json::Value;
use sha2::{Digest, Sha256};
use support_db::{Db, DbError, params};

use crate::ids::NetworkId;
use crate::jobs::job;
use crate::network::MediaRef;

const FIND: &str = "SELECT mxc, uploader, sha256, content_type, size_bytes, state, expires_at
    FROM media_file
    WHERE network = $1 AND file_key = $2";
const BY_MXC: &str = "SELECT mxc, uploader, sha256, content_type, size_bytes, state, expires_at
    FROM media_file
    WHERE mxc = $1";
const ANNOUNCE: &str = "INSERT INTO media_file
        (network, file_key, mxc, uploader, sha256, content_type, size_bytes, state, expires_at, used_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (network, file_key) DO NOTHING";
const STORED: &str = "UPDATE media_file
    SET state = 'stored', expires_at = NULL, used_at = $3
    WHERE network = $1 AND file_key = $2";
const USED: &str = "UPDATE media_file SET used_at = $3 WHERE network = $1 AND file_key = $2";
const FORGET: &str = "DELETE FROM media_file
    WHERE network = $1 AND file_key = $2 AND state = 'announced'";
const SPOOLED: &str = "SELECT sha256 FROM media_file WHERE state = 'announced'";
const STALE: &str = "SELECT sha256 FROM media_file WHERE state = 'announced' AND used_at <= $1";
const SWEEP_STALE: &str = "DELETE FROM media_file WHERE state = 'announced' AND used_at <= $1";
const SWEEP: &str = "DELETE FROM media_file WHERE used_at <= $1";
const SENT: &str = "SELECT handle FROM media_sent WHERE network = $1 AND mxc = $2";
const REMEMBER: &str = "INSERT INTO media_sent (network, mxc, handle, used_at)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (network, mxc) DO UPDATE SET handle = excluded.handle, used_at = excluded.used_at";
const SWEEP_SENT: &str = "DELETE FROM media_sent WHERE used_at <= $1";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    FIND,
    BY_MXC,
    ANNOUNCE,
    STORED,
    USED,
    FORGET,
    SPOOLED,
    STALE,
    SWEEP_STALE,
    SWEEP,
    SENT,
    REMEMBER,
    SWEEP_SENT,
];

/// What a network's file is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileKey {
    network: NetworkId,
    key: String,
}

impl FileKey {
    /// Makes the key of a file: the network's own name of it, else what it takes to fetch it.
    pub(crate) fn of(network: &NetworkId, media: &MediaRef) -> Self {
        let locator = media.locator.to_string();
        let (what, name) = match &media.id {
            Some(id) => ("id", id.as_str()),
            None => ("locator", locator.as_str()),
        };
        let mut hash = Sha256::new();
        for field in [media.source.as_str(), what, name] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field.as_bytes());
        }
        let key = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { network: network.clone(), key }
    }
}

/// A file of a network as the homeserver has it, or will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownFile {
    /// Its address.
    pub(crate) mxc: String,
    /// Who made the address.
    pub(crate) uploader: String,
    /// The hash of its content.
    pub(crate) sha256: String,
    /// What it is.
    pub(crate) content_type: String,
    /// Bytes.
    pub(crate) size: i64,
    /// Whether the homeserver has it.
    pub(crate) stored: bool,
    /// Until when it may be brought, where it is not there yet.
    pub(crate) expires_at: Option<i64>,
}

impl KnownFile {
    fn read(row: &support_db::Row) -> Result<Self, DbError> {
        Ok(Self {
            mxc: row.get("mxc")?,
            uploader: row.get("uploader")?,
            sha256: row.get("sha256")?,
            content_type: row.get("content_type")?,
            size: row.get("size_bytes")?,
            stored: row.get::<&str>("state")? == "stored",
            expires_at: row.get("expires_at")?,
        })
    }
}

/// The tables.
#[derive(Clone, Debug)]
pub(crate) struct KnownFiles {
    db: Db,
}

impl KnownFiles {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Returns a file that is there, or announced.
    pub(crate) async fn find(&self, key: &FileKey) -> Result<Option<KnownFile>, DbError> {
        let params = params![key.network.as_str(), key.key.as_str()];
        let row = self.db.fetch_optional(FIND, params).await?;
        row.as_ref().map(KnownFile::read).transpose()
    }

    /// Returns what an address leads to, where we brought it.
    pub(crate) async fn by_mxc(&self, mxc: &str) -> Result<Option<KnownFile>, DbError> {
        let row = self.db.fetch_optional(BY_MXC, params![mxc]).await?;
        row.as_ref().map(KnownFile::read).transpose()
    }

    /// Writes down where a file will be, before it is brought there. Returns what is written: another
    /// lane may have been first.
    pub(crate) async fn announce(
        &self,
        key: &FileKey,
        file: KnownFile,
        now: i64,
    ) -> Result<KnownFile, DbError> {
        let key = key.clone();
        self.db
            .write(job(move |tx| {
                let (key, file) = (key.clone(), file.clone());
                Box::pin(async move {
                    let params = params![
                        key.network.as_str(),
                        key.key.as_str(),
                        file.mxc.as_str(),
                        file.uploader.as_str(),
                        file.sha256.as_str(),
                        file.content_type.as_str(),
                        file.size,
                        if file.stored { "stored" } else { "announced" },
                        file.expires_at,
                        now,
                    ];
                    tx.execute(ANNOUNCE, params).await?;
                    let params = params![key.network.as_str(), key.key.as_str()];
                    KnownFile::read(&tx.fetch_one(FIND, params).await?)
                })
            }))
            .await
    }

    /// The homeserver has it.
    pub(crate) async fn stored(&self, key: &FileKey, now: i64) -> Result<(), DbError> {
        self.change(STORED, key, Some(now)).await
    }

    /// It was shown once more.
    pub(crate) async fn used(&self, key: &FileKey, now: i64) -> Result<(), DbError> {
        self.change(USED, key, Some(now)).await
    }

    /// Its address is good no longer.
    pub(crate) async fn forget(&self, key: &FileKey) -> Result<(), DbError> {
        self.change(FORGET, key, None).await
    }

    async fn change(
        &self,
        statement: &'static str,
        key: &FileKey,
        now: Option<i64>,
    ) -> Result<(), DbError> {
        let key = key.clone();
        self.db
            .write(job(move |tx| {
                let key = key.clone();
                Box::pin(async move {
                    let (network, key) = (key.network.as_str(), key.key.as_str());
                    match now {
                        Some(now) => tx.execute(statement, params![network, key, now]).await,
                        None => tx.execute(statement, params![network, key]).await,
                    }
                    .map(drop)
                })
            }))
            .await
    }

    /// Returns the files whose bytes the spool must keep.
    pub(crate) async fn spooled(&self) -> Result<HashSet<String>, DbError> {
        let rows = self.db.fetch_all(SPOOLED, params![]).await?;
        rows.iter().map(|row| row.get("sha256")).collect()
    }

    /// Forgets what was not used since: announced files after `announced`, all else after `known`.
    /// Returns the files the spool need not keep any more.
    pub(crate) async fn sweep(&self, announced: i64, known: i64) -> Result<Vec<String>, DbError> {
        self.db
            .write(job(move |tx| {
                Box::pin(async move {
                    let stale = tx.fetch_all(STALE, params![announced]).await?;
                    tx.execute(SWEEP_STALE, params![announced]).await?;
                    tx.execute(SWEEP, params![known]).await?;
                    tx.execute(SWEEP_SENT, params![known]).await?;
                    stale.iter().map(|row| row.get("sha256")).collect()
                })
            }))
            .await
    }

    /// Returns what a network calls a file of Matrix.
    pub(crate) async fn sent(
        &self,
        network: &NetworkId,
        mxc: &str,
    ) -> Result<Option<Value>, DbError> {
        let row = self.db.fetch_optional(SENT, params![network.as_str(), mxc]).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(serde_json::from_str(row.get::<&str>("handle")?).ok())
    }

    /// Remembers what a network calls a file of Matrix.
    pub(crate) async fn remember(
        &self,
        network: &NetworkId,
        mxc: &str,
        handle: &Value,
        now: i64,
    ) -> Result<(), DbError> {
        let (network, mxc, handle) = (network.clone(), mxc.to_owned(), handle.to_string());
        self.db
            .write(job(move |tx| {
                let (network, mxc, handle) = (network.clone(), mxc.clone(), handle.clone());
                Box::pin(async move {
                    let params = params![network.as_str(), mxc.as_str(), handle.as_str(), now];
                    tx.execute(REMEMBER, params).await.map(drop)
                })
            }))
            .await
    }
}
