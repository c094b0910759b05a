//! What only appservices call.

mod ping;

use axum::Router;
use support_matrix_http::route;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    route(Router::new(), ping::ping)
}
