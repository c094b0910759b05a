//! Presence: those who share a room may read it, everybody sets their own.

mod get;
mod set;

use axum::Router;
use support_matrix_http::route;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    route(route(Router::new(), get::get_presence), set::set_presence)
}
