//! Rooms: create, join, leave, state, send and what else happens inside one.

mod create_room;
mod markers;
mod members;
mod membership;
mod messages;
mod send;
mod state;
mod upgrade;

use axum::Router;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    [
        create_room::routes(),
        markers::routes(),
        members::routes(),
        membership::routes(),
        messages::routes(),
        send::routes(),
        state::routes(),
        upgrade::routes(),
    ]
    .into_iter()
    .fold(Router::new(), Router::merge)
}
