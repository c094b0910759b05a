//! How fast lines may leave: a token bucket, since servers let a short burst pass and then cut off
//! whoever keeps talking ("Excess Flood").

use std::time::Duration;

/// `burst` lines at once, then one per `interval`. Times are a monotonic clock's.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    burst: u32,
    interval: Duration,
    /// When the bucket would be full again if nothing more were taken.
    full_at: Duration,
}

impl TokenBucket {
    /// Makes a full bucket. An interval of zero never makes anybody wait.
    #[must_use]
    pub fn new(burst: u32, interval: Duration) -> Self {
        Self { burst: burst.max(1), interval, full_at: Duration::ZERO }
    }

    /// Takes a token, or says how long to wait for one.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let missing = self.full_at.saturating_sub(now);
        let room = self.interval * (self.burst - 1);
        if missing > room {
            return Err(missing - room);
        }
        self.full_at = self.full_at.max(now) + self.interval;
        Ok(())
    }

    /// Empties the bucket and keeps it so for `pause`: the server said that we talk too fast.
    pub fn hold_back(&mut self, now: Duration, pause: Duration) {
        let room = self.interval * (self.burst - 1);
        self.full_at = self.full_at.max(now + pause + room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_line_per_interval() {
        let second = Duration::from_secs(1);
        let mut bucket = TokenBucket::new(3, 2 * second);
        for _ in 0..3 {
            assert_eq!(bucket.take(10 * second), Ok(()));
        }
        assert_eq!(bucket.take(10 * second), Err(2 * second));
        assert_eq!(bucket.take(12 * second), Ok(()));
        assert_eq!(bucket.take(12 * second), Err(2 * second));
        for _ in 0..3 {
            assert_eq!(bucket.take(60 * second), Ok(()));
        }
        assert_eq!(bucket.take(60 * second), Err(2 * second));
    }

    #[test]
    fn being_told_off_empties_the_bucket() {
        let second = Duration::from_secs(1);
        let mut bucket = TokenBucket::new(3, 2 * second);
        bucket.hold_back(second, 5 * second);
        assert_eq!(bucket.take(second), Err(5 * second));
        assert_eq!(bucket.take(6 * second), Ok(()));
    }

    #[test]
    fn without_an_interval_nobody_waits() {
        let mut bucket = TokenBucket::new(1, Duration::ZERO);
        for _ in 0..100 {
            assert_eq!(bucket.take(Duration::ZERO), Ok(()));
        }
    }
}
