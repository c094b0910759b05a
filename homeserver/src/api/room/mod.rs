//! Rooms: create, join, leave, state, send and what else happens inside one.

mod batch_send;
mod context;
mod create_room;
mod hierarchy;
mod markers;
mod members;
mod membership;
mod messages;
mod relations;
mod report;
mod send;
mod state;
mod summary;
mod timestamp;
mod upgrade;

use axum::Router;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    [
        batch_send::routes(),
        context::routes(),
        create_room::routes(),
        hierarchy::routes(),
        markers::routes(),
        members::routes(),
        membership::routes(),
        messages::routes(),
        report::routes(),
        relations::routes(),
        send::routes(),
        state::routes(),
        summary::routes(),
        timestamp::routes(),
        upgrade::routes(),
    ]
    .into_iter()
    .fold(Router::new(), Router::merge)
}
