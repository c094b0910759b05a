//! `POST /_matrix/client/v3/login`

use std::time::Duration;

use axum::extract::State;
use http::StatusCode;
use ruma::{
    DeviceId, OwnedUserId, UserId,
    api::client::{
        session::login::v3::{LoginInfo, Request, Response},
        uiaa::UserIdentifier,
    },
};
use support_matrix_http::MatrixError;

use crate::{
    api::{auth::BareToken, paced::Address},
    error::Error,
    house::{House, SharedHouse},
    limits::Kind,
    users::check_opaque,
};

/// Logs in a person by password or by a token of another of their devices, or anybody of its namespaces by an
/// appservice's token.
pub(super) async fn log_in(
    State(house): State<SharedHouse>,
    BareToken(token): BareToken,
    Address(from): Address,
    request: Request,
) -> Result<Response, Error> {
    check_session(request.device_id.as_deref(), request.initial_device_display_name.as_deref())?;
    if !matches!(request.login_info, LoginInfo::ApplicationService(_)) {
        wait_if(house.limits.before_login_from(from, house.clock.monotonic()))?;
    }
    let user_id = match &request.login_info {
        LoginInfo::Password(login) => {
            let identifier = identifier(login.identifier.as_ref(), legacy_user(login))?;
            by_password(&house, identifier, &login.password).await?
        }
        LoginInfo::ApplicationService(login) => {
            let identifier = identifier(login.identifier.as_ref(), None)?;
            by_appservice(&house, identifier, token).await?
        }
        LoginInfo::Token(login) => by_login_token(&house, &login.token).await?,
        _ => {
            return Err(MatrixError::new(
                StatusCode::BAD_REQUEST,
                "M_UNKNOWN",
                "This server does not know that way to log in.",
            )
            .into());
        }
    };
    if !matches!(request.login_info, LoginInfo::ApplicationService(_)) {
        // Counted only now, so that nobody uses up the room of somebody else's account.
        wait_if(house.limits.before(Kind::Logins, &user_id, house.clock.monotonic()))?;
    }
    let name = request.initial_device_display_name;
    let (device_id, refreshes) = (request.device_id, request.refresh_token);
    let session = house.users.log_in(&user_id, device_id, name, refreshes).await?;
    let mut response = Response::new(user_id, session.tokens.access, session.device_id);
    if let Some((token, lifetime)) = session.tokens.refresh {
        response.refresh_token = Some(token);
        response.expires_in = Some(lifetime);
    }
    Ok(response)
}

fn wait_if(limit: Option<Duration>) -> Result<(), MatrixError> {
    limit.map_or(Ok(()), |wait| Err(MatrixError::limit_exceeded(wait)))
}

/// Refuses a device that cannot be one, before anything is done.
pub(in crate::api) fn check_session(
    device_id: Option<&DeviceId>,
    name: Option<&str>,
) -> Result<(), MatrixError> {
    check_opaque("id of the device", device_id.map_or("", DeviceId::as_str))?;
    check_opaque("name of the device", name.unwrap_or_default())
}

/// Before `identifier` there was `user`; scripts and old clients still send it.
#[expect(deprecated, reason = "read for the sake of old clients")]
fn legacy_user(login: &ruma::api::client::session::login::v3::Password) -> Option<&str> {
    login.user.as_deref()
}

fn identifier<'a>(
    identifier: Option<&'a UserIdentifier>,
    legacy: Option<&'a str>,
) -> Result<&'a str, MatrixError> {
    match identifier {
        Some(UserIdentifier::Matrix(identifier)) => Ok(&identifier.user),
        Some(_) => Err(MatrixError::new(
            StatusCode::BAD_REQUEST,
            "M_UNKNOWN",
            "This server knows people by their Matrix user id only.",
        )),
        None => legacy.ok_or_else(|| MatrixError::missing_param("`identifier` is missing.")),
    }
}

async fn by_password(house: &House, name: &str, password: &str) -> Result<OwnedUserId, Error> {
    // One answer for a wrong password, an unknown name and a foreign server: who asks learns nothing from it.
    let refused = || MatrixError::forbidden("The user name or password is wrong.");
    let user_id = parse_user(house, &name.to_lowercase()).ok_or_else(refused)?;
    house.appservices.check_user(None, &user_id)?;
    wait_if(house.limits.before_login(&user_id, house.clock.monotonic()))?;
    if !house.users.check_password(&user_id, &password.into()).await? {
        house.limits.note_failed_login(&user_id, house.clock.monotonic());
        return Err(refused().into());
    }
    Ok(user_id)
}

async fn by_login_token(house: &House, token: &str) -> Result<OwnedUserId, Error> {
    let refused = || MatrixError::forbidden("The token is unknown, used or too old.");
    let now = house.clock.monotonic();
    let user_id = house.users.login_tokens.redeem(token, now).ok_or_else(refused)?;
    if !house.users.exists(&user_id).await? {
        return Err(refused().into());
    }
    Ok(user_id)
}

async fn by_appservice(
    house: &House,
    name: &str,
    token: Option<String>,
) -> Result<OwnedUserId, Error> {
    let token = token.ok_or_else(MatrixError::missing_token)?;
    let appservice =
        house.appservices.by_token(&token).ok_or_else(|| MatrixError::unknown_token(false))?;
    let user_id = parse_user(house, name)
        .ok_or_else(|| MatrixError::forbidden("That is not a user of this server."))?;
    house.appservices.check_user(Some(&appservice), &user_id)?;
    if !house.users.exists(&user_id).await? {
        return Err(MatrixError::forbidden("There is no such user.").into());
    }
    Ok(user_id)
}

/// Reads a local part or a whole user id of this server.
fn parse_user(house: &House, name: &str) -> Option<OwnedUserId> {
    let user_id = UserId::parse_with_server_name(name, &house.server_name).ok()?;
    (user_id.server_name() == house.server_name).then_some(user_id)
}
