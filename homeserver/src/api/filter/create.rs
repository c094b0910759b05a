//! `POST /_matrix/client/v3/user/{userId}/filter`

use axum::extract::State;
use ruma::api::client::filter::create_filter::v3::{Request, Response};
use support_matrix_http::MatrixError;

use crate::{
    api::paced::{Paced, Signals},
    error::{Error, Result},
    house::SharedHouse,
};

/// The longest filter, in bytes: it is kept for good and read at every sync.
const LONGEST: usize = 64 * 1024;

/// Stores a filter and names it.
pub(super) async fn create_filter(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: Request,
) -> Result<Response> {
    who.must_be(&request.user_id)?;
    let definition = serde_json::to_string(&request.filter).map_err(Error::internal)?;
    if definition.len() > LONGEST {
        return Err(MatrixError::too_large().into());
    }
    Ok(Response::new(house.users.put_filter(&who.user_id, definition).await?))
}
