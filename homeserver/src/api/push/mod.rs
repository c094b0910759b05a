//! Push rules, and what they made known.

mod get_rules;
mod notifications;
mod set_rules;

use axum::Router;
use support_matrix_http::route;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), get_rules::all);
    let router = route(router, get_rules::global);
    let router = route(router, get_rules::one);
    let router = route(router, get_rules::is_enabled);
    let router = route(router, get_rules::actions);
    let router = route(router, set_rules::put);
    let router = route(router, set_rules::delete);
    let router = route(router, set_rules::enable);
    let router = route(router, set_rules::set_actions);
    notifications::routes(router)
}
