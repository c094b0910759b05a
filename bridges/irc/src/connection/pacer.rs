//! The rate of one connection. Whoever is about to say something takes a turn first, before the journal
//! marks the attempt: a crash during a wait of seconds then finds the line unsent, not in doubt.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use support_clock::Clock;
use tokio::sync::Semaphore;

use super::settings::Pacing;
use crate::wire::TokenBucket;

#[derive(Debug)]
pub(super) struct Pacer {
    tokens: Mutex<Tokens>,
    /// Those who wait for a turn stand in line here; whoever is let through waits for a token.
    line: Semaphore,
}

#[derive(Debug)]
struct Tokens {
    bucket: TokenBucket,
    /// Turns that were taken and not yet used by a line.
    taken: u32,
}

impl Pacer {
    pub(super) fn new(pacing: Pacing) -> Self {
        let bucket = TokenBucket::new(pacing.burst, pacing.interval);
        Self { tokens: Mutex::new(Tokens { bucket, taken: 0 }), line: Semaphore::new(1) }
    }

    /// Waits for a turn, first come first served.
    pub(super) async fn turn(&self, clock: &dyn Clock) {
        // The semaphore is never closed; were it, nobody would have to wait.
        let _first = self.line.acquire().await.ok();
        while let Err(pause) = self.take_turn(clock.monotonic()) {
            clock.sleep(pause).await;
        }
    }

    fn take_turn(&self, now: Duration) -> Result<(), Duration> {
        let mut tokens = self.tokens();
        tokens.bucket.take(now)?;
        tokens.taken += 1;
        Ok(())
    }

    /// Lets a line pass, by a turn that was taken or else by a token of its own.
    pub(super) fn take(&self, now: Duration) -> Result<(), Duration> {
        let mut tokens = self.tokens();
        if tokens.taken > 0 {
            tokens.taken -= 1;
            return Ok(());
        }
        tokens.bucket.take(now)
    }

    /// The server said that we talk too fast.
    pub(super) fn hold_back(&self, now: Duration, pause: Duration) {
        self.tokens().bucket.hold_back(now, pause);
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        // A panic elsewhere leaves the numbers whole.
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use support_clock::TestClock;

    use super::*;

    #[test]
    fn a_turn_is_waited_for_before_the_line_and_not_again_with_it() {
        let clock = TestClock::default();
        let second = Duration::from_secs(1);
        let pacer = Pacer::new(Pacing { burst: 1, interval: 2 * second });
        assert_eq!(pacer.turn(&clock).now_or_never(), Some(()));
        assert_eq!(pacer.take(clock.monotonic()), Ok(()));

        let mut waiting = Box::pin(pacer.turn(&clock));
        assert_eq!(waiting.as_mut().now_or_never(), None);
        clock.advance(2 * second);
        assert_eq!(waiting.as_mut().now_or_never(), Some(()));
        assert_eq!(pacer.take(clock.monotonic()), Ok(()));
        assert_eq!(pacer.take(clock.monotonic()), Err(2 * second));
    }
}
