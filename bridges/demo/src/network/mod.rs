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
use crate::ids::Place;

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

/// How the network bears being asked for its past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryPace {
    /// How long a page takes.
    pub takes: std::time::Duration,
    /// After so many pages the next one is refused once, as too much; 0: never.
    pub pages_at_once: usize,
    /// How long to wait then.
    pub wait: std::time::Duration,
    /// How many pages were asked for.
    asked: usize,
}

impl HistoryPace {
    /// A network that takes its time, and asks to wait after so many pages.
    pub fn slow(
        takes: std::time::Duration,
        pages_at_once: usize,
        wait: std::time::Duration,
    ) -> Self {
        Self { takes, pages_at_once, wait, asked: 0 }
    }

    /// Counts a page. Returns how long to wait where it is one too many.
    fn ask(&mut self) -> Option<std::time::Duration> {
        self.asked += 1;
        let refuses = self.pages_at_once > 0 && self.asked.is_multiple_of(self.pages_at_once + 1);
        refuses.then_some(self.wait)
    }
}

impl DemoNetwork {
    /// Makes the network slow, or patient again, where its past is asked for.
    pub fn set_history_pace(&self, pace: HistoryPace) {
        self.world().pace = pace;
    }

    /// Returns how many pages of the past were asked for since the pace was set.
    pub fn history_asked(&self) -> usize {
        self.world().pace.asked
    }

    /// Has the network forget its news: who asks for what happened up to now is told only that they
    /// missed it. What was said is still there to be read.
    pub fn lose_news(&self) {
        self.change(|world, _| world.lost_up_to = Some(world.newest()));
    }

    /// Reads the past; see `World::past`.
    pub(crate) async fn past(
        &self,
        account: &str,
        place: &Place,
        before: Option<i64>,
        count: usize,
    ) -> Result<(Vec<Update>, bool), Refused> {
        let takes = self.world().pace.takes;
        if !takes.is_zero() {
            self.0.clock.sleep(takes).await;
        }
        let mut world = self.world();
        world.check(account)?;
        match world.pace.ask() {
            Some(wait) => Err(Refused::Busy(wait)),
            None => Ok(world.past(account, place, before, count)),
        }
    }

    /// Returns up to where news was lost, if somebody who has heard up to a number missed some.
    pub(crate) fn lost_since(&self, heard: i64) -> Option<i64> {
        self.world().lost_up_to.filter(|lost| *lost > heard)
    }

    pub(crate) fn groups_of(&self, account: &str) -> Vec<String> {
        self.world().groups_of(account)
    }

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
