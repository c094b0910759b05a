//! Files: uploaded, fetched, shown small.
//!
//! What enters is a stream of bytes, what leaves is another; a file is never held in memory. An upload is answered when
//! its bytes and then its row are durable, so an address that was handed out always leads somewhere.

mod claims;
pub(crate) mod collection;
mod folder;
mod thumbnails;

use std::{io, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::StatusCode;
use ruma::UserId;
use support_clock::{SharedClock, SharedRandom};
use support_db::Db;
use support_matrix_http::MatrixError;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
    sync::{Notify, Semaphore},
};

pub(crate) use self::thumbnails::Size;
use self::{
    claims::{Claims as FileClaims, Kept},
    folder::{Folder, Incoming},
    thumbnails::{Made, ThumbnailError},
};
use crate::{
    error::{Error, Result},
    store::media::{self as rows, Facts, MediaRow},
};

/// How long bytes that were announced may take to come.
const RESERVED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How many announced files one user may owe.
const MOST_RESERVED: i64 = 100;
/// How many pictures are decoded side by side.
const DECODED_AT_ONCE: usize = 2;
/// The longest claim of a content type, and the longest file name, in bytes.
const LONGEST_CLAIM: usize = 255;

/// What a client says of the file it uploads.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) content_type: Option<String>,
    pub(crate) filename: Option<String>,
    /// Bytes, where it says so.
    pub(crate) length: Option<u64>,
}

/// A file on its way out.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) file: File,
    /// Bytes.
    pub(crate) length: u64,
    pub(crate) content_type: String,
    pub(crate) filename: Option<String>,
}

/// The files of one homeserver.
#[derive(Debug)]
pub(crate) struct Media {
    folder: Folder,
    claims: FileClaims,
    db: Db,
    clock: SharedClock,
    random: SharedRandom,
    /// The largest file, in bytes.
    limit: u64,
    /// Bytes that were announced have come.
    arrived: Notify,
    decoding: Arc<Semaphore>,
}

impl Media {
    /// Opens the folder of files inside the data folder.
    pub(crate) fn open(
        data_dir: &Path,
        db: Db,
        clock: SharedClock,
        random: SharedRandom,
        limit: u64,
    ) -> io::Result<Self> {
        Ok(Self {
            folder: Folder::open(data_dir.join("media"))?,
            claims: FileClaims::default(),
            db,
            clock,
            random,
            limit,
            arrived: Notify::new(),
            decoding: Arc::new(Semaphore::new(DECODED_AT_ONCE)),
        })
    }

