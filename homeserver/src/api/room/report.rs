//! `POST /rooms/{roomId}/report`, `POST /rooms/{roomId}/report/{eventId}` and `POST /users/{userId}/report`

use axum::{Router, extract::State};
use ruma::api::client::{
    reporting::report_user,
    room::{report_content, report_room},
};
use support_matrix_http::route;

use crate::{
    api::paced::{Paced, Reports},
    error::Result,
    house::SharedHouse,
    rooms::reports,
};

pub(super) fn routes() -> Router<SharedHouse> {
    route(route(route(Router::new(), event), room), user)
}

async fn event(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Reports>,
    request: report_content::v3::Request,
) -> Result<report_content::v3::Response> {
    reports::event(&house, &who, &request.room_id, &request.event_id, request.reason).await?;
    Ok(report_content::v3::Response::new())
}

async fn room(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Reports>,
    request: report_room::v3::Request,
) -> Result<report_room::v3::Response> {
    reports::room(&house, &who, &request.room_id, request.reason).await?;
    Ok(report_room::v3::Response::new())
}

async fn user(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Reports>,
    request: report_user::v3::Request,
) -> Result<report_user::v3::Response> {
    reports::user(&house, &who, &request.user_id, request.reason).await?;
    Ok(report_user::v3::Response::new())
}
