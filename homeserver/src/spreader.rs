//! The background task that brings profile changes into the rooms: a member event in every room the user is in.
//!
//! What is to be done stands in the database, written with the change itself, so a restart goes on where it ended. A
//! ghost in five hundred rooms makes five hundred events, but holds up nobody's request; a change that follows while
//! they are written replaces the one before in all rooms that are still to come.

use std::time::Duration;

use ruma::UserId;

use crate::{error::Result, house::SharedHouse, rooms};

/// How long to wait after trouble with the database.
const PAUSE: Duration = Duration::from_secs(5);

/// Starts the task; it begins with what an earlier run left.
pub(crate) fn start(house: &SharedHouse) {
    let house_of_task = SharedHouse::clone(house);
    let closing = house.closing.clone();
    house.tasks.spawn(async move {
        closing.run_until_cancelled(spread_for_ever(&house_of_task)).await;
    });
}

async fn spread_for_ever(house: &SharedHouse) {
    loop {
        match spread_all(house).await {
            Ok(()) => house.profile_changed.notified().await,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "profile changes could not be brought to the rooms"
                );
                house.clock.sleep(PAUSE).await;
            }
        }
    }
}

async fn spread_all(house: &SharedHouse) -> Result<()> {
    loop {
        let pending = house.users.pending_spreads().await?;
        if pending.is_empty() {
            return Ok(());
        }
        for (user_id, version) in pending {
            spread(house, &user_id).await?;
            house.users.end_spread(&user_id, version).await?;
        }
    }
}

async fn spread(house: &SharedHouse, user_id: &UserId) -> Result<()> {
    for room_id in rooms::read::joined_rooms(house, user_id).await? {
        if let Err(error) = rooms::profiles::refresh(house, user_id, &room_id).await {
            // A room may refuse (the user was just banned): the other rooms get the profile all the same.
            match error {
                crate::error::Error::Matrix(refusal) => tracing::debug!(
                    room.id = %room_id,
                    errcode = %refusal.errcode,
                    "room did not take a profile change"
                ),
                error => return Err(error),
            }
        }
    }
    Ok(())
}
