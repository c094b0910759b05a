//! `POST /_matrix/client/v3/refresh`

use axum::extract::State;
use ruma::api::client::session::refresh_token::v3::{Request, Response};
use support_matrix_http::MatrixError;

use crate::{error::Result, house::SharedHouse};

/// Gives a device its next tokens. What cannot be refreshed is over: the person has to log in again.
pub(super) async fn refresh(
    State(house): State<SharedHouse>,
    request: Request,
) -> Result<Response> {
    let tokens = house.users.refresh(&request.refresh_token).await?;
    let tokens = tokens.ok_or_else(|| MatrixError::unknown_token(false))?;
    let mut response = Response::new(tokens.access);
    if let Some((token, lifetime)) = tokens.refresh {
        response.refresh_token = Some(token);
        response.expires_in_ms = Some(lifetime);
    }
    Ok(response)
}
