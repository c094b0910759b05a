//! `GET /_matrix/client/v3/register/available`

use axum::extract::State;
use ruma::api::client::account::get_username_availability::v3::{Request, Response};
use support_matrix_http::MatrixError;

use super::create::refuse_exclusive;
use crate::{config::RegistrationMode, error::Error, house::SharedHouse, users::make_user_id};

/// Says whether a name could be registered; the error says why not.
pub(super) async fn is_available(
    State(house): State<SharedHouse>,
    request: Request,
) -> Result<Response, Error> {
    if house.settings.registration == RegistrationMode::Closed {
        return Err(MatrixError::forbidden("Registration is closed on this server.").into());
    }
    refuse_exclusive(&house, &request.username)?;
    let user_id = make_user_id(&request.username, &house.server_name)?;
    house.appservices.check_user(None, &user_id)?;
    if house.users.account(&user_id).await?.is_some() {
        return Err(MatrixError::user_in_use().into());
    }
    Ok(Response::new(true))
}
