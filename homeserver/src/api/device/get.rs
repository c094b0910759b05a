//! `GET /_matrix/client/v3/devices` and `GET /_matrix/client/v3/devices/{deviceId}`

use axum::extract::State;
use ruma::api::client::device::{Device, get_device::v3 as one, get_devices::v3 as all};
use support_matrix_http::MatrixError;

use crate::{api::Authenticated, error::Result, house::SharedHouse, users};

/// Lists the caller's devices.
pub(super) async fn get_devices(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    _request: all::Request,
) -> Result<all::Response> {
    let devices = house.users.devices(&who.user_id).await?;
    Ok(all::Response::new(devices.into_iter().map(write).collect()))
}

/// Tells of one.
pub(super) async fn get_device(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: one::Request,
) -> Result<one::Response> {
    let device = house.users.device(&who.user_id, &request.device_id).await?;
    let device = device.ok_or_else(|| MatrixError::not_found("You have no such device."))?;
    Ok(one::Response::new(write(device)))
}

fn write(device: users::Device) -> Device {
    let mut written = Device::new(device.device_id);
    written.display_name = device.display_name;
    written
}
