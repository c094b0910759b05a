//! Files that cross: as a stream of bytes, with what is claimed about them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};

use super::{MediaRef, NetworkError};

/// A file under way.
pub struct MediaStream {
    /// The content type as its owner claims it.
    pub content_type: Option<String>,
    /// The name as its owner claims it.
    pub filename: Option<String>,
    /// Bytes, as claimed.
    pub size: Option<u64>,
    /// The bytes.
    pub body: BoxStream<'static, Result<Bytes, NetworkError>>,
}

impl MediaStream {
    /// Makes a stream of bytes that are here already.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let size = Some(bytes.len() as u64);
        let body = stream::once(async move { Ok(bytes) }).boxed();
        Self { content_type: None, filename: None, size, body }
    }

    /// Adds the content type.
    pub fn with_content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Reads everything, up to a limit.
    ///
    /// # Errors
    /// The owner's trouble, or [`NetworkError::Invalid`] when it is larger.
    pub async fn collect(mut self, limit: u64) -> Result<Bytes, NetworkError> {
        let too_large = || {
            let words = format!("the file is larger than {limit} bytes, which is the limit here");
            NetworkError::Invalid(words)
        };
        if self.size.is_some_and(|size| size > limit) {
            return Err(too_large());
        }
        let mut all = Vec::new();
        while let Some(piece) = self.body.next().await {
            let piece = piece?;
            if all.len() as u64 + piece.len() as u64 > limit {
                return Err(too_large());
            }
            all.extend_from_slice(&piece);
        }
        Ok(Bytes::from(all))
    }
}

impl fmt::Debug for MediaStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaStream")
            .field("content_type", &self.content_type)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// What stands behind a [`MediaSource`]. The core implements it; tests of a bridge may do so too.
#[async_trait]
pub trait MatrixMedia: Send + Sync {
    /// Opens a file that lies on the homeserver.
    async fn open(&self, media: &MediaRef) -> Result<MediaStream, NetworkError>;
}

/// How a client reads files from Matrix while it sends. Cheap to clone.
#[derive(Clone, Default)]
pub struct MediaSource(Option<Arc<dyn MatrixMedia>>);

impl MediaSource {
    /// Makes a source.
    pub fn new(media: Arc<dyn MatrixMedia>) -> Self {
        Self(Some(media))
    }

    /// Opens a file a message from Matrix names.
    ///
    /// # Errors
    /// It is not there, or the homeserver does not answer.
    pub async fn open(&self, media: &MediaRef) -> Result<MediaStream, NetworkError> {
        match &self.0 {
            Some(source) => source.open(media).await,
            None => Err(NetworkError::NotFound("there are no files here".to_owned())),
        }
    }
}

impl fmt::Debug for MediaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaSource").finish_non_exhaustive()
    }
}