    /// Returns the largest file, in bytes.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Takes a file in and returns its id.
    pub(crate) async fn upload<E>(
        &self,
        uploader: &UserId,
        claims: Claims,
        bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<String> {
        let (facts, kept) = self.take_in(claims, bytes).await?;
        let (media_id, uploader) = (self.random.token(18), uploader.to_owned());
        let (id, now) = (media_id.clone(), self.clock.now_ms());
        self.db
            .write(move |tx| {
                // The claim is the job's: it may run when nobody waits for it any more.
                let _kept = &kept;
                let (id, uploader, facts) = (id.clone(), uploader.clone(), facts.clone());
                Box::pin(async move { rows::insert(tx, &id, uploader.as_str(), &facts, now).await })
            })
            .await?;
        Ok(media_id)
    }

    /// Makes an address whose bytes will come; returns its id and until when they may (unix milliseconds).
    pub(crate) async fn reserve(&self, uploader: &UserId) -> Result<(String, i64)> {
        let (media_id, uploader) = (self.random.token(18), uploader.to_owned());
        let now = self.clock.now_ms();
        let until = now + i64::try_from(RESERVED_FOR.as_millis()).unwrap_or(i64::MAX);
        let id = media_id.clone();
        let reserved = self
            .db
            .write(move |tx| {
                let (id, uploader) = (id.clone(), uploader.clone());
                Box::pin(async move {
                    rows::reserve(tx, &id, uploader.as_str(), now, until, MOST_RESERVED).await
                })
            })
            .await?;
        if !reserved {
            return Err(MatrixError::limit_exceeded(Duration::from_secs(60)).into());
        }
        Ok((media_id, until))
    }

    /// Takes in the bytes of an address that was made before.
    pub(crate) async fn fill<E>(
        &self,
        uploader: &UserId,
        media_id: &str,
        claims: Claims,
        bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<()> {
        // Looked at before the bytes are read, and decided once more where they are written down.
        self.check_open(uploader, media_id).await?;
        let (facts, kept) = self.take_in(claims, bytes).await?;
        let (id, owner) = (media_id.to_owned(), uploader.to_owned());
        let now = self.clock.now_ms();
        let filled = self
            .db
            .write(move |tx| {
                let _kept = &kept;
                let (id, owner, facts) = (id.clone(), owner.clone(), facts.clone());
                Box::pin(async move { rows::fill(tx, &id, owner.as_str(), &facts, now).await })
            })
            .await?;
        if !filled {
            self.check_open(uploader, media_id).await?;
        }
        self.arrived.notify_waiters();
        Ok(())
    }

    /// Finds what is known of an address. Ids are ours: the database is not asked for what cannot be one.
    async fn row(&self, media_id: &str) -> Result<MediaRow> {
        let is_ours = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if media_id.len() > LONGEST_CLAIM || !media_id.bytes().all(is_ours) {
            return Err(unknown());
        }
        rows::find(&self.db, media_id).await?.ok_or_else(unknown)
    }

    async fn check_open(&self, uploader: &UserId, media_id: &str) -> Result<()> {
        let row = self.row(media_id).await?;
        if row.uploader != uploader.as_str() {
            return Err(MatrixError::forbidden("This address was made by somebody else.").into());
        }
        if row.content_hash.is_some() {
            return Err(MatrixError::new(
                StatusCode::CONFLICT,
                "M_CANNOT_OVERWRITE_MEDIA",
                "This address has its file already.",
            )
            .into());
        }
        if self.is_over(&row) {
            return Err(unknown());
        }
        Ok(())
    }

    fn is_over(&self, row: &MediaRow) -> bool {
        row.content_hash.is_none()
            && row.expires_at.is_none_or(|until| until <= self.clock.now_ms())
    }

    /// Finds a file; where it was only announced, waits for it a while.
    pub(crate) async fn find(&self, media_id: &str, patience: Duration) -> Result<Found> {
        let (row, hash) = self.wait_for(media_id, patience).await?;
        let (file, length) = self.folder.read(&hash).await.map_err(Error::internal)?;
        Ok(Found {
            file,
            length,
            content_type: row.content_type.unwrap_or_else(|| UNKNOWN_TYPE.to_owned()),
            filename: row.filename,
        })
    }

    /// Finds a picture, made small.
    pub(crate) async fn thumbnail(
        &self,
        media_id: &str,
        size: Size,
        patience: Duration,
    ) -> Result<Found> {
        let (_, hash) = self.wait_for(media_id, patience).await?;
        let target = self.folder.thumbnail(&size.file_name(&hash));
        if !tokio::fs::try_exists(&target).await.map_err(Error::internal)? {
            let source = self.folder.path_of(&hash);
            let draft = self.folder.draft(&self.random.hex(16));
            let made = self.make_thumbnail(source, draft, target.clone(), size).await?;
            if made == Made::Unneeded {
                return self.find(media_id, patience).await;
            }
        }
        let mut file = File::open(&target).await.map_err(Error::internal)?;
        let length = file.metadata().await.map_err(Error::internal)?.len();
        let mut head = [0; 4];
        file.read_exact(&mut head).await.map_err(Error::internal)?;
        file.rewind().await.map_err(Error::internal)?;
        let content_type = thumbnails::content_type(&head).to_owned();
        Ok(Found { file, length, content_type, filename: Some("thumbnail".to_owned()) })
    }

    async fn make_thumbnail(
        &self,
        source: std::path::PathBuf,
        draft: std::path::PathBuf,
        target: std::path::PathBuf,
        size: Size,
    ) -> Result<Made> {
        let slot = Arc::clone(&self.decoding).acquire_owned().await.map_err(Error::internal)?;
        let made = tokio::task::spawn_blocking(move || {
            let made = thumbnails::make(&source, &draft, size).and_then(|made| {
                if made == Made::Thumbnail {
                    std::fs::rename(&draft, &target)?;
                }
                Ok(made)
            });
            if made.is_err() && std::fs::exists(&draft).unwrap_or(true) {
                folder::remove_quietly(&draft);
            }
            drop(slot);
            made
        });
        // A decoder that panics has met a picture it cannot read.
        made.await.unwrap_or(Err(ThumbnailError::NoPicture)).map_err(|error| match error {
            ThumbnailError::NoPicture => MatrixError::new(
                StatusCode::BAD_REQUEST,
                "M_UNKNOWN",
                "There is no thumbnail of this: it is no PNG, JPEG, GIF or WebP picture.",
            )
            .into(),
            ThumbnailError::TooLarge => MatrixError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "M_TOO_LARGE",
                "The picture is too large to be made small here.",
            )
            .into(),
            ThumbnailError::Io(error) => disk_trouble(error),
        })
    }

    async fn wait_for(&self, media_id: &str, patience: Duration) -> Result<(MediaRow, String)> {
        let over = self.clock.sleep(patience);
        tokio::pin!(over);
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // Listening begins before looking, so that nothing comes in between.
            arrived.as_mut().enable();
            let row = self.row(media_id).await?;
            if let Some(hash) = row.content_hash.clone() {
                return Ok((row, hash));
            }
            if self.is_over(&row) {
                return Err(unknown());
            }
            tokio::select! {
                () = arrived => {}
                () = &mut over => return Err(MatrixError::new(
                    StatusCode::GATEWAY_TIMEOUT,
                    "M_NOT_YET_UPLOADED",
                    "The file was announced but has not come yet; ask again later.",
                )
                .into()),
            }
        }
    }

