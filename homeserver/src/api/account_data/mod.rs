//! Account data: what clients keep for themselves, for the account or for one room.

mod get;
mod set;

use axum::Router;
use support_matrix_http::route;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), get::get_global);
    let router = route(router, get::get_room);
    let router = route(router, set::set_global);
    route(router, set::set_room)
}
