//! `GET /_matrix/client/versions`

use ruma::api::client::discovery::get_supported_versions::{Request, Response};

use crate::{api::auth::Anybody, error::Error};

/// The versions whose endpoints answer here in the shape those versions give them. Bridges of the mautrix family want
/// at least v1.4 before they start.
const VERSIONS: &[&str] = &[
    "r0.6.1", "v1.1", "v1.2", "v1.3", "v1.4", "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10",
    "v1.11", "v1.12",
];

/// What is there beyond those versions, under the names proposals gave it.
const UNSTABLE: &[&str] = &[
    // The appservice ping, in its stable form.
    "fi.mau.msc2659.stable",
    // History can be inserted, see `api/room/batch_send.rs`.
    "com.beeper.batch_sending",
];

/// Answers anybody; a token that is there has to be valid, because bridges find out that way that theirs is not.
pub(super) async fn get_versions(_who: Anybody, _request: Request) -> Result<Response, Error> {
    let mut response = Response::new(VERSIONS.iter().map(ToString::to_string).collect());
    response.unstable_features = UNSTABLE.iter().map(|name| ((*name).to_owned(), true)).collect();
    Ok(response)
}
