//! `POST /_matrix/media/v3/upload` and `PUT /_matrix/media/v3/upload/{serverName}/{mediaId}`

use axum::{Json, body::Body, extract::State};
use http::{HeaderMap, Uri, header};
use serde_json::{Value, json};

use super::headers::{Place, of_this_server};
use crate::{
    api::paced::{Paced, Uploads},
    error::Result,
    house::SharedHouse,
    media::Claims,
};

/// Takes a file in and hands out its address.
pub(super) async fn upload(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Uploads>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>> {
    let claims = read_claims(&uri, &headers);
    let media_id = house.media.upload(&who.user_id, claims, body.into_data_stream()).await?;
    Ok(Json(json!({ "content_uri": format!("mxc://{}/{media_id}", house.server_name) })))
}

/// Takes in the file of an address that was made before.
pub(super) async fn fill(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Uploads>,
    Place((server, media_id)): Place<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>> {
    of_this_server(&house, &server)?;
    let claims = read_claims(&uri, &headers);
    house.media.fill(&who.user_id, &media_id, claims, body.into_data_stream()).await?;
    Ok(Json(json!({})))
}

fn read_claims(uri: &Uri, headers: &HeaderMap) -> Claims {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let query = uri.query().unwrap_or_default();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    Claims {
        content_type: text(header::CONTENT_TYPE),
        filename: pairs.find(|(key, _)| key == "filename").map(|(_, name)| name.into_owned()),
        length: text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
    }
}
