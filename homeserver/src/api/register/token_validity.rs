//! `GET /_matrix/client/v1/register/m.login.registration_token/validity`

use axum::extract::State;
use ruma::api::client::account::check_registration_token_validity::v1::{Request, Response};
use support_matrix_http::MatrixError;

use crate::{config::RegistrationMode, error::Error, house::SharedHouse};

/// Says whether a sign-up token could be used now.
pub(super) async fn is_valid(
    State(house): State<SharedHouse>,
    request: Request,
) -> Result<Response, Error> {
    if house.settings.registration != RegistrationMode::Token {
        return Err(MatrixError::forbidden("This server does not use sign-up tokens.").into());
    }
    Ok(Response::new(house.users.sign_up_token_is_valid(&request.token).await?))
}
