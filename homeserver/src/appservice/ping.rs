//! Ping: does the way to the appservice work? A good answer also ends the pause its queue may be in.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use support_clock::Clock;
use support_matrix_http::{MatrixError, TransportError};

use super::Appservice;

/// Long enough for a slow start, short enough for whoever waits at a terminal.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest part of a foreign body that is handed on.
const LONGEST_BODY: usize = 4096;

/// Calls the appservice and returns how long it took.
pub(crate) async fn ping(
    appservice: &Arc<Appservice>,
    clock: &dyn Clock,
    transaction_id: Option<&str>,
) -> Result<Duration, MatrixError> {
    if !appservice.pushes() {
        return Err(MatrixError::new(
            StatusCode::BAD_REQUEST,
            "M_URL_NOT_SET",
            "The application service's registration has no url.",
        ));
    }
    let body = match transaction_id {
        Some(id) => serde_json::json!({ "transaction_id": id }),
        None => serde_json::json!({}),
    };
    let request = Request::builder()
        .method(Method::POST)
        .uri("/_matrix/app/v1/ping")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, appservice.authorization())
        .body(Bytes::from(body.to_string()))
        .map_err(|_| MatrixError::internal())?;
    let began = clock.monotonic();
    let answer = tokio::select! {
        answer = appservice.call(request) => answer,
        () = clock.sleep(PATIENCE) => return Err(timed_out()),
    };
    let response = answer.map_err(not_connected)?;
    if !response.status().is_success() {
        return Err(bad_status(&response));
    }
    appservice.flush();
    Ok(clock.monotonic().saturating_sub(began))
}

fn timed_out() -> MatrixError {
    MatrixError::new(
        StatusCode::GATEWAY_TIMEOUT,
        "M_CONNECTION_TIMEOUT",
        "The application service did not answer in time.",
    )
}

fn not_connected(error: TransportError) -> MatrixError {
    MatrixError::new(
        StatusCode::BAD_GATEWAY,
        "M_CONNECTION_FAILED",
        format!("The application service could not be reached: {error}."),
    )
}

fn bad_status(response: &http::Response<Bytes>) -> MatrixError {
    let status = response.status().as_u16();
    let body = &response.body()[..response.body().len().min(LONGEST_BODY)];
    MatrixError::new(
        StatusCode::BAD_GATEWAY,
        "M_BAD_STATUS",
        format!("The application service answered {status}."),
    )
    .with("status", status)
    .with("body", String::from_utf8_lossy(body).into_owned())
}
