//! Filters: stored once, then named by `/sync`.

mod create;
mod get;

use axum::Router;
use support_matrix_http::route;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), create::create_filter);
    route(router, get::get_filter)
}
