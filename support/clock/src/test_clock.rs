//! A clock that tests turn by hand. It stands still until [`TestClock::advance`] is called; clones
//! show the same time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{BoxFuture, Clock};

/// Starts on 2023-11-14 22:13:20 UTC, a time that looks plausible in logs and event timestamps.
const START_MS: i64 = 1_700_000_000_000;

/// A clock that moves only when told to.
#[derive(Debug, Clone)]
pub struct TestClock {
    state: Arc<watch::Sender<State>>,
}

#[derive(Debug)]
struct State {
    now_ms: i64,
    elapsed: Duration,
    next_sleeper: u64,
    /// When each waiting sleeper wakes, by its number.
    sleepers: BTreeMap<u64, Duration>,
}

impl TestClock {
    /// Makes a clock that stands at a fixed time in November 2023.
    #[must_use]
    pub fn new() -> Self {
        Self::at(START_MS)
    }

    /// Makes a clock that stands at `now_ms`.
    #[must_use]
    pub fn at(now_ms: i64) -> Self {
        let state =
            State { now_ms, elapsed: Duration::ZERO, next_sleeper: 0, sleepers: BTreeMap::new() };
        Self { state: Arc::new(watch::Sender::new(state)) }
    }

    /// Lets time pass: both times move on and whoever slept long enough wakes.
    pub fn advance(&self, by: Duration) {
        self.state.send_modify(|state| {
            state.now_ms += i64::try_from(by.as_millis()).expect("tests wait for less than eons");
            state.elapsed += by;
        });
    }

    /// Sets the wall clock as an operator or NTP would: nobody wakes, the monotonic time stays.
    pub fn set(&self, now_ms: i64) {
        self.state.send_modify(|state| state.now_ms = now_ms);
    }

    /// Returns how many futures sleep on this clock right now.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        let state = self.state.borrow();
        state.sleepers.values().filter(|&&wakes| wakes > state.elapsed).count()
    }

    /// Waits until at least `count` futures sleep on this clock, so that a following
    /// [`TestClock::advance`] cannot come too early.
    pub async fn wait_for_sleepers(&self, count: usize) {
        let mut changes = self.state.subscribe();
        changes
            .wait_for(|state| {
                state.sleepers.values().filter(|&&wakes| wakes > state.elapsed).count() >= count
            })
            .await
            .expect("self keeps the sender alive");
    }

    /// Lets time pass up to the moment the next sleeper wakes. Waits for a sleeper if there is none.
    pub async fn advance_to_next(&self) {
        self.wait_for_sleepers(1).await;
        let by = {
            let state = self.state.borrow();
            let waiting = state.sleepers.values().filter(|&&wakes| wakes > state.elapsed);
            waiting.min().map(|&wakes| wakes - state.elapsed)
        };
        self.advance(by.unwrap_or_default());
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.state.borrow().now_ms
    }

    fn monotonic(&self) -> Duration {
        self.state.borrow().elapsed
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        let mut entry = None;
        self.state.send_modify(|state| {
            let (id, wakes) = (state.next_sleeper, state.elapsed + duration);
            state.next_sleeper += 1;
            state.sleepers.insert(id, wakes);
            entry = Some((id, wakes));
        });
        let (id, wakes) = entry.expect("send_modify runs its closure");
        let bed = Bed { clock: self.clone(), id };
        let mut changes = self.state.subscribe();
        Box::pin(async move {
            changes
                .wait_for(|state| state.elapsed >= wakes)
                .await
                .expect("the bed keeps the sender alive");
            drop(bed);
        })
    }
}

/// Takes a sleeper off the list, also when its future is dropped half-way.
struct Bed {
    clock: TestClock,
    id: u64,
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.clock.state.send_modify(|state| {
            state.sleepers.remove(&self.id);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_time_has_come_and_not_before() {
        let clock = TestClock::new();
        let other = clock.clone();
        let (done, mut woke) = tokio::sync::oneshot::channel();
        let sleeper = async move {
            other.sleep(Duration::from_secs(10)).await;
            done.send(other.now_ms()).expect("the test waits");
        };
        let driver = async {
            clock.wait_for_sleepers(1).await;
            clock.advance(Duration::from_secs(9));
            assert!(woke.try_recv().is_err());
            assert_eq!(clock.sleepers(), 1);
            clock.advance_to_next().await;
            assert_eq!(woke.await.unwrap(), START_MS + 10_000);
        };
        tokio::join!(sleeper, driver);
        assert_eq!(clock.sleepers(), 0);
    }

    #[tokio::test]
    async fn setting_the_wall_clock_wakes_nobody() {
        let clock = TestClock::at(0);
        let sleep = clock.sleep(Duration::from_secs(1));
        clock.set(1_000_000);
        assert_eq!((clock.now_ms(), clock.monotonic()), (1_000_000, Duration::ZERO));
        assert_eq!(clock.sleepers(), 1);
        drop(sleep);
        assert_eq!(clock.sleepers(), 0);
    }

    #[tokio::test]
    async fn a_sleep_of_nothing_returns_at_once() {
        TestClock::new().sleep(Duration::ZERO).await;
    }
}
