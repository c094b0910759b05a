//! The two ways a Matrix request travels: over a socket, or straight into another router of this process.
//!
//! Callers see no difference, and they learn the one thing retrying depends on: whether a call that failed can have been applied.

mod in_process;
mod socket;

pub use in_process::InProcess;
pub use socket::{SocketOptions, SocketTransport};

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use std::{fmt::Debug, time::Duration};

/// Carries one request to its server and brings the answer back.
///
/// The request's URI is in origin form (`/_matrix/...`): where the server is, the transport knows.
#[async_trait]
pub trait HttpTransport: Send + Sync + Debug {
    /// Sends the request. Every status is an `Ok`.
    async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError>;

    /// Sends a request whose body comes, and whose answer's body goes, piece by piece: files. Every status is an `Ok`.
    ///
    /// A time-out holds until the answer begins; how long the pieces may take is the caller's matter. A transport that wraps another
    /// one passes this on: without that, as here, bodies are held in memory up to [`MOST_HELD`] bytes.
    async fn stream(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, TransportError> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, MOST_HELD).await.map_err(|error| {
            TransportError::NotSent(format!("the body of the request broke off: {error}"))
        })?;
        let answer = self.call(http::Request::from_parts(parts, body)).await?;
        Ok(answer.map(Body::from))
    }
}

/// The longest body in bytes that is held by a transport without streams.
pub const MOST_HELD: usize = 64 * 1024 * 1024;

/// Why there is no answer, told by what the caller may do next. The words carry no query string and no header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Certainly not applied: the connection was refused, the name unknown, TLS failed. May be sent again.
    #[error("the request was not sent: {0}")]
    NotSent(String),
    /// Bytes were written, their fate is unknown: time-out, reset. Only what is idempotent may be sent again.
    #[error("the request was sent, its answer is unknown: {0}")]
    Unanswered(String),
}

/// A time-out for one call, put into the request's extensions: long polls need more than the transport's own.
#[derive(Debug, Clone, Copy)]
pub struct CallTimeout(pub Duration);
