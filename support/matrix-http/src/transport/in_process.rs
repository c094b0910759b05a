//! HTTP without a socket: the other half's router, called as a tower service.
//!
//! Each call runs in a task of its own, so that a caller who goes away cancels nothing, just as over a socket; a panic becomes a 500.

use super::{CallTimeout, HttpTransport, TransportError};
use crate::harden::answer_panic;
use async_trait::async_trait;
use axum::{Router, body::Body, response::Response};
use bytes::Bytes;
use futures_util::StreamExt as _;
use std::{fmt, panic::AssertUnwindSafe};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::Instrument;

/// Calls an axum router of this process.
#[derive(Clone)]
pub struct InProcess {
    router: Router,
    tasks: TaskTracker,
}

impl InProcess {
    /// Wraps a router, which should wear the same layers as over a socket (see [`crate::harden`]).
    pub fn new(router: Router) -> InProcess {
        InProcess::tracked(router, TaskTracker::new())
    }

    /// Wraps a router and runs its calls on the owner's tracker, which can then wait for them at shutdown.
    pub fn tracked(router: Router, tasks: TaskTracker) -> InProcess {
        InProcess { router, tasks }
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").field("running", &self.tasks.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpTransport for InProcess {
    async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let timeout = request.extensions().get::<CallTimeout>().copied();
        let router = self.router.clone();
        let answer = async move { collect(answer(router, request.map(Body::from)).await).await };
        let task = self.tasks.spawn(answer.in_current_span());
        match within(timeout, task).await? {
            Ok(answer) => answer,
            Err(error) => collect(broken_down(error)?).await,
        }
    }

    async fn stream(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, TransportError> {
        let timeout = request.extensions().get::<CallTimeout>().copied();
        let task = self.tasks.spawn(answer(self.router.clone(), request).in_current_span());
        let response = match within(timeout, task).await? {
            Ok(response) => response,
            Err(error) => broken_down(error)?,
        };
        Ok(response.map(guarded))
    }
}

async fn answer(router: Router, request: http::Request<Body>) -> Response {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Waits for a call's task; one that takes too long goes on by itself.
async fn within<T>(
    timeout: Option<CallTimeout>,
    task: JoinHandle<T>,
) -> Result<Result<T, JoinError>, TransportError> {
    let Some(CallTimeout(limit)) = timeout else { return Ok(task.await) };
    tokio::time::timeout(limit, task)
        .await
        .map_err(|_| TransportError::Unanswered("no answer within the time allowed".to_owned()))
}

/// Returns the answer of a call that did not come to its end.
fn broken_down(error: JoinError) -> Result<Response, TransportError> {
    match error.is_panic() {
        true => Ok(answer_panic(error.into_panic())),
        false => Err(TransportError::Unanswered("the process is stopping".to_owned())),
    }
}

/// A body that panics breaks off, as its connection would.
fn guarded(body: Body) -> Body {
    let pieces = AssertUnwindSafe(body.into_data_stream()).catch_unwind();
    Body::from_stream(pieces.map(|piece| match piece {
        Ok(piece) => piece,
        Err(_) => Err(axum::Error::new("the answer broke off")),
    }))
}

async fn collect(response: Response) -> Result<http::Response<Bytes>, TransportError> {
    let (parts, body) = response.into_parts();
    match axum::body::to_bytes(body, usize::MAX).await {
        Ok(body) => Ok(http::Response::from_parts(parts, body)),
        Err(error) => Err(TransportError::Unanswered(format!("the answer broke off: {error}"))),
    }
}
