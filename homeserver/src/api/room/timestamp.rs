//! `GET /v1/rooms/{roomId}/timestamp_to_event`

use axum::{Router, extract::State};
use ruma::{
    MilliSecondsSinceUnixEpoch, UInt,
    api::{
        Direction,
        client::room::get_event_by_timestamp::v1::{Request, Response},
    },
};
use support_matrix_http::route;

use crate::{
    api::Authenticated, error::Result, house::SharedHouse, rooms::read, store::events::Side,
};

pub(super) fn routes() -> Router<SharedHouse> {
    route(Router::new(), timestamp_to_event)
}

async fn timestamp_to_event(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: Request,
) -> Result<Response> {
    let side = match request.dir {
        Direction::Forward => Side::Since,
        Direction::Backward => Side::Until,
    };
    let ts = i64::from(request.ts.0);
    let found = read::nearest(&house, &who, &request.room_id, ts, side).await?;
    let ts = MilliSecondsSinceUnixEpoch(UInt::try_from(found.ts).unwrap_or_default());
    Ok(Response::new(found.event_id, ts))
}
