//! Registration: new accounts for people, as the operator allows it, and for the ghosts of appservices.

mod available;
mod create;
mod stages;
mod token_validity;

use axum::{Router, routing::post};
use support_matrix_http::route;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let router = ["v3", "r0"].into_iter().fold(Router::new(), |router, version| {
        router.route(&format!("/_matrix/client/{version}/register"), post(create::register))
    });
    let router = route(router, available::is_available);
    route(router, token_validity::is_valid)
}
