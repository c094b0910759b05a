//! `POST /rooms/{roomId}/upgrade`

use axum::{Router, extract::State};
use ruma::api::client::room::upgrade_room::v3::{Request, Response};
use support_matrix_http::route;

use crate::{
    api::paced::{Paced, Rooms},
    error::Result,
    house::SharedHouse,
    rooms::upgrade,
};

pub(super) fn routes() -> Router<SharedHouse> {
    route(Router::new(), upgrade_room)
}

async fn upgrade_room(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Rooms>,
    request: Request,
) -> Result<Response> {
    let (version, creators) = (request.new_version, request.additional_creators);
    let room_id = upgrade::upgrade(&house, &who, &request.room_id, version, creators).await?;
    Ok(Response::new(room_id))
}
