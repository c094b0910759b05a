//! The account itself.

mod change_password;
mod deactivate;
mod thirdparty_ids;
mod whoami;

use axum::Router;
use support_matrix_http::route;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let router = route(thirdparty_ids::routes(), whoami::whoami);
    let router = route(router, change_password::change_password);
    route(router, deactivate::deactivate)
}
