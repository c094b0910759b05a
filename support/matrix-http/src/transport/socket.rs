//! HTTP over a socket: a homeserver or application service elsewhere.

use super::{CallTimeout, HttpTransport, TransportError};
use crate::{ClientError, ClientOptions, shared_client};
use async_trait::async_trait;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use http::{HeaderMap, header};
use std::{error::Error, time::Duration};
use url::Url;

/// How a [`SocketTransport`] behaves.
#[derive(Debug, Clone)]
pub struct SocketOptions {
    /// The whole call; a request may carry its own as [`CallTimeout`].
    pub timeout: Duration,
    /// Name look-up, connection and TLS.
    pub connect_timeout: Duration,
    /// Believes any certificate.
    pub accept_invalid_certificates: bool,
    /// The longest answer in bytes that is read.
    pub max_answer: usize,
}

impl Default for SocketOptions {
    fn default() -> SocketOptions {
        SocketOptions {
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            accept_invalid_certificates: false,
            max_answer: 128 * 1024 * 1024,
        }
    }
}

/// Sends requests to one server.
#[derive(Debug, Clone)]
pub struct SocketTransport {
    client: reqwest::Client,
    /// Without trailing slash; a path in it stays in front of every request's path.
    base: String,
    options: SocketOptions,
}

impl SocketTransport {
    /// Makes a transport with a client of its own.
    pub fn new(base_url: &Url, options: SocketOptions) -> Result<SocketTransport, ClientError> {
        let client = shared_client(&ClientOptions {
            timeout: None,
            connect_timeout: options.connect_timeout,
            accept_invalid_certificates: options.accept_invalid_certificates,
        })?;
        Ok(SocketTransport::with_client(base_url, client, options))
    }

    /// Makes a transport on a client that several share. The client's own time-out and TLS settings hold.
    pub fn with_client(
        base_url: &Url,
        client: reqwest::Client,
        options: SocketOptions,
    ) -> SocketTransport {
        let mut base = base_url.clone();
        base.set_query(None);
        base.set_fragment(None);
        let base = base.as_str().trim_end_matches('/').to_owned();
        SocketTransport { client, base, options }
    }

    /// Sends the head of a request and its body, until the answer begins.
    fn request(
        &self,
        parts: http::request::Parts,
        body: reqwest::Body,
    ) -> (reqwest::RequestBuilder, Duration) {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let timeout =
            parts.extensions.get::<CallTimeout>().map_or(self.options.timeout, |own| own.0);
        let request = self.client.request(parts.method, format!("{}{path}", self.base));
        (request.headers(parts.headers).body(body), timeout)
    }

    async fn read(&self, answer: &mut reqwest::Response) -> Result<Bytes, TransportError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + chunk.len() > self.options.max_answer {
                return Err(TransportError::Unanswered(
                    "the answer is longer than what is read".to_owned(),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

#[async_trait]
impl HttpTransport for SocketTransport {
    async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let (mut parts, body) = request.into_parts();
        strip_connection_headers(&mut parts.headers);
        parts.headers.remove(header::CONTENT_LENGTH);
        let (request, timeout) = self.request(parts, body.into());
        let answer = request.timeout(timeout).send().await;
        let mut answer = answer.map_err(|error| failure(&error))?;
        let mut response = head(&mut answer).map(|()| Bytes::new());
        *response.body_mut() = self.read(&mut answer).await?;
        Ok(response)
    }

    async fn stream(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, TransportError> {
        let (mut parts, body) = request.into_parts();
        // The length stays: it is how the server knows that nothing is missing.
        strip_connection_headers(&mut parts.headers);
        let body = reqwest::Body::wrap_stream(body.into_data_stream());
        let (request, timeout) = self.request(parts, body);
        let answer = tokio::time::timeout(timeout, request.send()).await.map_err(|_| {
            TransportError::Unanswered("no answer within the time allowed".to_owned())
        })?;
        let mut answer = answer.map_err(|error| failure(&error))?;
        let response = head(&mut answer);
        let pieces = answer.bytes_stream().map_err(|error| axum::Error::new(words(&error)));
        Ok(response.map(|()| Body::from_stream(pieces)))
    }
}

fn head(answer: &mut reqwest::Response) -> http::Response<()> {
    let mut response = http::Response::new(());
    *response.status_mut() = answer.status();
    *response.version_mut() = answer.version();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    response
}

/// What belongs to one connection is written by the client itself.
fn strip_connection_headers(headers: &mut HeaderMap) {
    for name in [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
}

/// Tells apart what never left and what may have arrived.
///
/// The client sends again by itself only when a pooled connection was closed before a byte of the request was written.
fn failure(error: &reqwest::Error) -> TransportError {
    let words = words(error);
    // A refused URL or header is found before anything is sent.
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent(words)
    } else {
        TransportError::Unanswered(words)
    }
}

/// The innermost causes without the URL, whose query string may carry a token.
fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return if error.is_connect() {
            "no connection within the time allowed".to_owned()
        } else {
            "no answer within the time allowed".to_owned()
        };
    }
    let causes: Vec<String> = std::iter::successors(error.source(), |cause| (*cause).source())
        .map(ToString::to_string)
        .collect();
    causes.last().cloned().unwrap_or_else(|| "the request could not be made".to_owned())
}
