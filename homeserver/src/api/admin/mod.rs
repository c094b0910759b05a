//! Registration by shared secret, as Synapse has it: scripts and test suites make accounts with it.

mod register;

use axum::{Router, routing::get};

pub(crate) use self::register::Nonces;
use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    Router::new()
        .route("/_synapse/admin/v1/register", get(register::make_nonce).post(register::register))
}
