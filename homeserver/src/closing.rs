//! Closing an account for good: its sessions end, it leaves its rooms, its name stays taken.

use ruma::UserId;

use crate::{error::Result, house::SharedHouse, rooms};

/// Closes an account; false when there is no such open one.
///
/// The sessions end first, so that nobody comes back in between. A room that refuses does not keep the others.
pub(crate) async fn close_account(house: &SharedHouse, user_id: &UserId) -> Result<bool> {
    let joined = rooms::read::joined_rooms(house, user_id).await?;
    if !house.users.deactivate(user_id).await? {
        return Ok(false);
    }
    for room_id in joined {
        if let Err(error) = rooms::membership::leave_as(house, user_id, &room_id).await {
            tracing::warn!(
                room.id = %room_id,
                error = &error as &dyn std::error::Error,
                "closed account could not leave a room"
            );
        }
    }
    Ok(true)
}
