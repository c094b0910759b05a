//! The way back from a homeserver that believes any answer: Palpo takes a transaction as delivered whatever is answered,
//! and forgets it. So one that cannot be stored now is not answered before it is; a connection that ends without an
//! answer is tried again by every homeserver there is.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use std::time::Duration;
use support_clock::SharedClock;
use tokio_util::sync::CancellationToken;

/// The largest transaction there may be; the intake has the same limit.
const LARGEST: usize = 64 * 1024 * 1024;

/// How soon storing is tried again.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Patience {
    clock: SharedClock,
    stop: CancellationToken,
}

/// Puts the patience around the bridges' endpoints.
pub(crate) fn patient(router: Router, clock: SharedClock, stop: CancellationToken) -> Router {
    router.layer(middleware::from_fn_with_state(Patience { clock, stop }, only_when_stored))
}

async fn only_when_stored(
    State(patience): State<Patience>,
    request: Request,
    next: Next,
) -> Response {
    if !request.uri().path().starts_with("/_matrix/app/v1/transactions/") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    loop {
        let again = Request::from_parts(parts.clone(), Body::from(body.clone()));
        let answer = next.clone().run(again).await;
        if !answer.status().is_server_error() {
            return answer;
        }
        tracing::warn!("a transaction cannot be stored now; it is not answered before it is");
        tokio::select! {
            () = patience.clock.sleep(PAUSE) => {}
            // The connection ends with the program, and the homeserver keeps what it has.
            () = patience.stop.cancelled() => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::put;
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };
    use support_clock::TestClock;
    use tower::ServiceExt as _;

    fn request() -> Request {
        let path = "/_matrix/app/v1/transactions/1";
        Request::put(path).body(Body::from("events")).expect("it is a request")
    }

    #[tokio::test]
    async fn a_transaction_is_answered_when_it_is_stored_and_not_before() {
        let tries = Arc::new(AtomicU32::new(0));
        let counted = tries.clone();
        let store = move |body: String| async move {
            assert_eq!(body, "events");
            match counted.fetch_add(1, Ordering::Relaxed) {
                0..2 => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::OK,
            }
        };
        let clock = TestClock::new();
        let router = Router::new().route("/_matrix/app/v1/transactions/{id}", put(store));
        let router = patient(router, Arc::new(clock.clone()), CancellationToken::new());
        let answer = router.oneshot(request());
        tokio::pin!(answer);
        let response = loop {
            tokio::select! {
                response = &mut answer => break response.expect("routers answer"),
                () = tokio::task::yield_now() => clock.advance(PAUSE),
            }
        };
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(tries.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_refusal_is_answered_at_once() {
        let router = Router::new()
            .route("/_matrix/app/v1/transactions/{id}", put(|| async { StatusCode::FORBIDDEN }));
        let router = patient(router, Arc::new(TestClock::new()), CancellationToken::new());
        let response = router.oneshot(request()).await.expect("routers answer");
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
    }
}
