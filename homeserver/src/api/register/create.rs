//! `POST /_matrix/client/v3/register`

use std::net::IpAddr;

use axum::{Json, extract::State};
use ruma::{
    OwnedUserId,
    api::client::account::register::{LoginType, RegistrationKind, v3::Request},
};
use serde_json::{Value, json};
use support_matrix_http::{MatrixError, Ruma};

use super::stages::{self, Proof};
use crate::{
    api::{auth::BareToken, paced::Address, session::check_session},
    error::Error,
    house::{House, SharedHouse},
    users::{Creation, check_new_password, make_ghost_id, make_user_id},
};

/// Makes an account: for an appservice in its namespaces, for a person as the operator allows it. The answer is written by
/// hand, because ruma tells of a missing device as `null`, which the specification does not know.
pub(super) async fn register(
    State(house): State<SharedHouse>,
    BareToken(token): BareToken,
    Address(from): Address,
    Ruma(request): Ruma<Request>,
) -> Result<Json<Value>, Error> {
    check_session(request.device_id.as_deref(), request.initial_device_display_name.as_deref())?;
    if request.kind != RegistrationKind::User {
        return Err(MatrixError::forbidden("This server has no guests.").into());
    }
    let user_id = if request.login_type == Some(LoginType::ApplicationService) {
        register_ghost(&house, &request, token).await?
    } else {
        register_person(&house, &request, from).await?
    };
    let mut response = json!({ "user_id": user_id });
    if !request.inhibit_login {
        let name = request.initial_device_display_name;
        let (device_id, refreshes) = (request.device_id, request.refresh_token);
        let session = house.users.log_in(&user_id, device_id, name, refreshes).await?;
        response["access_token"] = json!(session.tokens.access);
        response["device_id"] = json!(session.device_id);
        if let Some((token, lifetime)) = session.tokens.refresh {
            response["refresh_token"] = json!(token);
            response["expires_in_ms"] = json!(lifetime.as_millis());
        }
    }
    Ok(Json(response))
}

async fn register_ghost(
    house: &House,
    request: &Request,
    token: Option<String>,
) -> Result<OwnedUserId, Error> {
    let token = token.ok_or_else(MatrixError::missing_token)?;
    let appservice =
        house.appservices.by_token(&token).ok_or_else(|| MatrixError::unknown_token(false))?;
    let username = request.username.as_deref();
    let username = username.ok_or_else(|| MatrixError::missing_param("`username` is missing."))?;
    let user_id = make_ghost_id(username, &house.server_name)?;
    house.appservices.check_user(Some(&appservice), &user_id)?;
    match house.users.create(user_id.clone(), None, false, Some(&appservice.id), None).await? {
        Creation::Created => Ok(user_id),
        Creation::NameTaken | Creation::TokenRefused => Err(MatrixError::user_in_use().into()),
    }
}

async fn register_person(
    house: &House,
    request: &Request,
    from: Option<IpAddr>,
) -> Result<OwnedUserId, Error> {
    let user_id = match &request.username {
        Some(username) => {
            refuse_exclusive(house, username)?;
            make_user_id(username, &house.server_name)?
        }
        None => make_user_id(&house.random.hex(8), &house.server_name)?,
    };
    // The name is looked at first, so that a client learns at its first request whether it is worth going on.
    house.appservices.check_user(None, &user_id)?;
    let mode = house.settings.registration;
    let proof = match stages::check(mode, request.auth.as_ref(), &*house.random) {
        Ok(proof) => proof,
        Err(error) if error.status == http::StatusCode::UNAUTHORIZED => {
            refuse_taken(house, &user_id).await?;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    let password = request.password.as_deref().filter(|password| !password.is_empty());
    let password = password.ok_or_else(|| MatrixError::missing_param("`password` is missing."))?;
    check_new_password(password)?;
    refuse_taken(house, &user_id).await?;
    if let Some(wait) = house.limits.before_registration(from, house.clock.monotonic()) {
        return Err(MatrixError::limit_exceeded(wait).into());
    }
    let sign_up_token = match &proof {
        Proof::Nothing => None,
        Proof::SignUpToken(token) => Some(token.as_str()),
    };
    let password = password.into();
    let made =
        house.users.create(user_id.clone(), Some(&password), false, None, sign_up_token).await?;
    match made {
        Creation::Created => Ok(user_id),
        Creation::NameTaken => Err(MatrixError::user_in_use().into()),
        Creation::TokenRefused => Err(stages::token_refused(&*house.random).into()),
    }
}

/// Says of an application service's name that it is one, also where people may not have names of its form at all.
pub(super) fn refuse_exclusive(house: &House, username: &str) -> Result<(), MatrixError> {
    match make_ghost_id(&username.to_lowercase(), &house.server_name) {
        Ok(user_id) => house.appservices.check_user(None, &user_id),
        Err(_) => Ok(()),
    }
}

async fn refuse_taken(house: &House, user_id: &OwnedUserId) -> Result<(), Error> {
    match house.users.account(user_id).await? {
        Some(_) => Err(MatrixError::user_in_use().into()),
        None => Ok(()),
    }
}
