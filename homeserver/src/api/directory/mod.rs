//! Directories: names of rooms, lists of rooms, and people.

mod aliases;
mod people;
mod public_rooms;
mod visibility;

use axum::Router;

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    [aliases::routes(), people::routes(), public_rooms::routes(), visibility::routes()]
        .into_iter()
        .fold(Router::new(), Router::merge)
}
