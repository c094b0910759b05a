//! Profiles: anybody may read them, everybody writes their own.

mod get;
mod set;

use axum::Router;
use support_matrix_http::route;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), get::get_profile);
    let router = route(router, get::get_display_name);
    let router = route(router, get::get_avatar_url);
    let router = route(router, set::set_display_name);
    route(router, set::set_avatar_url)
}
