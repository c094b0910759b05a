//! Sessions: the ways to log in, logging in, staying logged in, logging out.

mod login;
mod login_token;
mod login_types;
mod logout;
mod refresh;

use axum::Router;
use support_matrix_http::route;

pub(super) use self::login::check_session;
use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), login_types::get_login_types);
    let router = route(router, login::log_in);
    let router = route(router, login_token::get_login_token);
    let router = route(router, refresh::refresh);
    let router = route(router, logout::log_out);
    route(router, logout::log_out_everywhere)
}
