//! What ends a request, turned into what Matrix clients read. Domain rooms answer with [`Error`] too: most of what
//! they refuse has a name in the specification, so a second vocabulary would only be translated word by word.

use std::error::Error as StdError;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use support_db::DbError;
use support_matrix_http::MatrixError;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The caller is told exactly this.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// The database did not do it; nothing was changed.
    #[error("the database failed")]
    Db(#[from] DbError),
    /// Something that should not happen did; the log says what, the caller learns nothing.
    #[error("internal error: {0}")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

/// The result of everything in this crate that serves a request.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Wraps a fault of ours.
    pub(crate) fn internal(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// Returns the answer for the client, and writes the log line for what is our fault.
    pub(crate) fn into_matrix(self) -> MatrixError {
        match self {
            Self::Matrix(error) => error,
            Self::Db(error) => match error {
                // Nothing was written; the client may well try again when there is room or peace.
                DbError::Full | DbError::Busy | DbError::Lost(_) | DbError::Closed => {
                    tracing::warn!(error = &error as &dyn StdError, "database not available");
                    MatrixError::new(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "M_UNKNOWN",
                        "The server's database cannot take this now; try again.",
                    )
                }
                error => {
                    tracing::error!(error = &error as &dyn StdError, "database statement failed");
                    MatrixError::internal()
                }
            },
            Self::Internal(error) => {
                tracing::error!(error = &*error as &dyn StdError, "request failed");
                MatrixError::internal()
            }
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.into_matrix().into_response()
    }
}
