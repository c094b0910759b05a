//! `POST /_matrix/client/v3/account/deactivate`

use axum::extract::State;
use ruma::api::client::account::{
    ThirdPartyIdRemovalStatus,
    deactivate::v3::{Request, Response},
};

use crate::{
    api::{Authenticated, interactive},
    closing,
    error::Result,
    house::SharedHouse,
};

/// Closes the caller's account for good. There are no identity servers here to be told.
pub(super) async fn deactivate(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: Request,
) -> Result<Response> {
    interactive::confirm(&house, &who, request.auth.as_ref()).await?;
    closing::close_account(&house, &who.user_id).await?;
    Ok(Response::new(ThirdPartyIdRemovalStatus::NoSupport))
}
