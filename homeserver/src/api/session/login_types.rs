//! `GET /_matrix/client/v3/login`

use ruma::api::client::session::get_login_types::v3::{
    ApplicationServiceLoginType, LoginType, PasswordLoginType, Request, Response, TokenLoginType,
};

use crate::error::Error;

/// Names the ways to log in.
pub(super) async fn get_login_types(_request: Request) -> Result<Response, Error> {
    let mut token = TokenLoginType::new();
    token.get_login_token = true;
    Ok(Response::new(vec![
        LoginType::Password(PasswordLoginType::new()),
        LoginType::Token(token),
        LoginType::ApplicationService(ApplicationServiceLoginType::new()),
    ]))
}
