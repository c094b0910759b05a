//! Brings a file of a network to the homeserver, once, whatever breaks off in between:
//!
//! 1. what is known to be there is not brought again;
//! 2. the bytes are taken into the spool, as their owner hands them over;
//! 3. the homeserver makes an address, which is committed before a byte leaves, and the spool keeps
//!    the bytes from then on;
//! 4. the address is filled. One that has its file already was filled by an attempt whose answer was
//!    lost.
//!
//! A crash goes on at the step it broke off; only an address nobody sees can be left over.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::body::Body;
use futures_util::FutureExt as _;
use tokio_util::io::ReaderStream;

use super::{
    Media, SpoolTrouble, Spooled, content_type, file_name, kind,
    known::{FileKey, KnownFile},
    note,
};
use crate::ids::NetworkId;
use crate::matrix::{MatrixTrouble, Upload};
use crate::network::{INLINE, MediaRef, MediaStream, NetworkClient, NetworkError};

/// How long a network may take until it begins to hand a file over.
const PATIENCE: Duration = Duration::from_secs(120);
/// How much of a file is read at once.
const PIECE: usize = 64 * 1024;
/// An announced address is not filled any more when it is about to end.
const TOO_LATE: i64 = 60_000;

/// A file of a network, and who brings it.
pub(crate) struct NetworkFile<'a> {
    /// The network.
    pub(crate) network: &'a NetworkId,
    /// Who hands it over.
    pub(crate) client: &'a dyn NetworkClient,
    /// Which.
    pub(crate) media: &'a MediaRef,
    /// As whom it is brought.
    pub(crate) sender: &'a str,
    /// Whether the network was asked often enough.
    pub(crate) last_attempt: bool,
}

impl Media {
    /// Brings a file to the homeserver and returns its address.
    pub(crate) async fn bring(&self, file: &NetworkFile<'_>) -> Result<String, MatrixTrouble> {
        let key = FileKey::of(file.network, file.media);
        let now = self.0.clock.now_ms();
        let known = self.0.known.find(&key).await?;
        if let Some(known) = known.as_ref().filter(|known| known.stored) {
            self.0.known.used(&key, now).await?;
            return Ok(known.mxc.clone());
        }
        let (spooled, announced) = match known {
            Some(known) => match self.still_good(&known).await {
                Some(spooled) => (spooled, Some(known)),
                None => {
                    self.forget(&key, &known).await?;
                    (self.take_from_network(file).await?, None)
                }
            },
            None => (self.take_from_network(file).await?, None),
        };
        let known = match announced {
            Some(known) => known,
            None => match self.announce(file, &key, &spooled).await? {
                Some(known) => known,
                None => return self.upload_at_once(file, &key, &spooled).await,
            },
        };
        if known.stored {
            return Ok(known.mxc);
        }
        self.fill(file, &key, known).await
    }

    /// Returns the bytes of an announced file, if they are here and its address is still good.
    async fn still_good(&self, known: &KnownFile) -> Option<Spooled> {
        let until = known.expires_at.unwrap_or(i64::MAX);
        if self.0.clock.now_ms() >= until.saturating_sub(TOO_LATE) {
            return None;
        }
        self.0.spool.as_ref()?.find(&known.sha256).await
    }

    async fn forget(&self, key: &FileKey, known: &KnownFile) -> Result<(), MatrixTrouble> {
        self.0.known.forget(key).await?;
        if let Some(spool) = &self.0.spool {
            spool.set_kept(&known.sha256, false);
        }
        Ok(())
    }

    async fn take_from_network(&self, file: &NetworkFile<'_>) -> Result<Spooled, MatrixTrouble> {
        let Some(spool) = &self.0.spool else {
            return Err(refused("M_NOT_FOUND", "this bridge has no folder for files"));
        };
        let at_hand = file.media.locator.as_str().filter(|_| file.media.source == INLINE);
        let fetch = async {
            match at_hand {
                Some(text) => Ok(MediaStream::bytes(text.as_bytes().to_vec())),
                None => file.client.fetch_media(file.media).await,
            }
        };
        let fetching = AssertUnwindSafe(fetch).catch_unwind();
        let fetched = tokio::select! {
            fetched = fetching => fetched,
            () = self.0.clock.sleep(PATIENCE) => {
                let silent = "the network does not hand the file over";
                Ok(Err(NetworkError::Unreachable(silent.to_owned())))
            }
        };
        let stream = match fetched {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(file.after(error)),
            Err(_) => {
                tracing::error!(network = %file.network, "a bridge panicked while fetching a file");
                return Err(refused("M_UNKNOWN", "the bridge failed while fetching the file"));
            }
        };
        let taking = AssertUnwindSafe(spool.take_in(stream, false)).catch_unwind();
        let Ok(taken) = taking.await else {
            tracing::error!(network = %file.network, "a bridge panicked while handing a file over");
            return Err(refused("M_UNKNOWN", "the bridge failed while fetching the file"));
        };
        taken.map_err(|trouble| {
            note(&trouble);
            match trouble {
                SpoolTrouble::TooLarge { .. } => refused("M_TOO_LARGE", &trouble.to_string()),
                SpoolTrouble::Source(error) => file.after(error),
                SpoolTrouble::Stalled | SpoolTrouble::Cut { .. } => {
                    file.after(NetworkError::Unreachable(trouble.to_string()))
                }
                // Nobody's fault but ours: it waits.
                SpoolTrouble::NoRoom | SpoolTrouble::DiskFull | SpoolTrouble::Disk(_) => {
                    retry(Duration::from_secs(5), &trouble.to_string())
                }
            }
        })
    }

