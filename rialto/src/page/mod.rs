//! The page people meet first: the networks and their health, logging in, logging out. It is a plain page that speaks
//! the provisioning API with the person's own access token; everything it loads is in this program.

use axum::{
    Json, Router,
    http::{HeaderName, HeaderValue, header},
    middleware::map_response,
    response::{Redirect, Response},
    routing::get,
};
use serde::Serialize;

/// Where the page is.
pub(crate) const PATH: &str = "/_rialto/";

/// Everything is loaded from here and nowhere else, and nobody may frame it around a password.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'; connect-src 'self'";

/// What the page has to know of this installation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Settings {
    /// The homeserver's name, behind the colon of everybody's id.
    pub(crate) server_name: String,
    /// Where people sign in; empty: where the page comes from.
    pub(crate) homeserver: String,
}

/// Makes the page. Who comes to the bare address is led to it.
pub(crate) fn router(settings: Settings) -> Router {
    // The page asks its own origin, and the homeserver where that is another.
    let policy = format!("{POLICY} {}", settings.homeserver);
    let policy = HeaderValue::from_str(policy.trim()).expect("an address is fit for a header");
    let file = |kind: &'static str, text: &'static str| {
        get(async move || ([(header::CONTENT_TYPE, kind)], text))
    };
    Router::new()
        .route(PATH, file("text/html; charset=utf-8", include_str!("index.html")))
        .route("/_rialto/style.css", file("text/css; charset=utf-8", include_str!("style.css")))
        .route("/_rialto/app.js", file("text/javascript; charset=utf-8", include_str!("app.js")))
        .route("/_rialto/icon.svg", file("image/svg+xml", include_str!("icon.svg")))
        .route("/_rialto/settings.json", get(async move || Json(settings)))
        .layer(map_response(move |response: Response| {
            std::future::ready(harden(response, &policy))
        }))
        .route("/", get(async || Redirect::temporary(PATH)))
        .route("/_rialto", get(async || Redirect::permanent(PATH)))
}

fn harden(mut response: Response, policy: &HeaderValue) -> Response {
    const FIXED: [(HeaderName, &str); 3] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    response
}
