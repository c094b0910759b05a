//! The HTTP door: one folder per area, one file per endpoint. Handlers translate; the domain rooms decide.

mod account;
mod account_data;
mod admin;
mod appservice;
mod auth;
mod device;
mod directory;
mod discovery;
mod elsewhere;
mod filter;
mod interactive;
mod media;
mod paced;
mod presence;
mod profile;
mod push;
mod register;
mod room;
mod search;
mod session;
mod sync;
mod tag;

use axum::Router;

pub(crate) use self::{admin::Nonces, auth::Authenticated};
use crate::house::SharedHouse;

/// Puts every area's routes together, before the state is handed in.
pub(crate) fn routes() -> Router<SharedHouse> {
    [
        account::routes(),
        account_data::routes(),
        admin::routes(),
        appservice::routes(),
        device::routes(),
        directory::routes(),
        discovery::routes(),
        elsewhere::routes(),
        filter::routes(),
        media::routes(),
        presence::routes(),
        profile::routes(),
        push::routes(),
        register::routes(),
        room::routes(),
        search::routes(),
        session::routes(),
        sync::routes(),
        tag::routes(),
    ]
    .into_iter()
    .fold(Router::new(), Router::merge)
}
