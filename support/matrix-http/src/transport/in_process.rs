//! HTTP without a socket: the other half's router, called as a tower service.
//!
//! Each call runs in a task of its own, so that a caller who goes away cancels nothing, just as over a socket; a panic becomes a 500.

use super::{CallTimeout, HttpTransport, TransportError};
use crate::harden::answer_panic;
use async_trait::async_trait;
use axum::{Router, body::Body, response::Response};
use bytes::Bytes;
use std::fmt;
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
        let answer = async move {
            let response = match router.oneshot(request.map(Body::from)).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            collect(response).await
        };
        let task = self.tasks.spawn(answer.in_current_span());
        let outcome = match timeout {
            None => task.await,
            Some(CallTimeout(limit)) => tokio::time::timeout(limit, task).await.map_err(|_| {
                TransportError::Unanswered("no answer within the time allowed".to_owned())
            })?,
        };
        match outcome {
            Ok(answer) => answer,
            Err(error) if error.is_panic() => collect(answer_panic(error.into_panic())).await,
            Err(_) => Err(TransportError::Unanswered("the process is stopping".to_owned())),
        }
    }
}

async fn collect(response: Response) -> Result<http::Response<Bytes>, TransportError> {
    let (parts, body) = response.into_parts();
    match axum::body::to_bytes(body, usize::MAX).await {
        Ok(body) => Ok(http::Response::from_parts(parts, body)),
        Err(error) => Err(TransportError::Unanswered(format!("the answer broke off: {error}"))),
    }
}
