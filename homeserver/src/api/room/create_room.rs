//! `POST /createRoom`

use axum::{Router, extract::State};
use ruma::api::client::room::create_room::v3::{Request, Response};
use support_matrix_http::route;

use crate::{
    api::paced::{Paced, Rooms},
    error::Result,
    house::SharedHouse,
    rooms::create::{Wish, create},
};

pub(super) fn routes() -> Router<SharedHouse> {
    route(Router::new(), create_room)
}

async fn create_room(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Rooms>,
    request: Request,
) -> Result<Response> {
    let wish = Wish::read(request, &house.server_name)?;
    Ok(Response::new(create(&house, &who, wish).await?))
}
