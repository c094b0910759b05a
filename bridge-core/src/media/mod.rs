//! Files: brought from one side to the other through the spool, each once, and shown by signed links
//! to networks that carry text only.

mod bring;
mod kind;
mod known;
mod links;
mod page;
mod spool;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use serde_json::Value;
use support_clock::SharedClock;
use support_db::{Db, DbError};
use url::Url;

use self::links::Signer;
use crate::ids::NetworkId;
use crate::matrix::{Download, Matrix, MatrixTrouble};
use crate::network::{MatrixMedia, MediaFile, MediaRef, MediaSource, MediaStream, NetworkError};

pub(crate) use self::bring::NetworkFile;
pub(crate) use self::known::{KnownFile, KnownFiles};
pub(crate) use self::links::NewLink;
pub(crate) use self::links::revoke;
pub use self::spool::SpoolOptions;
pub(crate) use self::spool::{Spool, SpoolTrouble, Spooled, in_words};

/// How long bytes are waited for that somebody announced and showed before they came.
const PROMISED: i64 = 5 * 60 * 1000;
/// How soon they are asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How many such files are remembered at once.
const MOST_PROMISES: usize = 1000;
/// How long an announced file that nobody asks for any more is kept.
const KEEP_ANNOUNCED: i64 = 2 * 24 * 60 * 60 * 1000;
/// How long a file is known that is not shown again.
const KEEP_KNOWN: i64 = 90 * 24 * 60 * 60 * 1000;

/// Every statement of this folder.
#[cfg(test)]
pub(crate) fn statements() -> Vec<&'static str> {
    [links::STATEMENTS, known::STATEMENTS].concat()
}

/// Files. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Media(Arc<Inner>);

struct Inner {
    db: Db,
    clock: SharedClock,
    matrix: Matrix,
    /// Where files lie while they cross; without it none does.
    spool: Option<Spool>,
    largest: u64,
    known: KnownFiles,
    /// Files that were shown and are still to come: since when they are waited for.
    promises: Mutex<HashMap<String, i64>>,
    /// Signs links, where there is a key and an address the world can reach.
    signer: Option<Signer>,
}

/// What a [`Media`] is made of.
pub(crate) struct MediaParts<'a> {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) matrix: Matrix,
    pub(crate) spool: Option<Spool>,
    pub(crate) largest: u64,
    pub(crate) sealing_key: Option<&'a [u8; 32]>,
    pub(crate) public_url: Option<Url>,
}

impl Media {
    pub(crate) fn new(parts: MediaParts<'_>) -> Self {
        let MediaParts { db, clock, matrix, spool, largest, sealing_key, public_url } = parts;
        let signer = sealing_key.zip(public_url).map(|(key, url)| Signer::new(key, url));
        let known = KnownFiles::new(db.clone());
        let promises = Mutex::default();
        Self(Arc::new(Inner { db, clock, matrix, spool, largest, known, promises, signer }))
    }

    /// Returns what clients read files from Matrix with.
    pub(crate) fn source(&self) -> MediaSource {
        MediaSource::new(Arc::new(self.clone()))
    }

    /// Returns the page that shows files by their links.
    pub(crate) fn router(&self) -> axum::Router {
        page::router(self.clone())
    }

    /// Returns the largest file that crosses, in bytes.
    pub(crate) fn largest(&self) -> u64 {
        self.0.largest
    }

    /// Returns what an address leads to, where this bridge brought the file.
    pub(crate) async fn brought(&self, mxc: &str) -> Result<Option<KnownFile>, DbError> {
        self.0.known.by_mxc(mxc).await
    }

