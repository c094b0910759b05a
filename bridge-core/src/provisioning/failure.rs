//! Errors of the provisioning API: a status, a code for programs and words for people.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use support_db::DbError;
use utoipa::ToSchema;

use crate::logins::LoginTrouble;
use crate::matrix::MatrixTrouble;
use crate::network::NetworkError;

/// Why something was not done, as it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    status: StatusCode,
    errcode: &'static str,
    words: String,
    retry_after: Option<Duration>,
}

/// The body of an error.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FailureBody {
    /// For programs.
    errcode: &'static str,
    /// For people.
    error: String,
    /// Milliseconds to wait, where waiting helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, errcode: &'static str, words: impl Into<String>) -> Self {
        Self { status, errcode, words: words.into(), retry_after: None }
    }

    pub(super) fn not_found(words: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "M_NOT_FOUND", words)
    }

    pub(super) fn invalid(words: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "M_INVALID_PARAM", words)
    }

    pub(super) fn forbidden(words: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "M_FORBIDDEN", words)
    }

    /// The process is somewhere else than the client believes.
    pub(super) fn bad_state(words: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "M_BAD_STATE", words)
    }

    /// This network cannot do that.
    pub(super) fn unsupported(words: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "M_UNRECOGNIZED", words)
    }

    pub(super) fn too_many(words: impl Into<String>, wait: Duration) -> Self {
        let failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "M_LIMIT_EXCEEDED", words);
        Self { retry_after: Some(wait), ..failure }
    }

    fn not_now(words: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "M_UNKNOWN", words)
    }
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        let words = error.to_string();
        match error {
            NetworkError::NotFound(_) => Self::not_found(words),
            NetworkError::Forbidden(_) | NetworkError::BadCredentials(_) => Self::forbidden(words),
            NetworkError::Invalid(_) => Self::invalid(words),
            NetworkError::Unsupported(_) => Self::unsupported(words),
            NetworkError::RateLimited(wait) => Self::too_many(words, wait),
            NetworkError::Offline(_) | NetworkError::Unreachable(_) => Self::not_now(words),
        }
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        tracing::error!(%error, "provisioning: the storage does not answer");
        Self::not_now("The bridge's storage does not answer; try again.")
    }
}

impl From<MatrixTrouble> for Failure {
    fn from(trouble: MatrixTrouble) -> Self {
        match trouble {
            MatrixTrouble::Refused { words, .. } => {
                Self::forbidden(format!("The homeserver refuses: {words}"))
            }
            trouble => {
                tracing::warn!(%trouble, "provisioning: the homeserver does not answer");
                Self::not_now("The homeserver does not answer; try again.")
            }
        }
    }
}

impl From<LoginTrouble> for Failure {
    fn from(trouble: LoginTrouble) -> Self {
        match trouble {
            LoginTrouble::Db(error) => error.into(),
            LoginTrouble::Network(error) => error.into(),
            trouble => {
                tracing::error!(%trouble, "a new login could not be kept");
                Self::not_now(format!("The login could not be stored: {trouble}."))
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { status, errcode, words, retry_after } = self;
        let retry_after_ms =
            retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let body = FailureBody { errcode, error: words, retry_after_ms };
        let mut response = (status, Json(body)).into_response();
        if let Some(wait) = retry_after {
            let seconds = HeaderValue::from(wait.as_secs().saturating_add(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
