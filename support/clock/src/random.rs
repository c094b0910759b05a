//! Randomness: the operating system's for everything secret, a seeded one for tests.

use std::{
    fmt::Debug,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Draws random bytes, and what is made of them.
pub trait Random: Send + Sync + Debug {
    /// Fills `buffer` with random bytes.
    fn fill(&self, buffer: &mut [u8]);

    /// Returns `bytes` random bytes.
    fn bytes(&self, bytes: usize) -> Vec<u8> {
        let mut buffer = vec![0; bytes];
        self.fill(&mut buffer);
        buffer
    }

    /// Returns `bytes` random bytes as base64url without padding: safe in URLs, headers and ids.
    fn token(&self, bytes: usize) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes(bytes))
    }

    /// Returns `bytes` random bytes as lower-case hex, for what is compared without regard to case.
    fn hex(&self, bytes: usize) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(bytes * 2);
        for byte in self.bytes(bytes) {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        text
    }

    /// Returns any `u64`.
    fn u64(&self) -> u64 {
        let mut buffer = [0; 8];
        self.fill(&mut buffer);
        u64::from_le_bytes(buffer)
    }

    /// Returns a number below `end` (0 when `end` is 0). Scaled by multiplication: for ends far
    /// below 2^64, as all of ours are, no number is noticeably likelier than another.
    fn below(&self, end: u64) -> u64 {
        let wide = u128::from(self.u64()) * u128::from(end);
        u64::try_from(wide >> 64).expect("a product of two u64 has a high half of 64 bits")
    }

    /// Returns `duration` moved by at most `ratio` of itself in either direction, so that waiters
    /// that began together do not return together.
    fn jitter(&self, duration: Duration, ratio: f64) -> Duration {
        // 53 bits are what an f64 holds exactly.
        let unit = self.below(1 << 53) as f64 / (1_u64 << 53) as f64;
        let ratio = ratio.clamp(0.0, 1.0);
        duration.mul_f64(1.0 - ratio + 2.0 * ratio * unit)
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, buffer: &mut [u8]) {
        // Without randomness no token is safe; there is nothing to go on with.
        getrandom::fill(buffer).expect("the operating system hands out randomness");
    }
}

/// Randomness that repeats itself: the same seed draws the same bytes. For tests only.
#[derive(Debug)]
pub struct SeededRandom {
    state: AtomicU64,
}

impl SeededRandom {
    /// Starts the sequence that belongs to `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }

    /// One step of SplitMix64 (Steele, Lea, Flood 2014): a counter and a mixer, so an atomic add
    /// is all the state it needs.
    fn step(&self) -> u64 {
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.state.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&self.step().to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_bytes() {
        let (one, two, other) = (SeededRandom::new(7), SeededRandom::new(7), SeededRandom::new(8));
        let drawn = one.token(18);
        assert_eq!(drawn, two.token(18));
        assert_ne!(drawn, other.token(18));
        assert_ne!(drawn, one.token(18));
    }

    #[test]
    fn tokens_have_the_promised_length_and_alphabet() {
        let token = OsRandom.token(32);
        assert_eq!(token.len(), 43);
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        let hex = OsRandom.hex(9);
        assert_eq!(hex.len(), 18);
        assert!(hex.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_eq!(OsRandom.token(0), "");
    }

    #[test]
    fn numbers_and_jitter_stay_within_their_bounds() {
        let random = SeededRandom::new(1);
        let second = Duration::from_secs(1);
        let mut low = false;
        let mut high = false;
        for _ in 0..1000 {
            assert!(random.below(3) < 3);
            let waited = random.jitter(second, 0.2);
            assert!(waited >= Duration::from_millis(800) && waited <= Duration::from_millis(1200));
            low |= waited < Duration::from_millis(850);
            high |= waited > Duration::from_millis(1150);
        }
        assert!(low && high);
        assert_eq!(random.below(0), 0);
        assert_eq!(random.jitter(second, 0.0), second);
    }
}
