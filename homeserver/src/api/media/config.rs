//! `GET /_matrix/client/v1/media/config` and, from before, `GET /_matrix/media/v3/config`

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{api::Authenticated, house::SharedHouse};

/// Says how large a file may be, in bytes.
pub(super) async fn get_config(
    State(house): State<SharedHouse>,
    Authenticated(_who): Authenticated,
) -> Json<Value> {
    Json(json!({ "m.upload.size": house.media.limit() }))
}
