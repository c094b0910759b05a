//! `PUT /_matrix/client/v3/devices/{deviceId}`

use axum::extract::State;
use ruma::api::client::device::update_device::v3::{Request, Response};
use support_matrix_http::MatrixError;

use crate::{
    api::paced::{Paced, Signals},
    error::Result,
    house::SharedHouse,
    users::check_opaque,
};

/// Names a device.
pub(super) async fn update_device(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: Request,
) -> Result<Response> {
    check_opaque("name of a device", request.display_name.as_deref().unwrap_or_default())?;
    if !house.users.name_device(&who.user_id, &request.device_id, request.display_name).await? {
        return Err(MatrixError::not_found("You have no such device.").into());
    }
    Ok(Response::new())
}
