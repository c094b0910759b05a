//! `PUT /_matrix/client/v3/profile/{userId}/displayname` and `.../avatar_url`

use axum::extract::State;
use ruma::{
    UserId,
    api::client::profile::{
        set_avatar_url::v3 as avatar_url, set_display_name::v3 as display_name,
    },
};
use support_matrix_http::MatrixError;

use crate::{
    api::paced::{Paced, Profiles},
    error::Error,
    house::SharedHouse,
    requester::Requester,
    store::users::ProfileField,
};

/// Longer ones make member events that no room takes.
const LONGEST: usize = 2_000;

/// Changes the name.
pub(super) async fn set_display_name(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Profiles>,
    request: display_name::Request,
) -> Result<display_name::Response, Error> {
    set(&house, &who, &request.user_id, ProfileField::Displayname, request.displayname).await?;
    Ok(display_name::Response::new())
}

/// Changes the picture.
pub(super) async fn set_avatar_url(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Profiles>,
    request: avatar_url::Request,
) -> Result<avatar_url::Response, Error> {
    let url = request.avatar_url.map(|url| url.to_string());
    set(&house, &who, &request.user_id, ProfileField::AvatarUrl, url).await?;
    Ok(avatar_url::Response::new())
}

async fn set(
    house: &SharedHouse,
    who: &Requester,
    user_id: &UserId,
    field: ProfileField,
    value: Option<String>,
) -> Result<(), Error> {
    who.must_be(user_id)?;
    let value = value.filter(|value| !value.is_empty());
    if value.as_ref().is_some_and(|value| value.len() > LONGEST || value.contains('\0')) {
        let words = "This is too long for a profile, or holds the character NUL.";
        return Err(MatrixError::invalid_param(words).into());
    }
    if house.users.set_profile_field(user_id, field, value).await? {
        house.profile_changed.notify_one();
    }
    Ok(())
}
