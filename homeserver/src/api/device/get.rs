//! `GET /_matrix/client/v3/devices` and `GET /_matrix/client/v3/devices/{deviceId}`, written by hand: ruma tells of a missing
//! address as `null`, which the specification does not know.

use axum::{Json, extract::State};
use ruma::api::client::device::{get_device::v3 as one, get_devices::v3 as all};
use serde_json::{Value, json};
use support_matrix_http::{MatrixError, Ruma};

use crate::{api::Authenticated, error::Result, house::SharedHouse, users};

/// Lists the caller's devices.
pub(super) async fn get_devices(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    Ruma(_): Ruma<all::Request>,
) -> Result<Json<Value>> {
    let devices = house.users.devices(&who.user_id).await?;
    let devices: Vec<Value> = devices.into_iter().map(write).collect();
    Ok(Json(json!({ "devices": devices })))
}

/// Tells of one.
pub(super) async fn get_device(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    Ruma(request): Ruma<one::Request>,
) -> Result<Json<Value>> {
    let device = house.users.device(&who.user_id, &request.device_id).await?;
    let device = device.ok_or_else(|| MatrixError::not_found("You have no such device."))?;
    Ok(Json(write(device)))
}

fn write(device: users::Device) -> Value {
    let mut written = json!({ "device_id": device.device_id });
    if let Some(name) = device.display_name {
        written["display_name"] = json!(name);
    }
    if let Some(at) = device.last_seen_at {
        written["last_seen_ts"] = json!(at);
    }
    written
}
