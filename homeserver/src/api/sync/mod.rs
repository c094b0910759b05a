//! `GET /sync`, and the push rules every client asks for before it syncs.

mod push_rules;

use axum::{Router, extract::State};
use ruma::{
    api::client::sync::sync_events::v3::{Request, Response},
    presence::PresenceState,
};
use support_matrix_http::{MatrixError, route};

use crate::{api::Authenticated, error::Result, house::SharedHouse, sync};

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    route(push_rules::routes(), sync_events)
}

async fn sync_events(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: Request,
) -> Result<Response> {
    match request.set_presence {
        PresenceState::Online | PresenceState::Offline | PresenceState::Unavailable => {}
        _ => return Err(MatrixError::invalid_param("There is no such presence.").into()),
    }
    sync::sync(&house, &who, request).await
}
