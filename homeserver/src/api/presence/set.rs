//! `PUT /_matrix/client/v3/presence/{userId}/status`

use axum::extract::State;
use ruma::api::client::presence::set_presence::v3::{Request, Response};
use support_matrix_http::MatrixError;

use crate::{
    api::paced::{Paced, Signals},
    error::Result,
    house::SharedHouse,
    presence::{self, Availability},
};

/// The longest status, in bytes: it is told to everybody again and again.
const LONGEST: usize = 1_000;

/// Sets one's own presence. Where nobody is noticed, and for users of application services, it does nothing.
pub(super) async fn set_presence(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: Request,
) -> Result<Response> {
    who.must_be(&request.user_id)?;
    let what = Availability::read(&request.presence)
        .ok_or_else(|| MatrixError::invalid_param("There is no such presence."))?;
    let status = request.status_msg;
    if status.as_ref().is_some_and(|status| status.len() > LONGEST || status.contains('\0')) {
        let words = "This is too long for a status, or holds the character NUL.";
        return Err(MatrixError::invalid_param(words).into());
    }
    presence::set(&house, &who, what, status).await?;
    Ok(Response::new())
}