    /// Returns how many bytes a file of Matrix has: as the homeserver counts, not as its sender claims.
    /// `None` where the homeserver does not say, or has no such file.
    pub(crate) async fn measure(&self, mxc: &str) -> Result<Option<u64>, MatrixTrouble> {
        match self.begin(mxc).await {
            Ok(file) => Ok(file.size),
            Err(MatrixTrouble::Refused { .. }) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Forgets files nobody has shown for long.
    pub(crate) async fn sweep(&self) -> Result<(), DbError> {
        let now = self.0.clock.now_ms();
        let stale = self.0.known.sweep(now - KEEP_ANNOUNCED, now - KEEP_KNOWN).await?;
        if let Some(spool) = &self.0.spool {
            stale.iter().for_each(|sha256| spool.set_kept(sha256, false));
        }
        Ok(())
    }

    /// Begins to fetch a file of Matrix. Bytes that were announced are waited for, but not for ever.
    async fn begin(&self, mxc: &str) -> Result<Download, MatrixTrouble> {
        let now = self.0.clock.now_ms();
        let begun = self.0.matrix.download(mxc).await;
        let mut promises = self.0.promises.lock().unwrap_or_else(PoisonError::into_inner);
        match begun {
            Err(MatrixTrouble::Refused { errcode, words }) if errcode == "M_NOT_YET_UPLOADED" => {
                if promises.len() >= MOST_PROMISES {
                    promises.clear();
                }
                let since = *promises.entry(mxc.to_owned()).or_insert(now);
                if now < since + PROMISED {
                    let reason = "its bytes have not come to the homeserver yet".to_owned();
                    return Err(MatrixTrouble::Retry { after: ASK_AGAIN, reason });
                }
                Err(MatrixTrouble::Refused { errcode, words })
            }
            begun => {
                promises.remove(mxc);
                begun
            }
        }
    }

    /// Brings a file of Matrix here.
    async fn fetch(&self, mxc: &str) -> Result<(Spooled, String), NetworkError> {
        let Some(spool) = &self.0.spool else {
            let words = "this bridge has no folder for files".to_owned();
            return Err(NetworkError::NotFound(words));
        };
        let file = match self.begin(mxc).await {
            Ok(file) => file,
            Err(MatrixTrouble::Refused { words, .. }) => return Err(NetworkError::NotFound(words)),
            Err(MatrixTrouble::Retry { after, .. }) if after > ASK_AGAIN => {
                return Err(NetworkError::RateLimited(after));
            }
            Err(trouble) => return Err(NetworkError::Unreachable(trouble.to_string())),
        };
        let broken =
            |error| NetworkError::Unreachable(format!("the homeserver broke off: {error}"));
        let pieces = file.body.into_data_stream().map_err(broken);
        let stream = MediaStream { size: file.size, ..MediaStream::new(pieces) };
        let spooled = spool.take_in(stream, true).await.map_err(|trouble| {
            note(&trouble);
            match trouble {
                SpoolTrouble::TooLarge { .. } => NetworkError::Invalid(trouble.to_string()),
                SpoolTrouble::Source(error) => error,
                other => NetworkError::Unreachable(other.to_string()),
            }
        })?;
        let claimed = file.content_type.unwrap_or_default();
        let kind = kind::kind_of(&content_type(&claimed), spooled.head());
        Ok((spooled, kind))
    }
}

/// What an operator has to see.
fn note(trouble: &SpoolTrouble) {
    match trouble {
        SpoolTrouble::DiskFull => {
            tracing::error!("the disk is full: files wait until there is room")
        }
        SpoolTrouble::Disk(error) => tracing::error!(%error, "the spool cannot be written to"),
        SpoolTrouble::NoRoom => tracing::warn!("the spool is full: files wait until there is room"),
        _ => {}
    }
}

#[async_trait]
impl MatrixMedia for Media {
    async fn open(&self, media: &MediaRef) -> Result<MediaFile, NetworkError> {
        let Some(mxc) = media.locator.as_str().filter(|_| media.source == "mxc") else {
            return Err(NetworkError::NotFound("this file is not on Matrix".to_owned()));
        };
        let (spooled, kind) = self.fetch(mxc).await?;
        let size = spooled.size();
        Ok(MediaFile::new(file_name(media), kind, size, Arc::new(spooled)))
    }

    async fn known_as(&self, network: &NetworkId, media: &MediaRef) -> Option<Value> {
        let mxc = media.locator.as_str().filter(|_| media.source == "mxc")?;
        self.0.known.sent(network, mxc).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "which files a network knows could not be looked up");
            None
        })
    }

    async fn remember(&self, network: &NetworkId, media: &MediaRef, handle: &Value) {
        let Some(mxc) = media.locator.as_str().filter(|_| media.source == "mxc") else { return };
        let now = self.0.clock.now_ms();
        if let Err(error) = self.0.known.remember(network, mxc, handle, now).await {
            // It is uploaded once more then.
            tracing::warn!(%error, "what a network calls a file could not be stored");
        }
    }
}

/// The longest file name that is passed on.
const LONGEST_NAME: usize = 200;

/// Returns a file's name without what could make it a path or hide its ending.
pub(crate) fn file_name(media: &MediaRef) -> String {
    let given = media.filename.as_deref().unwrap_or_default();
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let direction = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let kept = last.chars().filter(|c| !c.is_control() && !direction(*c));
    let name: String = kept.take(LONGEST_NAME).collect();
    match name.trim().trim_start_matches('.') {
        "" => "file".to_owned(),
        name => name.to_owned(),
    }
}

/// Returns a content type if it is written like one, else that of any file.
pub(crate) fn content_type(given: &str) -> String {
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let fits = essence.split_once('/').is_some_and(|(kind, rest)| token(kind) && token(rest));
    if fits { essence } else { "application/octet-stream".to_owned() }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media").field("links", &self.0.signer.is_some()).finish_non_exhaustive()
    }
}
