//! Telling of changes, and the background task that notices those which only time makes.

use std::{collections::HashSet, time::Duration};

use ruma::UserId;

use crate::{house::SharedHouse, store};

/// How often to look who has become idle or is gone.
const EVERY: Duration = Duration::from_secs(5);

/// Starts the task, in a house that wants to know who is online. It rests while nobody is.
pub(crate) fn start(house: &SharedHouse) {
    if !house.presence.is_on {
        return;
    }
    let house_of_task = SharedHouse::clone(house);
    let closing = house.closing.clone();
    house.tasks.spawn(async move {
        closing.run_until_cancelled(sweep_for_ever(&house_of_task)).await;
    });
}

async fn sweep_for_ever(house: &SharedHouse) {
    loop {
        if house.presence.is_deserted() {
            house.presence.changed.notified().await;
            continue;
        }
        house.clock.sleep(EVERY).await;
        for user_id in house.presence.sweep() {
            tell(house, &user_id).await;
        }
    }
}

/// Has those who wait told of somebody, beside the request that changed him.
pub(super) fn tell_later(house: &SharedHouse, user_id: &UserId) {
    let (house_of_task, user_id) = (SharedHouse::clone(house), user_id.to_owned());
    let closing = house.closing.clone();
    house.tasks.spawn(async move {
        closing.run_until_cancelled(tell(&house_of_task, &user_id)).await;
    });
}

/// Wakes those who share a room with somebody, and himself.
async fn tell(house: &SharedHouse, user_id: &UserId) {
    match store::memberships::joined_nids(&mut &house.db, user_id).await {
        Ok(rooms) => {
            let rooms: HashSet<_> = rooms.into_iter().collect();
            house.sync.wake_rooms(&rooms);
            house.sync.wake_user(user_id);
        }
        // They hear of it with their next news.
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a change of presence woke nobody");
        }
    }
}
