//! For whoever watches the program: `/health` (the process answers) and `/ready` (messages cross).

use axum::{Router, extract::State, http::StatusCode, routing::get};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether everything has started and nothing is stopping.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ready(Arc<AtomicBool>);

impl Ready {
    /// Says how it is now.
    pub(crate) fn set(&self, is_ready: bool) {
        self.0.store(is_ready, Ordering::Release);
    }
}

/// Makes the endpoints. They tell nothing but yes or no, so anybody may ask.
pub(crate) fn router(ready: Ready) -> Router {
    Router::new()
        .route("/health", get(async || "ok\n"))
        .route("/ready", get(answer_ready))
        .with_state(ready)
}

async fn answer_ready(State(ready): State<Ready>) -> (StatusCode, &'static str) {
    if ready.0.load(Ordering::Acquire) {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}