    /// Has the homeserver make an address and commits it. `None`: the homeserver makes none.
    async fn announce(
        &self,
        file: &NetworkFile<'_>,
        key: &FileKey,
        spooled: &Spooled,
    ) -> Result<Option<KnownFile>, MatrixTrouble> {
        let Some(announced) = self.0.matrix.announce_file(file.sender).await? else {
            return Ok(None);
        };
        let (mxc, until) = (announced.mxc, announced.until);
        let known = self.known(file, spooled, mxc, until);
        if let Some(spool) = &self.0.spool {
            spool.set_kept(spooled.sha256(), true);
        }
        let written = self.0.known.announce(key, known, self.0.clock.now_ms()).await?;
        if let Some(spool) = self.0.spool.as_ref().filter(|_| written.sha256 != spooled.sha256()) {
            spool.set_kept(spooled.sha256(), false);
        }
        Ok(Some(written))
    }

    fn known(
        &self,
        file: &NetworkFile<'_>,
        spooled: &Spooled,
        mxc: String,
        expires_at: Option<i64>,
    ) -> KnownFile {
        let claimed = content_type(file.media.content_type.as_deref().unwrap_or_default());
        KnownFile {
            mxc,
            uploader: file.sender.to_owned(),
            sha256: spooled.sha256().to_owned(),
            content_type: kind::kind_of(&claimed, spooled.head()),
            size: i64::try_from(spooled.size()).unwrap_or(i64::MAX),
            stored: false,
            expires_at,
        }
    }

    async fn fill(
        &self,
        file: &NetworkFile<'_>,
        key: &FileKey,
        known: KnownFile,
    ) -> Result<String, MatrixTrouble> {
        let Some(spooled) = self.still_good(&known).await else {
            self.forget(key, &known).await?;
            return Err(retry(Duration::ZERO, "its address is good no longer"));
        };
        let name = file_name(file.media);
        let upload = upload(&spooled, &known.content_type, &name).await?;
        match self.0.matrix.fill_file(&known.uploader, &known.mxc, upload).await {
            Ok(()) => {}
            Err(trouble) => match trouble.errcode() {
                // An attempt before this one was carried out and its answer lost.
                Some("M_CANNOT_OVERWRITE_MEDIA") => {}
                Some("M_NOT_FOUND" | "M_FORBIDDEN") => {
                    self.forget(key, &known).await?;
                    return Err(retry(Duration::from_secs(1), "its address is good no longer"));
                }
                // As a homeserver says it whose reading was interrupted.
                Some("M_UNKNOWN") if !file.last_attempt => {
                    return Err(retry(Duration::from_secs(1), &trouble.to_string()));
                }
                Some(_) => {
                    self.forget(key, &known).await?;
                    return Err(trouble);
                }
                None => return Err(trouble),
            },
        }
        self.0.known.stored(key, self.0.clock.now_ms()).await?;
        if let Some(spool) = &self.0.spool {
            spool.set_kept(&known.sha256, false);
        }
        Ok(known.mxc)
    }

    /// Brings a file to a homeserver that makes no addresses beforehand.
    async fn upload_at_once(
        &self,
        file: &NetworkFile<'_>,
        key: &FileKey,
        spooled: &Spooled,
    ) -> Result<String, MatrixTrouble> {
        let known = self.known(file, spooled, String::new(), None);
        let name = file_name(file.media);
        let upload = upload(spooled, &known.content_type, &name).await?;
        let mxc = self.0.matrix.upload(file.sender, upload).await?;
        let known = KnownFile { mxc, stored: true, ..known };
        let known = self.0.known.announce(key, known, self.0.clock.now_ms()).await?;
        Ok(known.mxc)
    }
}

async fn upload<'a>(
    spooled: &Spooled,
    content_type: &'a str,
    filename: &'a str,
) -> Result<Upload<'a>, MatrixTrouble> {
    let opened = spooled.file().await.map_err(|error| {
        tracing::error!(%error, "a file cannot be read from the spool");
        retry(Duration::from_secs(5), "the bridge cannot read its spool")
    })?;
    let body = Body::from_stream(ReaderStream::with_capacity(opened, PIECE));
    Ok(Upload { content_type, filename, size: spooled.size(), body })
}

impl NetworkFile<'_> {
    /// What becomes of a file the network does not hand over.
    fn after(&self, error: NetworkError) -> MatrixTrouble {
        match error {
            NetworkError::RateLimited(after) if !self.last_attempt => {
                retry(after, "the network asks to wait")
            }
            NetworkError::Offline(words) | NetworkError::Unreachable(words)
                if !self.last_attempt =>
            {
                retry(Duration::from_secs(1), &words)
            }
            error => refused("M_NOT_FOUND", &error.to_string()),
        }
    }
}

fn retry(after: Duration, reason: &str) -> MatrixTrouble {
    MatrixTrouble::Retry { after, reason: reason.to_owned() }
}

fn refused(errcode: &str, words: &str) -> MatrixTrouble {
    MatrixTrouble::Refused { errcode: errcode.to_owned(), words: words.to_owned() }
}
