//! What every request to the homeserver passes on its way: tracing, and the homeserver's own pace.
//! Each layer is a transport around a transport, so that a call does not know about them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use support_clock::SharedClock;
use support_matrix_http::{HttpTransport, MatrixError, TransportError};
use tracing::Instrument;

use crate::metrics::Metrics;

/// The name of the endpoint, for spans; in a request's extensions. Never the path: it holds ids.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndpointName(pub(crate) &'static str);

/// Puts the layers around a transport.
pub(crate) fn layered(
    transport: Arc<dyn HttpTransport>,
    clock: SharedClock,
    metrics: Metrics,
) -> Arc<dyn HttpTransport> {
    let paced = Paced { inner: transport, clock: clock.clone(), not_before: AtomicU64::new(0) };
    Arc::new(Traced { inner: Arc::new(paced), clock, metrics })
}

/// One span per request, with status and time.
struct Traced {
    inner: Arc<dyn HttpTransport>,
    clock: SharedClock,
    metrics: Metrics,
}

#[async_trait]
impl HttpTransport for Traced {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let endpoint = endpoint(&request);
        self.traced(endpoint, self.inner.call(request)).await
    }

    async fn stream(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        let endpoint = endpoint(&request);
        self.traced(endpoint, self.inner.stream(request)).await
    }
}

fn endpoint<B>(request: &Request<B>) -> &'static str {
    request.extensions().get::<EndpointName>().map_or("", |name| name.0)
}

impl Traced {
    async fn traced<B>(
        &self,
        endpoint: &'static str,
        call: impl Future<Output = Result<Response<B>, TransportError>>,
    ) -> Result<Response<B>, TransportError> {
        let span = tracing::debug_span!("matrix request", endpoint);
        async {
            let begun = self.clock.monotonic();
            let answer = call.await;
            let took = self.clock.monotonic().saturating_sub(begun);
            let millis = took.as_millis();
            let status = answer.as_ref().map_or(0, |response| response.status().as_u16());
            self.metrics.request(endpoint, status, took);
            match &answer {
                Ok(response) => {
                    tracing::trace!(status = response.status().as_u16(), millis, "answered");
                }
                Err(error) => tracing::debug!(%error, millis, "not answered"),
            }
            answer
        }
        .instrument(span)
        .await
    }
}

/// After a 429, calls are answered here until the time the homeserver named has passed: asking
/// again earlier would only make it longer.
struct Paced {
    inner: Arc<dyn HttpTransport>,
    clock: SharedClock,
    /// Milliseconds on the monotonic clock.
    not_before: AtomicU64,
}

impl Paced {
    fn now(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX)
    }
}

#[async_trait]
impl HttpTransport for Paced {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if let Some(wait) = self.wait() {
            return Ok(limit_exceeded(wait));
        }
        let response = self.inner.call(request).await?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            self.limited(&response);
        }
        Ok(response)
    }

    async fn stream(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        if let Some(wait) = self.wait() {
            return Ok(limit_exceeded(wait).map(Body::from));
        }
        let response = self.inner.stream(request).await?;
        if response.status() != StatusCode::TOO_MANY_REQUESTS {
            return Ok(response);
        }
        let response = collected(response).await?;
        self.limited(&response);
        Ok(response.map(Body::from))
    }
}

impl Paced {
    fn wait(&self) -> Option<Duration> {
        let wait = self.not_before.load(Ordering::Relaxed).saturating_sub(self.now());
        (wait > 0).then(|| Duration::from_millis(wait))
    }

    fn limited(&self, response: &Response<Bytes>) {
        let after = MatrixError::from_response(response).retry_after;
        let after = after.unwrap_or(Duration::from_secs(1));
        let until = self.now() + u64::try_from(after.as_millis()).unwrap_or(u64::MAX / 2);
        self.not_before.fetch_max(until, Ordering::Relaxed);
        tracing::warn!(?after, "the homeserver limits the rate of the bridge");
    }
}

/// The longest answer that is no file.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// Reads an answer that is no file.
pub(super) async fn collected(response: Response<Body>) -> Result<Response<Bytes>, TransportError> {
    let (parts, body) = response.into_parts();
    match axum::body::to_bytes(body, LONGEST_ANSWER).await {
        Ok(body) => Ok(Response::from_parts(parts, body)),
        Err(error) => Err(TransportError::Unanswered(format!("the answer broke off: {error}"))),
    }
}

fn limit_exceeded(after: Duration) -> Response<Bytes> {
    let error = MatrixError::limit_exceeded(after);
    let mut response = Response::new(Bytes::from(error.body().to_string()));
    *response.status_mut() = error.status;
    response
}

impl fmt::Debug for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl fmt::Debug for Paced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paced").field("inner", &self.inner).finish_non_exhaustive()
    }
}
