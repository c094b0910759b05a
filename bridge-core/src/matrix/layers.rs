//! What every request to the homeserver passes on its way: tracing, and the homeserver's own pace.
//! Each layer is a transport around a transport, so that a call does not know about them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
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
        let endpoint = request.extensions().get::<EndpointName>().map_or("", |name| name.0);
        let span = tracing::debug_span!("matrix request", endpoint);
        async {
            let begun = self.clock.monotonic();
            let answer = self.inner.call(request).await;
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
        let wait = self.not_before.load(Ordering::Relaxed).saturating_sub(self.now());
        if wait > 0 {
            return Ok(limit_exceeded(Duration::from_millis(wait)));
        }
        let response = self.inner.call(request).await?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            let after = MatrixError::from_response(&response).retry_after;
            let after = after.unwrap_or(Duration::from_secs(1));
            let until = self.now() + u64::try_from(after.as_millis()).unwrap_or(u64::MAX / 2);
            self.not_before.fetch_max(until, Ordering::Relaxed);
            tracing::warn!(?after, "the homeserver limits the rate of the bridge");
        }
        Ok(response)
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
