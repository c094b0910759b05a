//! `POST /_matrix/client/v3/logout` and `POST /_matrix/client/v3/logout/all`

use axum::extract::State;
use ruma::api::client::session::{logout::v3 as one, logout_all::v3 as all};

use crate::{api::Authenticated, error::Error, house::SharedHouse};

/// Ends the session the token belongs to. An appservice's own token has no session, so nothing ends.
pub(super) async fn log_out(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    _request: one::Request,
) -> Result<one::Response, Error> {
    if let Some(device_id) = &who.device_id {
        house.users.log_out(&who.user_id, device_id).await?;
    }
    Ok(one::Response::new())
}

/// Ends every session of the user.
pub(super) async fn log_out_everywhere(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    _request: all::Request,
) -> Result<all::Response, Error> {
    house.users.log_out_everywhere(&who.user_id).await?;
    Ok(all::Response::new())
}
