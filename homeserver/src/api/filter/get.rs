//! `GET /_matrix/client/v3/user/{userId}/filter/{filterId}`

use axum::extract::State;
use ruma::api::client::filter::get_filter::v3::{Request, Response};
use support_matrix_http::MatrixError;

use crate::{
    api::Authenticated,
    error::{Error, Result},
    house::SharedHouse,
};

/// Returns a stored filter.
pub(super) async fn get_filter(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: Request,
) -> Result<Response> {
    who.must_be(&request.user_id)?;
    let definition = house.users.filter(&who.user_id, &request.filter_id).await?;
    let definition =
        definition.ok_or_else(|| MatrixError::not_found("There is no filter of this id."))?;
    Ok(Response::new(serde_json::from_str(definition.get()).map_err(Error::internal)?))
}
