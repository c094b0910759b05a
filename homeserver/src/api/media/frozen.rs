//! The addresses from before files were only for those who are logged in. Nothing was uploaded in that time, so
//! nothing is found here.

use support_matrix_http::MatrixError;

/// Sends nobody anything.
pub(super) async fn frozen() -> MatrixError {
    MatrixError::not_found(
        "Files of this server need an access token: ask below /_matrix/client/v1/media.",
    )
}