    async fn take_in<E>(
        &self,
        claims: Claims,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(Facts, Kept)> {
        if claims.length.is_some_and(|length| length > self.limit) {
            return Err(MatrixError::too_large().into());
        }
        let name = self.random.hex(16);
        let mut incoming: Incoming = self.folder.begin(&name).await.map_err(disk_trouble)?;
        while let Some(piece) = bytes.next().await {
            let piece = piece.map_err(|_| {
                let words = "The file broke off before its end; nothing was kept.";
                MatrixError::new(StatusCode::BAD_REQUEST, "M_UNKNOWN", words)
            })?;
            if incoming.size() + piece.len() as u64 > self.limit {
                return Err(MatrixError::too_large().into());
            }
            incoming.write(&piece).await.map_err(disk_trouble)?;
        }
        let (content_hash, size) = (incoming.hash(), incoming.size());
        let kept = self.claims.keep(&content_hash).await;
        self.folder.keep(incoming, &content_hash).await.map_err(disk_trouble)?;
        let content_type = claims.content_type.filter(|claim| is_content_type(claim));
        let facts = Facts {
            content_hash,
            size: i64::try_from(size).map_err(Error::internal)?,
            content_type: content_type.unwrap_or_else(|| UNKNOWN_TYPE.to_owned()),
            filename: claims.filename.filter(|name| is_filename(name)),
        };
        Ok((facts, kept))
    }
}

/// What a file is of which nothing is known.
const UNKNOWN_TYPE: &str = "application/octet-stream";

fn unknown() -> Error {
    MatrixError::not_found("There is no such file on this server.").into()
}

fn disk_trouble(error: io::Error) -> Error {
    if error.kind() != io::ErrorKind::StorageFull {
        return Error::internal(error);
    }
    tracing::error!("the disk is full: a file could not be stored");
    MatrixError::new(
        StatusCode::INSUFFICIENT_STORAGE,
        "M_UNKNOWN",
        "The server's disk is full; the file was not stored. Tell its operator.",
    )
    .into()
}

/// A claim worth keeping: `type/subtype` and printable parameters.
fn is_content_type(claim: &str) -> bool {
    let essence = claim.split(';').next().unwrap_or_default().trim();
    let is_token = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&^_.+-".contains(c))
    };
    claim.len() <= LONGEST_CLAIM
        && claim.chars().all(|c| matches!(c, ' '..='~'))
        && essence.split_once('/').is_some_and(|(kind, rest)| is_token(kind) && is_token(rest))
}

/// A name worth keeping: it is shown to people and never used as a path.
fn is_filename(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST_CLAIM && !name.chars().any(char::is_control)
}
