//! `GET /_matrix/client/v3/profile/{userId}` and its two fields

use axum::extract::State;
use ruma::{
    OwnedMxcUri, UserId,
    api::client::profile::{
        get_avatar_url::v3 as avatar_url, get_display_name::v3 as display_name,
        get_profile::v3 as whole,
    },
};
use support_matrix_http::MatrixError;

use crate::{
    error::Error,
    house::{House, SharedHouse},
    users::Profile,
};

/// Returns the whole profile.
pub(super) async fn get_profile(
    State(house): State<SharedHouse>,
    request: whole::Request,
) -> Result<whole::Response, Error> {
    let profile = find(&house, &request.user_id).await?;
    let mut response = whole::Response::new();
    if let Some(name) = profile.displayname {
        response.set("displayname".to_owned(), name.into());
    }
    if let Some(url) = profile.avatar_url {
        response.set("avatar_url".to_owned(), url.into());
    }
    Ok(response)
}

/// Returns the name.
pub(super) async fn get_display_name(
    State(house): State<SharedHouse>,
    request: display_name::Request,
) -> Result<display_name::Response, Error> {
    Ok(display_name::Response::new(find(&house, &request.user_id).await?.displayname))
}

/// Returns the picture.
pub(super) async fn get_avatar_url(
    State(house): State<SharedHouse>,
    request: avatar_url::Request,
) -> Result<avatar_url::Response, Error> {
    let url = find(&house, &request.user_id).await?.avatar_url;
    Ok(avatar_url::Response::new(url.map(OwnedMxcUri::from)))
}

async fn find(house: &House, user_id: &UserId) -> Result<Profile, Error> {
    if !house.users.exists(user_id).await? {
        return Err(MatrixError::not_found("There is no profile of this user.").into());
    }
    house.users.profile(user_id).await
}
