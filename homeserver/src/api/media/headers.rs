//! What surrounds a file on its way out: a browser must never run what somebody uploaded.

use std::{io::SeekFrom, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequestParts, Path},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use support_matrix_http::MatrixError;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::range::Part;
use crate::{
    error::{Error, Result},
    house::House,
    media::Found,
};

/// What the specification lets a browser show in place; everything else is offered for saving.
const INLINE: [&str; 26] = [
    "text/css",
    "text/plain",
    "text/csv",
    "application/json",
    "application/ld+json",
    "image/jpeg",
    "image/gif",
    "image/png",
    "image/apng",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "video/quicktime",
    "audio/mp4",
    "audio/webm",
    "audio/aac",
    "audio/mpeg",
    "audio/ogg",
    "audio/wave",
    "audio/wav",
    "audio/x-wav",
    "audio/x-pn-wav",
    "audio/flac",
    "audio/x-flac",
];
/// What a header may carry of a file name as it is.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// How long announced bytes are waited for, and for how long at most.
const USUAL_PATIENCE: Duration = Duration::from_secs(20);
const MOST_PATIENCE: Duration = Duration::from_secs(60);

/// The variables of a path; a path that is no text is refused as Matrix wants it.
#[derive(Debug)]
pub(super) struct Place<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Place<T> {
    type Rejection = MatrixError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, MatrixError> {
        let path = Path::from_request_parts(parts, state).await;
        let refused = |_| MatrixError::invalid_param("The path is not valid UTF-8.");
        path.map(|Path(place)| Self(place)).map_err(refused)
    }
}

/// Refuses files of other servers: this one does not federate.
pub(super) fn of_this_server(house: &House, server: &str) -> Result<(), MatrixError> {
    if server == house.server_name.as_str() {
        return Ok(());
    }
    Err(MatrixError::not_found("The file is on another server, and this one does not federate."))
}

/// Returns a parameter of the query.
pub(super) fn parameter(uri: &Uri, key: &str) -> Option<String> {
    let query = uri.query().unwrap_or_default();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
}

/// Reads `timeout_ms`.
pub(super) fn patience(uri: &Uri) -> Result<Duration, MatrixError> {
    let Some(given) = parameter(uri, "timeout_ms") else { return Ok(USUAL_PATIENCE) };
    let millis = given
        .parse()
        .map_err(|_| MatrixError::invalid_param("`timeout_ms` is no number of milliseconds."))?;
    Ok(Duration::from_millis(millis).min(MOST_PATIENCE))
}

/// Writes the answer that carries a file, or the part of it that is asked for.
pub(super) async fn answer(mut found: Found, asked: &HeaderMap) -> Result<Response> {
    let whole = found.length;
    let (status, first, length) = match Part::of(asked, whole) {
        Part::Whole => (StatusCode::OK, 0, whole),
        Part::Bytes(first, last) => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Part::Beyond => return Ok(beyond(whole)),
    };
    if first > 0 {
        found.file.seek(SeekFrom::Start(first)).await.map_err(Error::internal)?;
    }
    let content_type = HeaderValue::from_str(&found.content_type).map_err(Error::internal)?;
    let disposition = disposition(&found.content_type, found.filename.as_deref());
    let mut response = Response::builder().status(status);
    if status == StatusCode::PARTIAL_CONTENT {
        let part = format!("bytes {first}-{}/{whole}", first + length - 1);
        response = response.header(header::CONTENT_RANGE, part);
    }
    response
        .header(header::CONTENT_TYPE, content_type)
        .header(header::CONTENT_LENGTH, length)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CONTENT_DISPOSITION, disposition)
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CACHE_CONTROL, "private, max-age=86400, immutable")
        .header(
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; \
             style-src 'unsafe-inline'; object-src 'self';",
        )
        .header("cross-origin-resource-policy", "cross-origin")
        .body(Body::from_stream(ReaderStream::new(found.file.take(length))))
        .map_err(Error::internal)
}

fn beyond(whole: u64) -> Response {
    let words = "The file ends before the part that was asked for.";
    let error = MatrixError::new(StatusCode::RANGE_NOT_SATISFIABLE, "M_UNKNOWN", words);
    let mut response = error.into_response();
    if let Ok(length) = HeaderValue::from_str(&format!("bytes */{whole}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, length);
    }
    response
}

fn disposition(content_type: &str, filename: Option<&str>) -> String {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let way = if INLINE.contains(&essence.as_str()) { "inline" } else { "attachment" };
    match filename {
        None => way.to_owned(),
        Some(name) => format!("{way}; filename*=UTF-8''{}", utf8_percent_encode(name, NAME)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_shown_and_programs_are_saved() {
        assert_eq!(disposition("image/png", None), "inline");
        assert_eq!(
            disposition("Text/Plain; charset=utf-8", Some("a b")),
            "inline; filename*=UTF-8''a%20b"
        );
        for hostile in ["text/html", "image/svg+xml", "application/javascript", ""] {
            assert_eq!(disposition(hostile, None), "attachment", "{hostile}");
        }
        assert_eq!(
            disposition("text/html", Some("\"\r\nx: ü")),
            "attachment; filename*=UTF-8''%22%0D%0Ax%3A%20%C3%BC"
        );
    }
}
