//! `GET /_matrix/client/v3/login`

use ruma::api::client::session::get_login_types::v3::{
    ApplicationServiceLoginType, LoginType, PasswordLoginType, Request, Response,
};

use crate::error::Error;

/// Names the ways to log in.
pub(super) async fn get_login_types(_request: Request) -> Result<Response, Error> {
    Ok(Response::new(vec![
        LoginType::Password(PasswordLoginType::new()),
        LoginType::ApplicationService(ApplicationServiceLoginType::new()),
    ]))
}
