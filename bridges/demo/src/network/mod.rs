//! The network itself: what stands on the other side of a real bridge's socket. Not part of the
//! bridge; a real one finds this at the network and has a library for it in its place.
//!
//! Everything that happens gets the next number of one list. A member of a chat may ask for what
//! happened there after a number, again and again: nothing is lost while nobody listens.

mod gondolier;
mod people;
mod seen;
mod service;
mod shown;
mod trouble;
mod world;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use support_clock::SharedClock;
use tokio::sync::watch;

pub use self::shown::{DemoFile, FileSource, Said, SaidKind};
pub use self::trouble::{Fault, Habit};
use self::world::World;
pub(crate) use self::world::{Deed, Happening, Refused, Update};

/// The chat that is always there.
pub const LOBBY: &str = "lobby";

/// A handle to the network. Clones are the same network.
#[derive(Clone)]
pub struct DemoNetwork(Arc<Shared>);

struct Shared {
    clock: SharedClock,
    world: Mutex<World>,
    /// Changes with everything that happens.
    news: watch::Sender<u64>,
}

impl DemoNetwork {
    /// Makes a network with an empty lobby.
    pub fn new(clock: SharedClock) -> Self {
        // Numbers begin where the clock is, so that a network made anew after a restart does not
        // give out numbers that were known before.
        let first = clock.now_ms().max(0) << 20;
        let world = Mutex::new(World::new(first, LOBBY));
        Self(Arc::new(Shared { clock, world, news: watch::Sender::new(0) }))
    }

    /// Sends a gondolier to the lobby, who greets whoever comes and answers whatever is said.
    pub fn send_gondolier(&self) {
        self.change(|world, now| gondolier::arrive(world, LOBBY, now));
    }

    /// Makes a group.
    pub fn add_group(&self, name: &str) {
        self.change(|world, _| world.add_group(name));
    }

    fn change<T>(&self, change: impl FnOnce(&mut World, i64) -> T) -> T {
        let now = self.0.clock.now_ms();
        let result = {
            let mut world = self.world();
            let result = change(&mut world, now);
            gondolier::answer(&mut world, now);
            result
        };
        self.0.news.send_modify(|count| *count += 1);
        result
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DemoNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoNetwork").finish_non_exhaustive()
    }
}
