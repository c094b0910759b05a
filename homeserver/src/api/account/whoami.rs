//! `GET /_matrix/client/v3/account/whoami`

use ruma::api::client::account::whoami::v3::{Request, Response};

use crate::{api::Authenticated, error::Error};

/// Says as whom the caller acts, and on which device.
pub(super) async fn whoami(
    Authenticated(who): Authenticated,
    _request: Request,
) -> Result<Response, Error> {
    let mut response = Response::new(who.user_id, false);
    response.device_id = who.device_id;
    Ok(response)
}
