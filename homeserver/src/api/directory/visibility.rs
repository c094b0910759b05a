//! `/directory/list/room/{roomId}` and `/directory/list/appservice/{networkId}/{roomId}`

use axum::{
    Json, Router,
    extract::{Path, State, rejection::PathRejection},
    routing::delete,
};
use ruma::{
    OwnedRoomId,
    api::client::{
        appservice::set_room_visibility as set_listed,
        directory::{get_room_visibility, set_room_visibility},
        room::Visibility,
    },
};
use serde_json::{Value, json};
use support_matrix_http::{MatrixError, route};

use crate::{
    api::{
        auth::Anybody,
        paced::{Paced, Signals},
    },
    error::Result,
    house::SharedHouse,
    rooms::directory,
};

pub(super) fn routes() -> Router<SharedHouse> {
    let mut router = route(route(route(Router::new(), get), set), set_for_appservice);
    // Not in the specification, but what Synapse's bridges call.
    for version in ["r0", "v3"] {
        let path = format!(
            "/_matrix/client/{version}/directory/list/appservice/{{network_id}}/{{room_id}}"
        );
        router = router.route(&path, delete(unlist));
    }
    router
}

async fn get(
    State(house): State<SharedHouse>,
    _who: Anybody,
    request: get_room_visibility::v3::Request,
) -> Result<get_room_visibility::v3::Response> {
    let published = directory::is_published(&house, &request.room_id).await?;
    let visibility = if published { Visibility::Public } else { Visibility::Private };
    Ok(get_room_visibility::v3::Response::new(visibility))
}

async fn set(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: set_room_visibility::v3::Request,
) -> Result<set_room_visibility::v3::Response> {
    let published = is_public(&request.visibility)?;
    directory::publish(&house, &who, &request.room_id, published).await?;
    Ok(set_room_visibility::v3::Response::new())
}

async fn set_for_appservice(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: set_listed::v3::Request,
) -> Result<set_listed::v3::Response> {
    let is_listed = is_public(&request.visibility)?;
    directory::list_for(&house, &who, request.network_id, &request.room_id, is_listed).await?;
    Ok(set_listed::v3::Response::new())
}

async fn unlist(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    place: Result<Path<(String, OwnedRoomId)>, PathRejection>,
) -> Result<Json<Value>> {
    let Path((network, room_id)) =
        place.map_err(|_| MatrixError::invalid_param("The path names no room."))?;
    directory::list_for(&house, &who, network, &room_id, false).await?;
    Ok(Json(json!({})))
}

fn is_public(visibility: &Visibility) -> Result<bool, MatrixError> {
    match visibility {
        Visibility::Public => Ok(true),
        Visibility::Private => Ok(false),
        _ => Err(MatrixError::invalid_param("`visibility` is `public` or `private`.")),
    }
}
