//! How long to wait before the next try: doubling, up to five minutes, and never in step with
//! everybody else who lost the same server.

use std::time::Duration;

use support_clock::Random;

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(300);

/// Growing pauses between tries.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Begins anew: the last connection lived.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Returns the next pause, at least about `minimum`.
    pub(super) fn next_pause(&mut self, minimum: Duration, random: &dyn Random) -> Duration {
        let grown = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        // Between three quarters and five quarters, so that the mean stays what it says.
        random.jitter(grown.max(minimum), 0.25)
    }
}

#[cfg(test)]
mod tests {
    use support_clock::SeededRandom;

    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew() {
        let random = SeededRandom::new(3);
        let mut backoff = Backoff::default();
        let mut pause = || backoff.next_pause(FIRST, &random).as_secs_f64();
        assert!((1.5..2.5).contains(&pause()) && (3.0..5.0).contains(&pause()));
        for _ in 0..100 {
            assert!(pause() <= 375.0);
        }
        backoff.reset();
        assert!(backoff.next_pause(FIRST, &random).as_secs_f64() < 2.5);
        let hour = Duration::from_secs(3600);
        assert!(backoff.next_pause(hour, &random) > hour / 2);
    }
}
