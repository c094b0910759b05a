//! `GET /_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}`

use axum::{extract::State, response::Response};
use http::{HeaderMap, Uri};
use support_matrix_http::MatrixError;

use super::headers::{Place, answer, of_this_server, parameter, patience};
use crate::{api::Authenticated, error::Result, house::SharedHouse, media::Size};

/// Sends a picture, made small.
pub(super) async fn thumbnail(
    State(house): State<SharedHouse>,
    Authenticated(_who): Authenticated,
    Place((server, media_id)): Place<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    let size = read_size(&uri)?;
    of_this_server(&house, &server)?;
    let found = house.media.thumbnail(&media_id, size, patience(&uri)?).await?;
    answer(found, &headers).await
}

fn read_size(uri: &Uri) -> Result<Size, MatrixError> {
    let pixels =
        |key: &str| {
            let given = parameter(uri, key);
            let given =
                given.ok_or_else(|| MatrixError::missing_param(format!("`{key}` is missing.")))?;
            given.parse::<u32>().ok().filter(|pixels| *pixels > 0).ok_or_else(|| {
                MatrixError::invalid_param(format!("`{key}` is no number of pixels."))
            })
        };
    let crops = match parameter(uri, "method").as_deref() {
        None => None,
        Some("crop") => Some(true),
        Some("scale") => Some(false),
        Some(_) => {
            return Err(MatrixError::invalid_param("`method` is `crop` or `scale`."));
        }
    };
    Ok(Size::for_wish(pixels("width")?, pixels("height")?, crops))
}
