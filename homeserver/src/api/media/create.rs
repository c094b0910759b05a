//! `POST /_matrix/media/v1/create`

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{
    api::paced::{Paced, Uploads},
    error::Result,
    house::SharedHouse,
};

/// Makes an address whose bytes will be uploaded later.
pub(super) async fn create(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Uploads>,
) -> Result<Json<Value>> {
    let (media_id, until) = house.media.reserve(&who.user_id).await?;
    let content_uri = format!("mxc://{}/{media_id}", house.server_name);
    Ok(Json(json!({ "content_uri": content_uri, "unused_expires_at": until })))
}
