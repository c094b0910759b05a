//! `GET /_matrix/client/v3/presence/{userId}/status`

use axum::extract::State;
use ruma::api::client::presence::get_presence::v3::{Request, Response};
use support_matrix_http::MatrixError;

use crate::{api::Authenticated, error::Result, house::SharedHouse, store};

/// Returns somebody's presence. Where nobody is noticed, everybody is offline.
pub(super) async fn get_presence(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: Request,
) -> Result<Response> {
    let user_id = &request.user_id;
    if !house.users.exists(user_id).await? {
        return Err(MatrixError::not_found("There is no such user.").into());
    }
    if who.user_id != *user_id {
        let near = [&**user_id];
        let near = store::memberships::near(&mut &house.db, &who.user_id, near).await?;
        if near.is_empty() {
            let words =
                "You share no room with this user, and may not see whether they are online.";
            return Err(MatrixError::forbidden(words).into());
        }
    }
    let shown = house.presence.of(user_id);
    let mut response = Response::new(shown.availability.state());
    response.currently_active = shown.currently_active();
    response.last_active_ago = shown.last_active_ago;
    response.status_msg = shown.status;
    Ok(response)
}
