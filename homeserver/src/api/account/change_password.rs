//! `POST /_matrix/client/v3/account/password`

use axum::extract::State;
use ruma::api::client::account::change_password::v3::{Request, Response};
use support_matrix_http::MatrixError;

use crate::{
    api::{Authenticated, interactive},
    error::Result,
    house::SharedHouse,
    users::check_new_password,
};

/// Gives the account another password; by default every other session ends.
pub(super) async fn change_password(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: Request,
) -> Result<Response> {
    if who.appservice.is_some() {
        let words = "Users of application services have no passwords.";
        return Err(MatrixError::forbidden(words).into());
    }
    if request.new_password.is_empty() {
        return Err(MatrixError::invalid_param("`new_password` is empty.").into());
    }
    check_new_password(&request.new_password)?;
    interactive::confirm(&house, &who, request.auth.as_ref()).await?;
    let kept = who.device_id.as_deref();
    let password = request.new_password.into();
    house.users.change_password(&who.user_id, &password, kept, request.logout_devices).await?;
    Ok(Response::new())
}
