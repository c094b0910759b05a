//! Who waits for news. A user's entry knows the rooms he is in, so that an event wakes only those it is for,
//! and costs one look-up per waiting person: ghosts do not wait.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use ruma::{OwnedUserId, UserId};
use tokio::sync::watch;

use crate::{error::Result, house::House, rooms::Guarded, store};

/// How many users are remembered before those who do not wait right now are forgotten.
const MOST: usize = 1000;

/// Everybody who waits, or did lately.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    users: Guarded<HashMap<OwnedUserId, Arc<Waiter>>>,
}

#[derive(Debug)]
struct Waiter {
    news: watch::Sender<()>,
    /// Rooms whose events are news. May hold more than the user is in, which wakes him in vain, but never less.
    rooms: Guarded<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Until the rooms were read, every event is news.
    is_complete: bool,
    rooms: HashSet<i64>,
}

impl Waiters {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Registers somebody who is going to wait. News from now on are seen by the receiver, so: register, look,
    /// and only then wait.
    pub(crate) async fn register(
        &self,
        house: &House,
        user_id: &UserId,
    ) -> Result<watch::Receiver<()>> {
        // The entry is listened to before anybody could take it for unused.
        let (waiter, receiver) = self.users.with(|users| {
            if users.len() >= MOST {
                users.retain(|_, waiter| waiter.news.receiver_count() > 0);
            }
            let entry = users.entry(user_id.to_owned());
            let new = || Waiter { news: watch::Sender::new(()), rooms: Guarded::default() };
            let waiter = Arc::clone(entry.or_insert_with(|| Arc::new(new())));
            let receiver = waiter.news.subscribe();
            (waiter, receiver)
        });
        if !waiter.rooms.with(|known| known.is_complete) {
            // A join that commits after this read adds itself to the entry, which is already there.
            let rooms = store::memberships::joined_nids(&mut &house.db, user_id).await?;
            waiter.rooms.with(|known| {
                known.rooms.extend(rooms);
                known.is_complete = true;
            });
        }
        Ok(receiver)
    }

    /// Tells everybody in a room that something happened there, and whoever it happened to.
    pub(crate) fn wake_room(&self, room_nid: i64, target: Option<&UserId>) {
        self.users.with(|users| {
            if let Some(waiter) = target.and_then(|target| users.get(target)) {
                waiter.rooms.with(|known| known.rooms.insert(room_nid));
            }
            for waiter in users.values() {
                let concerned = waiter
                    .rooms
                    .with(|known| !known.is_complete || known.rooms.contains(&room_nid));
                if concerned {
                    waiter.news.send_replace(());
                }
            }
        });
    }

    /// Tells everybody in any of these rooms that something happened to somebody there.
    pub(crate) fn wake_rooms(&self, rooms: &HashSet<i64>) {
        self.users.with(|users| {
            for waiter in users.values() {
                let concerned = waiter
                    .rooms
                    .with(|known| !known.is_complete || !known.rooms.is_disjoint(rooms));
                if concerned {
                    waiter.news.send_replace(());
                }
            }
        });
    }

    /// Tells one user that something of his own changed.
    pub(crate) fn wake_user(&self, user_id: &UserId) {
        self.users.with(|users| {
            if let Some(waiter) = users.get(user_id) {
                waiter.news.send_replace(());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    fn entry(waiters: &Waiters, user_id: &UserId, rooms: &[i64]) -> watch::Receiver<()> {
        let known = Known { is_complete: true, rooms: rooms.iter().copied().collect() };
        let rooms = Guarded::default();
        rooms.with(|empty| *empty = known);
        let waiter = Waiter { news: watch::Sender::new(()), rooms };
        let receiver = waiter.news.subscribe();
        waiters.users.with(|users| users.insert(user_id.to_owned(), Arc::new(waiter)));
        receiver
    }

    #[test]
    fn an_event_wakes_those_in_the_room_and_whom_it_is_about() {
        let waiters = Waiters::new();
        let (alice, bob) = (user_id!("@alice:x"), user_id!("@bob:x"));
        let mut at_alice = entry(&waiters, alice, &[1]);
        let mut at_bob = entry(&waiters, bob, &[2]);
        let woken = |receiver: &mut watch::Receiver<()>| {
            let woken = receiver.has_changed().unwrap();
            receiver.mark_unchanged();
            woken
        };
        waiters.wake_room(1, None);
        assert!(woken(&mut at_alice) && !woken(&mut at_bob));
        waiters.wake_room(1, Some(bob));
        assert!(woken(&mut at_alice) && woken(&mut at_bob));
        waiters.wake_room(1, None);
        assert!(woken(&mut at_bob));
        waiters.wake_user(alice);
        assert!(woken(&mut at_alice) && !woken(&mut at_bob));
    }
}
