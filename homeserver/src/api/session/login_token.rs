//! `POST /_matrix/client/v1/login/get_token`

use axum::extract::State;
use ruma::api::client::session::get_login_token::v1::{Request, Response};
use support_matrix_http::MatrixError;

use crate::{
    api::{Authenticated, interactive},
    error::Result,
    house::SharedHouse,
    users::LOGIN_TOKEN_LIFETIME,
};

/// Hands out a token by which another device of the same person logs in, once and soon.
pub(super) async fn get_login_token(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: Request,
) -> Result<Response> {
    interactive::confirm(&house, &who, request.auth.as_ref()).await?;
    let now = house.clock.monotonic();
    let token = house.users.login_tokens.mint(&who.user_id, now, &*house.random);
    let token = token.ok_or_else(|| MatrixError::limit_exceeded(LOGIN_TOKEN_LIFETIME))?;
    Ok(Response::new(LOGIN_TOKEN_LIFETIME, token))
}
