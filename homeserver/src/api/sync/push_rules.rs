//! `GET /pushrules/` and `GET /pushrules/global/`: the rules of the specification, the same for everybody.

use axum::Router;
use ruma::{
    api::client::push::{get_pushrules_all, get_pushrules_global_scope},
    push::Ruleset,
};
use support_matrix_http::route;

use crate::{api::Authenticated, error::Result, house::SharedHouse};

pub(super) fn routes() -> Router<SharedHouse> {
    route(route(Router::new(), all), global)
}

async fn all(
    Authenticated(who): Authenticated,
    _request: get_pushrules_all::v3::Request,
) -> Result<get_pushrules_all::v3::Response> {
    Ok(get_pushrules_all::v3::Response::new(Ruleset::server_default(&who.user_id)))
}

async fn global(
    Authenticated(who): Authenticated,
    _request: get_pushrules_global_scope::v3::Request,
) -> Result<get_pushrules_global_scope::v3::Response> {
    Ok(get_pushrules_global_scope::v3::Response::new(Ruleset::server_default(&who.user_id)))
}
