//! The interactive part of registration. Every flow here has one stage, so a session has nothing to remember: its id
//! is handed out because clients expect one, and whatever comes back is accepted.

use http::StatusCode;
use ruma::api::client::uiaa::AuthData;
use serde_json::{Map, json};
use support_clock::Random;
use support_matrix_http::MatrixError;

use crate::config::RegistrationMode;

/// What the client still has to do, or has proved.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing is asked for.
    Nothing,
    /// The sign-up token it named; whether it is good shows when it is used.
    SignUpToken(String),
}

/// Checks the stage of the server's one flow.
pub(super) fn check(
    mode: RegistrationMode,
    auth: Option<&AuthData>,
    random: &dyn Random,
) -> Result<Proof, MatrixError> {
    let stage = match mode {
        RegistrationMode::Closed => {
            return Err(MatrixError::forbidden(
                "Registration is closed on this server. Ask its operator for an account.",
            ));
        }
        RegistrationMode::Token => "m.login.registration_token",
        RegistrationMode::Open => "m.login.dummy",
    };
    match (mode, auth) {
        (RegistrationMode::Open, Some(AuthData::Dummy(_))) => Ok(Proof::Nothing),
        (RegistrationMode::Token, Some(AuthData::RegistrationToken(given))) => {
            Ok(Proof::SignUpToken(given.token.clone()))
        }
        _ => Err(ask_for(stage, random)),
    }
}

/// The answer when the sign-up token was no good: the flow again, with the reason.
pub(super) fn token_refused(random: &dyn Random) -> MatrixError {
    let mut error = ask_for("m.login.registration_token", random);
    error.message = "The sign-up token is unknown or used up.".to_owned();
    error
}

fn ask_for(stage: &str, random: &dyn Random) -> MatrixError {
    MatrixError::new(
        StatusCode::UNAUTHORIZED,
        "M_FORBIDDEN",
        "Registration needs one more step; `flows` names it.",
    )
    .with("flows", json!([{ "stages": [stage] }]))
    .with("params", Map::new())
    .with("session", random.token(18))
}
