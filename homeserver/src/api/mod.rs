//! The HTTP door: one folder per area, one file per endpoint. Handlers translate; the domain rooms decide.

mod directory;
mod room;
mod sync;

use axum::Router;

use crate::house::SharedHouse;

/// Puts every area's routes together, before the state is handed in.
pub(crate) fn routes() -> Router<SharedHouse> {
    Router::new().merge(room::routes()).merge(directory::routes()).merge(sync::routes())
}
