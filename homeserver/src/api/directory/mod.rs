//! Room aliases.

use axum::Router;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    Router::new()
}
