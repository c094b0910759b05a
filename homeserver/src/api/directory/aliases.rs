//! `/directory/room/{roomAlias}`

use axum::{Router, extract::State};
use ruma::api::client::alias::{create_alias, delete_alias, get_alias};
use support_matrix_http::route;

use crate::{
    api::paced::{Paced, Signals},
    error::Result,
    house::SharedHouse,
    rooms::aliases,
};

pub(super) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), create);
    let router = route(router, delete);
    route(router, get)
}

async fn create(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: create_alias::v3::Request,
) -> Result<create_alias::v3::Response> {
    aliases::create(&house, &who, &request.room_alias, &request.room_id).await?;
    Ok(create_alias::v3::Response::new())
}

async fn delete(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: delete_alias::v3::Request,
) -> Result<delete_alias::v3::Response> {
    aliases::delete(&house, &who, &request.room_alias).await?;
    Ok(delete_alias::v3::Response::new())
}

/// Anybody may ask where an alias leads.
async fn get(
    State(house): State<SharedHouse>,
    request: get_alias::v3::Request,
) -> Result<get_alias::v3::Response> {
    let room_id = aliases::resolve(&house, &request.room_alias).await?;
    Ok(get_alias::v3::Response::new(room_id, vec![house.server_name.clone()]))
}
