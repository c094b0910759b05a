//! The error every Matrix endpoint answers with: a status, an `errcode`, words for a person and sometimes further keys.
//!
//! Handlers return it, [`MatrixError::from_response`] reads it back from another server's answer.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};
use std::time::Duration;

/// A Matrix error answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{errcode} ({}): {message}", status.as_u16())]
pub struct MatrixError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The code programs decide by, `M_FORBIDDEN` and the like.
    pub errcode: String,
    /// The sentence people read.
    pub message: String,
    /// Further keys of the body, such as `soft_logout` or the stages of an interactive authentication.
    pub extra: Map<String, Value>,
    /// After which time the caller may try again; written to `Retry-After` and `retry_after_ms`.
    pub retry_after: Option<Duration>,
}

impl MatrixError {
    /// Makes an error from its three obligatory parts.
    pub fn new(
        status: StatusCode,
        errcode: impl Into<String>,
        message: impl Into<String>,
    ) -> MatrixError {
        MatrixError {
            status,
            errcode: errcode.into(),
            message: message.into(),
            extra: Map::new(),
            retry_after: None,
        }
    }

    /// Adds a key to the body.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> MatrixError {
        self.extra.insert(key.into(), value.into());
        self
    }

    /// 403 `M_FORBIDDEN`: the caller is known and may not do this.
    pub fn forbidden(message: impl Into<String>) -> MatrixError {
        MatrixError::new(StatusCode::FORBIDDEN, "M_FORBIDDEN", message)
    }

    /// 404 `M_NOT_FOUND`: the thing asked for is not there.
    pub fn not_found(message: impl Into<String>) -> MatrixError {
        MatrixError::new(StatusCode::NOT_FOUND, "M_NOT_FOUND", message)
    }

    /// 404 `M_UNRECOGNIZED`: there is no such endpoint.
    pub fn unrecognized() -> MatrixError {
        MatrixError::new(StatusCode::NOT_FOUND, "M_UNRECOGNIZED", "There is no such endpoint.")
    }

    /// 405 `M_UNRECOGNIZED`: the endpoint exists, with other methods.
    pub fn wrong_method() -> MatrixError {
        MatrixError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "M_UNRECOGNIZED",
            "This endpoint does not answer that method.",
        )
    }

    /// 401 `M_MISSING_TOKEN`: no access token where one is needed.
    pub fn missing_token() -> MatrixError {
        MatrixError::new(StatusCode::UNAUTHORIZED, "M_MISSING_TOKEN", "An access token is needed.")
    }

    /// 401 `M_UNKNOWN_TOKEN`: the token is not (or no longer) one of ours.
    pub fn unknown_token(soft_logout: bool) -> MatrixError {
        let error = MatrixError::new(
            StatusCode::UNAUTHORIZED,
            "M_UNKNOWN_TOKEN",
            "The access token is not known.",
        );
        if soft_logout { error.with("soft_logout", true) } else { error }
    }

    /// 400 `M_NOT_JSON`: the body is no JSON.
    pub fn not_json() -> MatrixError {
        MatrixError::new(StatusCode::BAD_REQUEST, "M_NOT_JSON", "The request body is not JSON.")
    }

    /// 400 `M_BAD_JSON`: the body is JSON but not what this endpoint reads.
    pub fn bad_json(message: impl Into<String>) -> MatrixError {
        MatrixError::new(StatusCode::BAD_REQUEST, "M_BAD_JSON", message)
    }

    /// 413 `M_TOO_LARGE`: the body is over the limit.
    pub fn too_large() -> MatrixError {
        MatrixError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "M_TOO_LARGE",
            "The request body is larger than this server accepts.",
        )
    }

    /// 400 `M_EXCLUSIVE`: the name belongs to an application service (or, for one, does not belong to it).
    pub fn exclusive(message: impl Into<String>) -> MatrixError {
        MatrixError::new(StatusCode::BAD_REQUEST, "M_EXCLUSIVE", message)
    }

    /// 400 `M_INVALID_PARAM`: a path or query parameter (or a value in the body) is not valid.
    pub fn invalid_param(message: impl Into<String>) -> MatrixError {
        MatrixError::new(StatusCode::BAD_REQUEST, "M_INVALID_PARAM", message)
    }

    /// 400 `M_MISSING_PARAM`: a required parameter is absent.
    pub fn missing_param(message: impl Into<String>) -> MatrixError {
        MatrixError::new(StatusCode::BAD_REQUEST, "M_MISSING_PARAM", message)
    }

    /// 400 `M_USER_IN_USE`: the user name is taken.
    pub fn user_in_use() -> MatrixError {
        MatrixError::new(StatusCode::BAD_REQUEST, "M_USER_IN_USE", "This user name is taken.")
    }

    /// 400 `M_INVALID_USERNAME`: the user name cannot be one.
    pub fn invalid_username(message: impl Into<String>) -> MatrixError {
        MatrixError::new(StatusCode::BAD_REQUEST, "M_INVALID_USERNAME", message)
    }

    /// 409 `M_ROOM_IN_USE` is what the alias directory says; creating a room says the same with 400.
    pub fn room_in_use(message: impl Into<String>) -> MatrixError {
        MatrixError::new(StatusCode::BAD_REQUEST, "M_ROOM_IN_USE", message)
    }

    /// 400 `M_UNKNOWN_DEVICE`: an application service named a device that its user does not have.
    pub fn unknown_device() -> MatrixError {
        MatrixError::new(
            StatusCode::BAD_REQUEST,
            "M_UNKNOWN_DEVICE",
            "The user has no device of that id.",
        )
    }

    /// 403 `M_USER_DEACTIVATED`: the account is closed.
    pub fn user_deactivated() -> MatrixError {
        MatrixError::new(
            StatusCode::FORBIDDEN,
            "M_USER_DEACTIVATED",
            "This account has been deactivated.",
        )
    }

    /// 429 `M_LIMIT_EXCEEDED`: too much at once; says when to come again.
    pub fn limit_exceeded(after: Duration) -> MatrixError {
        let mut error = MatrixError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "M_LIMIT_EXCEEDED",
            "Too many requests; wait a moment.",
        );
        error.retry_after = Some(after);
        error
    }

    /// 500 `M_UNKNOWN`: our own fault. The cause belongs into the log, not into the answer.
    pub fn internal() -> MatrixError {
        MatrixError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "M_UNKNOWN",
            "The server failed on this request; its log says why.",
        )
    }

    /// Reads the error from an answer of another server.
    ///
    /// A body that is no Matrix error (a proxy's page, say) becomes `M_UNKNOWN`; its text is not kept, because it may be long
    /// and may repeat what was sent.
    pub fn from_response(response: &http::Response<impl AsRef<[u8]>>) -> MatrixError {
        let status = response.status();
        let body: Map<String, Value> =
            serde_json::from_slice(response.body().as_ref()).unwrap_or_default();
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        let retry_after = header_seconds(response.headers()).or_else(|| {
            body.get("retry_after_ms").and_then(Value::as_u64).map(Duration::from_millis)
        });
        let errcode = text("errcode").unwrap_or_else(|| "M_UNKNOWN".to_owned());
        let message = text("error")
            .unwrap_or_else(|| format!("answer {} without a Matrix error in it", status.as_u16()));
        let mut extra = body;
        for key in ["errcode", "error", "retry_after_ms"] {
            extra.remove(key);
        }
        MatrixError { status, errcode, message, extra, retry_after }
    }

    /// Returns the JSON body.
    pub fn body(&self) -> Value {
        let mut body = self.extra.clone();
        body.insert("errcode".to_owned(), Value::from(self.errcode.as_str()));
        body.insert("error".to_owned(), Value::from(self.message.as_str()));
        if let Some(after) = self.retry_after {
            let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            body.insert("retry_after_ms".to_owned(), Value::from(ms));
        }
        Value::Object(body)
    }
}

/// `Retry-After` in its seconds form; the date form is left to `retry_after_ms`, which every Matrix server also writes.
fn header_seconds(headers: &http::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

impl IntoResponse for MatrixError {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body())).into_response();
        if let Some(after) = self.retry_after {
            // Rounded up, so that who obeys the header does not come too early.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_survives_the_way_over_the_wire() {
        let error =
            MatrixError::limit_exceeded(Duration::from_millis(2_000)).with("hint", "slow down");
        let body = serde_json::to_vec(&error.body()).unwrap();
        let response = http::Response::builder().status(429).body(body).unwrap();
        assert_eq!(MatrixError::from_response(&response), error);
    }

    #[test]
    fn page_of_a_proxy_becomes_an_unknown_error_without_its_text() {
        let response =
            http::Response::builder().status(502).body("<html>token=secret</html>").unwrap();
        let error = MatrixError::from_response(&response);
        assert_eq!((error.errcode.as_str(), error.status.as_u16()), ("M_UNKNOWN", 502));
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn retry_after_is_rounded_up_in_the_header() {
        let response = MatrixError::limit_exceeded(Duration::from_millis(1_200)).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    }
}
