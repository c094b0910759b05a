//! `POST /_matrix/client/v3/user/{userId}/filter`

use axum::extract::State;
use ruma::api::client::filter::create_filter::v3::{Request, Response};

use crate::{
    api::Authenticated,
    error::{Error, Result},
    house::SharedHouse,
};

/// Stores a filter and names it.
pub(super) async fn create_filter(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: Request,
) -> Result<Response> {
    who.must_be(&request.user_id)?;
    let definition = serde_json::to_string(&request.filter).map_err(Error::internal)?;
    Ok(Response::new(house.users.put_filter(&who.user_id, definition).await?))
}
