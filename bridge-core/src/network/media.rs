//! Files that cross, piece by piece: as a stream on their way from a network, and as something that
//! can be opened, again if need be, on their way to one. Neither is ever held in memory.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use serde_json::Value;
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use super::{MediaRef, NetworkError};
use crate::ids::NetworkId;

/// How much of a file is read at once.
const PIECE: usize = 64 * 1024;

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
    /// Makes a stream of pieces.
    pub fn new(
        pieces: impl stream::Stream<Item = Result<Bytes, NetworkError>> + Send + 'static,
    ) -> Self {
        Self { content_type: None, filename: None, size: None, body: pieces.boxed() }
    }

    /// Makes a stream of bytes that are here already.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let size = Some(bytes.len() as u64);
        Self { size, ..Self::new(stream::once(async move { Ok(bytes) })) }
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

/// A file of Matrix, here as a whole: its size and content type are what they are, not what anybody
/// claims. The room it takes is free again when the last clone is gone.
#[derive(Clone)]
pub struct MediaFile {
    /// What it is called; never a path.
    pub filename: String,
    /// What it is.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    body: Arc<dyn FileBody>,
}

/// Where the bytes of a [`MediaFile`] are.
#[async_trait]
pub(crate) trait FileBody: Send + Sync {
    /// Opens them from the beginning.
    async fn open(&self) -> std::io::Result<Pin<Box<dyn AsyncRead + Send>>>;
}

#[async_trait]
impl FileBody for Bytes {
    async fn open(&self) -> std::io::Result<Pin<Box<dyn AsyncRead + Send>>> {
        Ok(Box::pin(std::io::Cursor::new(self.clone())))
    }
}

impl MediaFile {
    pub(crate) fn new(
        filename: String,
        content_type: String,
        size: u64,
        body: Arc<dyn FileBody>,
    ) -> Self {
        Self { filename, content_type, size, body }
    }

    /// Makes a file of bytes, for tests of a bridge.
    pub fn bytes(
        filename: impl Into<String>,
        content_type: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> Self {
        let bytes = bytes.into();
        let size = bytes.len() as u64;
        Self::new(filename.into(), content_type.into(), size, Arc::new(bytes))
    }

    /// Opens it from the beginning; as often as one likes.
    ///
    /// # Errors
    /// The disk's trouble.
    pub async fn open(&self) -> Result<Pin<Box<dyn AsyncRead + Send>>, NetworkError> {
        self.body.open().await.map_err(|error| unreadable(&error))
    }

    /// Opens it from the beginning, as a stream.
    ///
    /// # Errors
    /// The disk's trouble.
    pub async fn stream(&self) -> Result<MediaStream, NetworkError> {
        let pieces = ReaderStream::with_capacity(self.open().await?, PIECE);
        let pieces = pieces.map(|piece| piece.map_err(|error| unreadable(&error)));
        Ok(MediaStream {
            content_type: Some(self.content_type.clone()),
            filename: Some(self.filename.clone()),
            size: Some(self.size),
            ..MediaStream::new(pieces)
        })
    }
}

fn unreadable(error: &std::io::Error) -> NetworkError {
    NetworkError::Unreachable(format!("the file cannot be read from the spool: {error}"))
}

impl fmt::Debug for MediaFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaFile")
            .field("content_type", &self.content_type)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// What stands behind a [`MediaSource`]. The core implements it; tests of a bridge may do so too.
#[async_trait]
pub trait MatrixMedia: Send + Sync {
    /// Brings a file that lies on the homeserver here.
    async fn open(&self, media: &MediaRef) -> Result<MediaFile, NetworkError>;

    /// Returns what a network calls a file it was given before.
    async fn known_as(&self, _network: &NetworkId, _media: &MediaRef) -> Option<Value> {
        None
    }

    /// Remembers what a network calls a file.
    async fn remember(&self, _network: &NetworkId, _media: &MediaRef, _handle: &Value) {}
}

/// How a client reads files from Matrix while it sends. Cheap to clone.
#[derive(Clone, Default)]
pub struct MediaSource {
    files: Option<Arc<dyn MatrixMedia>>,
    network: Option<NetworkId>,
}

impl MediaSource {
    /// Makes a source.
    pub fn new(media: Arc<dyn MatrixMedia>) -> Self {
        Self { files: Some(media), network: None }
    }

    /// Says whose clients use it.
    #[must_use]
    pub(crate) fn of(&self, network: NetworkId) -> Self {
        Self { files: self.files.clone(), network: Some(network) }
    }

    /// Opens a file a message from Matrix names. It is here as a whole when this returns.
    ///
    /// # Errors
    /// It is not there, it is too large for this bridge, or (to be tried again:
    /// [`NetworkError::Unreachable`], `RateLimited`) the homeserver does not hand it out now or there
    /// is no room for it now.
    pub async fn open(&self, media: &MediaRef) -> Result<MediaFile, NetworkError> {
        match &self.files {
            Some(files) => files.open(media).await,
            None => Err(NetworkError::NotFound("there are no files here".to_owned())),
        }
    }

    /// Returns what the network called a file when it was uploaded there before, if the bridge had it
    /// [remembered](Self::remember): then it need not be uploaded again. The network may have
    /// forgotten it meanwhile.
    pub async fn known_as(&self, media: &MediaRef) -> Option<Value> {
        self.files.as_ref()?.known_as(self.network.as_ref()?, media).await
    }

    /// Remembers what the network calls a file that was uploaded there.
    pub async fn remember(&self, media: &MediaRef, handle: &Value) {
        if let (Some(files), Some(network)) = (&self.files, &self.network) {
            files.remember(network, media, handle).await;
        }
    }
}

impl fmt::Debug for MediaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaSource").field("network", &self.network).finish_non_exhaustive()
    }
}
