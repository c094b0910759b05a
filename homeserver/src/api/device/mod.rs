//! The devices of an account: listed, named, ended.

mod delete;
mod get;
mod update;

use axum::{Router, routing};
use support_matrix_http::route;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let router = ["v3", "r0"].into_iter().fold(Router::new(), |router, version| {
        let devices = format!("/_matrix/client/{version}/devices");
        let device = format!("{devices}/{{device_id}}");
        router
            .route(&devices, routing::get(get::get_devices))
            .route(&device, routing::get(get::get_device))
    });
    let router = route(router, update::update_device);
    let router = route(router, delete::delete_device);
    route(router, delete::delete_devices)
}
