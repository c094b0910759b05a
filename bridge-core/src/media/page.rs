//! `GET /_rialto/media/{id}/{expires}/{signature}/{filename}`: shows a file to whoever has its link.
//! What a browser might run is only ever offered for saving.

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::Media;
use crate::matrix::{MatrixTrouble, escape::path_segment};

/// What browsers show without running anything in it.
const SHOWN: [&str; 15] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/webm",
    "audio/wav",
    "audio/flac",
    "text/plain",
];

pub(super) fn router(media: Media) -> Router {
    Router::new()
        .route("/_rialto/media/{id}/{expires}/{signature}/{filename}", get(show))
        .with_state(media)
}

async fn show(
    State(media): State<Media>,
    Path((id, expires, signature, _)): Path<(String, i64, String, String)>,
) -> Response {
    let linked = match media.follow(&id, expires, &signature).await {
        Ok(Some(linked)) => linked,
        // One answer to everything that is no good link: nobody learns which files there are.
        Ok(None) => return plain(StatusCode::NOT_FOUND, "This link leads nowhere, or no longer."),
        Err(error) => {
            tracing::error!(%error, "a link could not be looked up");
            return plain(StatusCode::SERVICE_UNAVAILABLE, "Not now; try again.");
        }
    };
    match media.0.matrix.download(&linked.mxc).await {
        // Passed on as it comes; nothing of it is kept.
        Ok(file) => {
            let mut response = Response::new(file.body);
            *response.headers_mut() = headers(file.content_type.as_deref(), &linked.filename);
            if let Some(size) = file.size {
                response.headers_mut().insert(header::CONTENT_LENGTH, size.into());
            }
            response
        }
        Err(MatrixTrouble::Refused { .. }) => {
            plain(StatusCode::NOT_FOUND, "This file is no longer there.")
        }
        Err(trouble) => {
            tracing::warn!(%trouble, "a linked file could not be fetched");
            plain(StatusCode::BAD_GATEWAY, "The homeserver does not answer; try again.")
        }
    }
}

fn plain(status: StatusCode, words: &'static str) -> Response {
    let mut response = (status, words).into_response();
    harden(response.headers_mut());
    response
}

fn headers(content_type: Option<&str>, filename: &str) -> HeaderMap {
    let essence = content_type.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    let shown = SHOWN.iter().find(|shown| shown.eq_ignore_ascii_case(essence));
    let (kind, how) = match shown {
        Some(&"text/plain") => ("text/plain; charset=utf-8", "inline"),
        Some(kind) => (*kind, "inline"),
        None => ("application/octet-stream", "attachment"),
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let disposition = format!("{how}; filename*=UTF-8''{}", path_segment(filename));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    harden(&mut headers);
    headers
}

fn harden(headers: &mut HeaderMap) {
    const FIXED: [(HeaderName, &str); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // A link that is taken back is not to live on in a cache.
        (header::CACHE_CONTROL, "private, no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; object-src 'none'",
        ),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_might_run_is_only_saved() {
        for kind in ["text/html", "image/svg+xml", "application/xhtml+xml", "application/pdf", ""] {
            let headers = headers(Some(kind), "x\"\r\ny.html");
            assert_eq!(headers[header::CONTENT_TYPE], "application/octet-stream", "{kind}");
            let how = headers[header::CONTENT_DISPOSITION].to_str().expect("it is ASCII");
            assert_eq!(how, "attachment; filename*=UTF-8''x%22%0D%0Ay.html");
        }
        let headers = headers(Some("IMAGE/PNG; a=b"), "x.png");
        assert_eq!(headers[header::CONTENT_TYPE], "image/png");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}
