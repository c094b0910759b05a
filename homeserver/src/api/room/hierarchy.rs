//! `GET /v1/rooms/{roomId}/hierarchy`

use axum::{Router, extract::State};
use ruma::{
    UInt,
    api::client::space::{
        SpaceHierarchyRoomsChunk,
        get_hierarchy::v1::{Request, Response},
    },
    serde::Raw,
};
use support_matrix_http::{MatrixError, route};

use crate::{
    api::paced::{Paced, Searches},
    error::Result,
    house::SharedHouse,
    rooms::spaces::{Wish, hierarchy},
};

pub(super) fn routes() -> Router<SharedHouse> {
    route(Router::new(), get_hierarchy)
}

async fn get_hierarchy(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Searches>,
    request: Request,
) -> Result<Response> {
    if request.limit.is_some_and(|limit| limit == UInt::MIN) {
        return Err(MatrixError::invalid_param("`limit` is above zero.").into());
    }
    let limit = request.limit.and_then(|limit| usize::try_from(u64::from(limit)).ok());
    let wish = Wish {
        limit: limit.unwrap_or(usize::MAX),
        max_depth: request.max_depth.map(u64::from),
        suggested_only: request.suggested_only,
        from: request.from,
    };
    let page = hierarchy(&mut &house.db, &request.room_id, &who.user_id, &wish).await?;
    let mut response = Response::new();
    response.next_batch = page.next;
    let rooms = page.rooms.into_iter().map(|(summary, children)| {
        let children = children.into_iter().map(Raw::from_json).collect();
        SpaceHierarchyRoomsChunk::new(summary.told, children)
    });
    response.rooms = rooms.collect();
    Ok(response)
}
