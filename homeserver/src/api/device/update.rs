//! `PUT /_matrix/client/v3/devices/{deviceId}`

use axum::extract::State;
use ruma::api::client::device::update_device::v3::{Request, Response};
use support_matrix_http::MatrixError;

use crate::{api::Authenticated, error::Result, house::SharedHouse};

/// The longest name of a device, in bytes; it is shown in lists.
const LONGEST_NAME: usize = 256;

/// Names a device.
pub(super) async fn update_device(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: Request,
) -> Result<Response> {
    if request.display_name.as_ref().is_some_and(|name| name.len() > LONGEST_NAME) {
        let words = format!("A device's name has at most {LONGEST_NAME} bytes.");
        return Err(MatrixError::invalid_param(words).into());
    }
    if !house.users.name_device(&who.user_id, &request.device_id, request.display_name).await? {
        return Err(MatrixError::not_found("You have no such device.").into());
    }
    Ok(Response::new())
}
