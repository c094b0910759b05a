//! `GET /_matrix/client/v1/media/download/{serverName}/{mediaId}` and the same with `/{fileName}`

use axum::{extract::State, response::Response};
use http::{HeaderMap, Uri};

use super::headers::{Place, answer, of_this_server, patience};
use crate::{api::Authenticated, error::Result, house::SharedHouse};

/// Sends a file.
pub(super) async fn download(
    State(house): State<SharedHouse>,
    Authenticated(_who): Authenticated,
    Place((server, media_id)): Place<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    of_this_server(&house, &server)?;
    let found = house.media.find(&media_id, patience(&uri)?).await?;
    answer(found, &headers).await
}

/// Sends a file under a name of the caller's.
pub(super) async fn download_as(
    State(house): State<SharedHouse>,
    Authenticated(_who): Authenticated,
    Place((server, media_id, filename)): Place<(String, String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    of_this_server(&house, &server)?;
    let mut found = house.media.find(&media_id, patience(&uri)?).await?;
    found.filename = Some(filename);
    answer(found, &headers).await
}
