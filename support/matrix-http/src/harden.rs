//! The layers every Matrix router wears, whoever calls it and over whichever transport.
//!
//! From the outside in: one tracing span per request (the matched route, never the query string or the ids in the path), CORS headers
//! on every answer, a panic becomes a 500, bodies are limited. What is not routed answers `M_UNRECOGNIZED`.

use crate::MatrixError;
use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::{any::Any, time::Instant};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{Instrument, field::Empty};

/// What a router accepts.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest body in bytes. A single route may have another one by wearing `axum::extract::DefaultBodyLimit` itself, as media
    /// upload does.
    pub body: usize,
}

impl Default for Limits {
    /// 8 MiB: no event may pass 64 KiB, but key uploads and an application service's transactions are longer.
    fn default() -> Limits {
        Limits { body: 8 * 1024 * 1024 }
    }
}

/// Puts the layers and fallbacks around a router. Call it once, last.
pub fn harden<S>(router: Router<S>, limits: Limits) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let router = router
        .fallback(|| async { MatrixError::unrecognized() })
        .method_not_allowed_fallback(|| async { MatrixError::wrong_method() });
    shelter(router, limits)
}

/// Puts the layers around routes that are merged into a hardened router, which has the fallbacks.
pub fn shelter<S>(router: Router<S>, limits: Limits) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    router
        .layer(DefaultBodyLimit::max(limits.body))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(middleware::from_fn(allow_every_origin))
        .layer(middleware::from_fn(trace))
}

/// The 500 a panicking handler leaves behind; the panic hook has already printed where.
pub(crate) fn answer_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no words");
    tracing::error!(panic = words, "a handler panicked");
    MatrixError::internal().into_response()
}

/// CORS as the specification wants it: any web client may talk to any server, errors are readable, a preflight needs no token.
async fn allow_every_origin(request: Request, next: Next) -> Response {
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response =
        if is_preflight { StatusCode::OK.into_response() } else { next.run(request).await };
    write_cors(response.headers_mut());
    if is_preflight {
        // A day. Without it a browser asks again before nearly every request.
        let remember = HeaderValue::from_static("86400");
        response.headers_mut().insert(header::ACCESS_CONTROL_MAX_AGE, remember);
    }
    response
}

fn write_cors(headers: &mut HeaderMap) {
    const CORS: [(header::HeaderName, HeaderValue); 4] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, OPTIONS"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "X-Requested-With, Content-Type, Authorization, Range, If-None-Match, If-Range",
            ),
        ),
        // When to come again, and what a player or a download has to know of a file.
        (
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(
                "Retry-After, Content-Disposition, Content-Range, Accept-Ranges, ETag",
            ),
        ),
    ];
    for (name, value) in CORS {
        headers.entry(name).or_insert(value);
    }
}

async fn trace(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let span = tracing::debug_span!(
        "http.request",
        http.method = %request.method(),
        http.route = route,
        http.status = Empty,
        duration_ms = Empty,
    );
    // The monotonic time is for the log alone; nothing decides by it.
    let start = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.status", response.status().as_u16());
    span.record("duration_ms", u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX));
    span.in_scope(|| {
        // Other 5xx are meant: stopping, a peer that does not answer. Who answers so, says why.
        if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::warn!("request failed");
        } else {
            tracing::debug!("request answered");
        }
    });
    response
}
