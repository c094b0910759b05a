//! `DELETE /_matrix/client/v3/devices/{deviceId}` and `POST /_matrix/client/v3/delete_devices`

use axum::extract::State;
use ruma::api::client::device::{delete_device::v3 as one, delete_devices::v3 as some};

use crate::{
    api::{Authenticated, interactive},
    error::Result,
    house::SharedHouse,
};

/// Ends one device's session. One that is not there (any more) is ended already.
pub(super) async fn delete_device(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: one::Request,
) -> Result<one::Response> {
    interactive::confirm(&house, &who, request.auth.as_ref()).await?;
    house.users.log_out(&who.user_id, &request.device_id).await?;
    Ok(one::Response::new())
}

/// Ends several at once.
pub(super) async fn delete_devices(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: some::Request,
) -> Result<some::Response> {
    interactive::confirm(&house, &who, request.auth.as_ref()).await?;
    house.users.log_out_of(&who.user_id, request.devices).await?;
    Ok(some::Response::new())
}
