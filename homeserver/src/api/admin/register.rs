//! `GET` and `POST /_synapse/admin/v1/register`
//!
//! Who knows the shared secret proves it with an HMAC-SHA1 over a nonce and what is to be registered. The algorithm is
//! what Synapse's callers compute; SHA-1 is no weakness in this place.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use axum::{Json, extract::State};
use bytes::Bytes;
use http::StatusCode;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use support_clock::{Clock, Random};
use support_matrix_http::MatrixError;

use crate::{
    error::Result,
    house::{House, SharedHouse},
    store::users::ProfileField,
    users::{Creation, make_user_id},
};

/// How long a nonce is good.
const LIFETIME: Duration = Duration::from_secs(60);
/// How many are remembered; more at once is nobody's honest use.
const CAPACITY: usize = 1_000;

/// Nonces that were handed out and not used yet.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    made: Mutex<HashMap<String, Duration>>,
}

impl Nonces {
    fn make(&self, clock: &dyn Clock, random: &dyn Random) -> String {
        let now = clock.monotonic();
        let nonce = random.hex(32);
        let mut made = self.made.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        made.retain(|_, at| now.saturating_sub(*at) < LIFETIME);
        if made.len() >= CAPACITY {
            made.clear();
        }
        made.insert(nonce.clone(), now);
        nonce
    }

    /// Uses up a nonce.
    fn take(&self, clock: &dyn Clock, nonce: &str) -> bool {
        let mut made = self.made.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let at = made.remove(nonce);
        at.is_some_and(|at| clock.monotonic().saturating_sub(at) < LIFETIME)
    }
}

#[derive(Deserialize)]
pub(super) struct Body {
    nonce: String,
    username: String,
    password: SecretString,
    #[serde(default)]
    displayname: Option<String>,
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    user_type: Option<String>,
    mac: String,
}

/// Hands out a nonce.
pub(super) async fn make_nonce(State(house): State<SharedHouse>) -> Result<Json<Value>> {
    shared_secret(&house)?;
    Ok(Json(json!({ "nonce": house.nonces.make(&*house.clock, &*house.random) })))
}

/// Makes an account and logs it in.
pub(super) async fn register(State(house): State<SharedHouse>, body: Bytes) -> Result<Json<Value>> {
    let secret = shared_secret(&house)?;
    let value: Value = serde_json::from_slice(&body).map_err(|_| MatrixError::not_json())?;
    let body: Body = serde_json::from_value(value)
        .map_err(|error| MatrixError::bad_json(format!("The request does not fit: {error}.")))?;
    if !house.nonces.take(&*house.clock, &body.nonce) {
        return Err(bad_request("unrecognised nonce").into());
    }
    if !mac_is_right(secret, &body) {
        return Err(MatrixError::forbidden("HMAC incorrect").into());
    }
    let user_id = make_user_id(&body.username, &house.server_name)?;
    house.appservices.check_user(None, &user_id)?;
    let made =
        house.users.create(user_id.clone(), Some(&body.password), body.admin, None, None).await?;
    if made != Creation::Created {
        return Err(MatrixError::user_in_use().into());
    }
    let name = Some(body.displayname.unwrap_or(body.username));
    if house.users.set_profile_field(&user_id, ProfileField::Displayname, name).await? {
        house.profile_changed.notify_one();
    }
    let session = house.users.log_in(&user_id, None, None, false).await?;
    Ok(Json(json!({
        "user_id": user_id,
        "home_server": house.server_name,
        "access_token": session.tokens.access,
        "device_id": session.device_id,
    })))
}

fn shared_secret(house: &House) -> Result<&SecretString, MatrixError> {
    let secret = house.settings.shared_secret.as_ref();
    secret.ok_or_else(|| bad_request("Shared secret registration is not enabled"))
}

fn bad_request(message: &str) -> MatrixError {
    MatrixError::new(StatusCode::BAD_REQUEST, "M_UNKNOWN", message)
}

fn mac_is_right(secret: &SecretString, body: &Body) -> bool {
    let Some(mac) = from_hex(&body.mac) else { return false };
    let key =
        hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose_secret().as_bytes());
    let admin: &[u8] = if body.admin { b"admin" } else { b"notadmin" };
    let password = body.password.expose_secret().as_bytes();
    let mut parts = vec![body.nonce.as_bytes(), body.username.as_bytes(), password, admin];
    parts.extend(body.user_type.as_deref().map(str::as_bytes));
    hmac::verify(&key, &parts.join(&0), &mac).is_ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|start| u8::from_str_radix(&text[start..start + 2], 16).ok())
        .collect()
}
