//! Away: a login whose person has said nothing for a while is marked so, where the operator wants it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use support_clock::SharedClock;

use crate::{
    connection::{KeeperHandle, Link},
    wire::Message,
};

/// How often it is looked whether the time has come.
const LOOK: Duration = Duration::from_secs(20);

/// When somebody last did something, and whether they are marked as away.
#[derive(Debug, Default)]
pub(super) struct Presence(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Duration,
    away: bool,
}

impl Presence {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The person did something.
    pub(super) fn active(&self, link: &Link, now: Duration) {
        let mut state = self.state();
        state.last = now;
        if std::mem::take(&mut state.away) {
            link.tell(&Message::new("AWAY", Vec::<String>::new()));
        }
    }

    /// A new connection is never away.
    pub(super) fn connected(&self, now: Duration) {
        *self.state() = State { last: now, away: false };
    }

    fn look(&self, link: &Link, now: Duration, after: Duration, message: &str) {
        let mut state = self.state();
        if !state.away && now.saturating_sub(state.last) >= after {
            state.away = true;
            link.tell(&Message::new("AWAY", [message]));
        }
    }
}

/// Marks the login as away when its time has come; ends with the keeper.
pub(super) async fn watch(
    presence: std::sync::Arc<Presence>,
    keeper: KeeperHandle,
    clock: SharedClock,
    after: Duration,
    message: String,
) {
    loop {
        tokio::select! {
            () = keeper.stopped() => return,
            () = clock.sleep(LOOK.min(after)) => {}
        }
        if let Some(link) = keeper.link() {
            presence.look(&link, clock.monotonic(), after, &message);
        }
    }
}
