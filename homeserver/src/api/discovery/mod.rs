//! What a client asks before it knows anything: versions, the address of the server, capabilities.

mod capabilities;
mod versions;
mod wellknown;

use axum::{Router, routing::get};
use support_matrix_http::route;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let router = Router::new().route("/.well-known/matrix/client", get(wellknown::get_client));
    let router = route(router, versions::get_versions);
    route(router, capabilities::get_capabilities)
}
