//! `GET /.well-known/matrix/client`

use axum::{Json, extract::State, http::HeaderMap};
use http::header;
use serde_json::{Value, json};
use support_matrix_http::MatrixError;

use crate::{error::Error, house::SharedHouse};

/// Names the configured public address, else the address the client used to get here.
pub(super) async fn get_client(
    State(house): State<SharedHouse>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    let base_url = match &house.settings.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => from_request(&headers)
            .ok_or_else(|| MatrixError::not_found("This server does not know its address."))?,
    };
    Ok(Json(json!({ "m.homeserver": { "base_url": base_url } })))
}

fn from_request(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("x-forwarded-host").or_else(|| text(header::HOST.as_str()))?;
    let scheme = match text("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    // The host goes into an answer: only what can be one.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    host.chars().all(plain).then(|| format!("{scheme}://{host}"))
}
