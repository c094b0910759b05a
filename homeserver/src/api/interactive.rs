//! User-interactive authentication of what cannot be undone: whoever holds a token proves once more, by the account's
//! password, that they are its owner. There is one stage, so a session has nothing to remember; its id is handed out
//! because clients expect one.

use http::StatusCode;
use ruma::{
    UserId,
    api::client::uiaa::{AuthData, Password, UserIdentifier},
};
use serde_json::{Map, json};
use support_matrix_http::MatrixError;

use crate::{error::Result, house::House, requester::Requester};

const STAGE: &str = "m.login.password";

/// Returns when the caller has proved to own the account; else the answer that asks for the proof.
///
/// An application service is not asked: its token is the proof, and its users have no passwords.
pub(crate) async fn confirm(house: &House, who: &Requester, auth: Option<&AuthData>) -> Result<()> {
    if who.appservice.is_some() {
        return Ok(());
    }
    let Some(AuthData::Password(given)) = auth else { return Err(ask(house).into()) };
    if !is_about(house, given, &who.user_id) {
        return Err(refuse(house, "The password has to be that of the account itself.").into());
    }
    let now = house.clock.monotonic();
    if let Some(wait) = house.limits.before_login(&who.user_id, now) {
        return Err(MatrixError::limit_exceeded(wait).into());
    }
    if !house.users.check_password(&who.user_id, &given.password.as_str().into()).await? {
        house.limits.note_failed_login(&who.user_id, house.clock.monotonic());
        return Err(refuse(house, "The password is wrong.").into());
    }
    Ok(())
}

fn is_about(house: &House, given: &Password, user_id: &UserId) -> bool {
    let UserIdentifier::Matrix(identifier) = &given.identifier else { return false };
    UserId::parse_with_server_name(identifier.user.to_lowercase(), &house.server_name)
        .is_ok_and(|named| named == user_id)
}

fn ask(house: &House) -> MatrixError {
    refuse(house, "This needs the account's password once more; `flows` says how.")
}

fn refuse(house: &House, words: &str) -> MatrixError {
    MatrixError::new(StatusCode::UNAUTHORIZED, "M_FORBIDDEN", words)
        .with("flows", json!([{ "stages": [STAGE] }]))
        .with("params", Map::new())
        .with("session", house.random.token(18))
}
