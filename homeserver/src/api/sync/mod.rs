//! `GET /sync`

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use ruma::api::{
    Metadata, OutgoingResponse, client::sync::sync_events::v3, path_builder::PathBuilder,
};
use support_matrix_http::{MatrixError, Ruma, RumaResponse};

use crate::{
    api::Authenticated,
    error::{Error, Result},
    house::SharedHouse,
    presence::{self, Availability},
    sync,
};

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let paths = v3::Request::PATH_BUILDER.all_paths();
    paths.fold(Router::new(), |router, path| router.route(path, get(sync_events)))
}

async fn sync_events(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    Ruma(request): Ruma<v3::Request>,
) -> Result<Response> {
    let wish = Availability::read(&request.set_presence)
        .ok_or_else(|| MatrixError::invalid_param("There is no such presence."))?;
    // Held until the answer is there, or nobody waits for it any more.
    let _attendance = presence::attend(&house, &who, wish).await?;
    let response = sync::sync(&house, &who, request).await?;
    if response.rooms.is_empty() && !response.rooms.knock.is_empty() {
        return with_knocks(response);
    }
    Ok(RumaResponse(response).into_response())
}

/// Writes an answer whose only rooms are those one knocks at: ruma takes such rooms for none and leaves them out.
fn with_knocks(response: v3::Response) -> Result<Response> {
    let knock = serde_json::json!({ "knock": response.rooms.knock });
    let written = response.try_into_http_response::<Vec<u8>>().map_err(Error::internal)?;
    let (head, body) = written.into_parts();
    let mut body: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&body).map_err(Error::internal)?;
    body.insert("rooms".to_owned(), knock);
    let body = serde_json::to_vec(&body).map_err(Error::internal)?;
    Ok(http::Response::from_parts(head, body.into()))
}
