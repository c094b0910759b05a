//! Time and randomness, handed in. Whoever needs to know what time it is, to wait, or to draw a
//! random token takes a [`SharedClock`] and a [`SharedRandom`]; the program hands in the system's,
//! tests hand in a [`TestClock`] they turn by hand and a [`SeededRandom`] that repeats itself.

mod random;
mod system;
mod test_clock;

use std::{fmt::Debug, future::Future, pin::Pin, sync::Arc, time::Duration};

pub use self::{
    random::{OsRandom, Random, SeededRandom},
    system::SystemClock,
    test_clock::TestClock,
};

/// A boxed future, as trait objects need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The clock everybody shares.
pub type SharedClock = Arc<dyn Clock>;

/// The source of randomness everybody shares.
pub type SharedRandom = Arc<dyn Random>;

/// Tells the time and waits.
pub trait Clock: Send + Sync + Debug {
    /// Returns the wall clock's time in milliseconds since 1970. It may jump, also backwards.
    fn now_ms(&self) -> i64;

    /// Returns the time since this clock was made. It never goes backwards, so measure with it.
    fn monotonic(&self) -> Duration;

    /// Waits. The time counts from this call, not from the first poll.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
}
