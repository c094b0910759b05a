//! The devices of an account: listed, named, ended.

mod delete;
mod get;
mod update;

use axum::Router;
use support_matrix_http::route;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), get::get_devices);
    let router = route(router, get::get_device);
    let router = route(router, update::update_device);
    let router = route(router, delete::delete_device);
    route(router, delete::delete_devices)
}
