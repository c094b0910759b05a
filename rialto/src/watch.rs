//! For whoever watches the program: `/health` (the process works), `/ready` (messages cross) and `/metrics` (how).
//!
//! The first two tell nothing but yes or no, so anybody may ask. The figures name logins and networks: they are for
//! programs on this machine, or for who shows the token of `[metrics]`.

use crate::config::Metrics;
use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bridge_core::BridgeWatch;
use homeserver::Homeserver;
use registration::Token;
use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How long the database may take before the process counts as stuck.
const PATIENCE: Duration = Duration::from_secs(5);

/// The format Prometheus asks for.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a proxy adds: who asks through one is not on this machine.
const PASSED_ON: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

/// Whether everything has started and nothing is stopping.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ready(Arc<AtomicBool>);

impl Ready {
    /// Says how it is now.
    pub(crate) fn set(&self, is_ready: bool) {
        self.0.store(is_ready, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What is watched.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) ready: Ready,
    pub(crate) bridge: BridgeWatch,
    /// Not held: it ends when its owner says so.
    pub(crate) homeserver: Weak<Homeserver>,
    /// Opens the figures to others than this machine.
    pub(crate) token: Option<Token>,
}

impl Watched {
    /// Takes the choices of the configuration.
    pub(crate) fn token_of(metrics: &Metrics) -> Option<Token> {
        metrics.token.as_ref().map(|token| Token::from(token.expose().to_owned()))
    }
}

/// Makes the endpoints.
pub(crate) fn router(watched: Watched) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(watched)
}

async fn health(State(watched): State<Watched>) -> Response {
    match ill(&watched).await {
        None => "ok\n".into_response(),
        Some(words) => (StatusCode::SERVICE_UNAVAILABLE, words).into_response(),
    }
}

async fn ready(State(watched): State<Watched>) -> Response {
    if !watched.ready.is_set() {
        return (StatusCode::SERVICE_UNAVAILABLE, "starting or stopping\n").into_response();
    }
    match ill(&watched).await {
        None => "ready\n".into_response(),
        Some(words) => (StatusCode::SERVICE_UNAVAILABLE, words).into_response(),
    }
}

/// Says what is wrong with the process. That a network or the homeserver is away is not: messages wait for them.
async fn ill(watched: &Watched) -> Option<&'static str> {
    match tokio::time::timeout(PATIENCE, watched.bridge.alive()).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database does not answer a health check");
            Some("the database does not answer\n")
        }
        Err(_) => Some("the database is stuck\n"),
    }
}

async fn metrics(State(watched): State<Watched>, request: Request) -> Response {
    if !may_read(&watched, &request) {
        let words = "The figures are for programs on the server itself; set metrics.token and show it to read them from elsewhere.\n";
        return (StatusCode::FORBIDDEN, words).into_response();
    }
    let mut text = match watched.bridge.metrics().await {
        Ok(text) => text,
        Err(error) => {
            tracing::warn!(%error, "the figures could not be read");
            return (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
                .into_response();
        }
    };
    if let Some(homeserver) = watched.homeserver.upgrade() {
        write_owed(&homeserver, &mut text).await;
    }
    text.push_str("# EOF\n");
    ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}

/// What the embedded homeserver still has to push.
async fn write_owed(homeserver: &Homeserver, text: &mut String) {
    let Ok(services) = homeserver.list_appservices().await else {
        return tracing::warn!("the figures of the homeserver could not be read");
    };
    text.push_str("# HELP rialto_appservice_owed Events that wait to be pushed to an application service.\n# TYPE rialto_appservice_owed gauge\n");
    for service in services {
        let id = service.id.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let owed = service.owed;
        writeln!(text, "rialto_appservice_owed{{appservice=\"{id}\"}} {owed}")
            .expect("a String takes every write");
    }
}

fn may_read(watched: &Watched, request: &Request) -> bool {
    let headers = request.headers();
    if let Some(token) = &watched.token {
        return bearer(headers).is_some_and(|shown| token.matches(shown));
    }
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let is_here =
        from.is_some_and(|ConnectInfo(address)| address.ip().to_canonical().is_loopback());
    is_here && PASSED_ON.iter().all(|name| !headers.contains_key(*name))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
