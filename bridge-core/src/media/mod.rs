//! Files: fetched from one side and brought to the other, and shown by signed links to networks
//! that carry text only.

mod links;
mod page;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use support_clock::SharedClock;
use support_db::Db;
use url::Url;

use self::links::Signer;
use crate::matrix::{Matrix, MatrixTrouble};
use crate::network::{MatrixMedia, MediaRef, MediaSource, MediaStream, NetworkError};

pub(crate) use self::links::NewLink;
#[cfg(test)]
pub(crate) use self::links::STATEMENTS;
pub(crate) use self::links::revoke;

/// The largest file that crosses. Files pass through memory, one per lane at a time.
pub(crate) const LARGEST: u64 = 50 * 1024 * 1024;

/// Files. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Media(Arc<Inner>);

struct Inner {
    db: Db,
    clock: SharedClock,
    matrix: Matrix,
    /// Signs links, where there is a key and an address the world can reach.
    signer: Option<Signer>,
}

/// What a [`Media`] is made of.
pub(crate) struct MediaParts<'a> {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) matrix: Matrix,
    pub(crate) sealing_key: Option<&'a [u8; 32]>,
    pub(crate) public_url: Option<Url>,
}

impl Media {
    pub(crate) fn new(parts: MediaParts<'_>) -> Self {
        let MediaParts { db, clock, matrix, sealing_key, public_url } = parts;
        let signer = sealing_key.zip(public_url).map(|(key, url)| Signer::new(key, url));
        Self(Arc::new(Inner { db, clock, matrix, signer }))
    }

    /// Returns what clients read files from Matrix with.
    pub(crate) fn source(&self) -> MediaSource {
        MediaSource::new(Arc::new(self.clone()))
    }

    /// Returns the page that shows files by their links.
    pub(crate) fn router(&self) -> axum::Router {
        page::router(self.clone())
    }
}

#[async_trait]
impl MatrixMedia for Media {
    async fn open(&self, media: &MediaRef) -> Result<MediaStream, NetworkError> {
        let Some(mxc) = media.locator.as_str().filter(|_| media.source == "mxc") else {
            return Err(NetworkError::NotFound("this file is not on Matrix".to_owned()));
        };
        match self.0.matrix.download(mxc, LARGEST).await {
            Ok(file) => {
                let stream = MediaStream::bytes(file.bytes);
                Ok(MediaStream {
                    filename: media.filename.clone(),
                    content_type: file.content_type,
                    ..stream
                })
            }
            Err(MatrixTrouble::Refused { words, .. }) => Err(NetworkError::NotFound(words)),
            Err(trouble) => Err(NetworkError::Unreachable(trouble.to_string())),
        }
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media").field("links", &self.0.signer.is_some()).finish_non_exhaustive()
    }
}
