//! Numbered messages: the currency of every story about loss, doubling and order.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

/// Reads the numbers of texts like `irc 17`; other texts are left out.
pub fn numbers_of<'a>(prefix: &str, texts: impl IntoIterator<Item = &'a str>) -> Vec<u32> {
    let numbers = texts.into_iter().filter_map(|text| {
        let number = text.strip_prefix(prefix)?.trim_start();
        number.parse().ok()
    });
    numbers.collect()
}

/// Asserts that numbers arrived at most once and in order.
pub fn ensure_once_and_in_order(what: &str, numbers: &[u32]) -> Result<()> {
    for pair in numbers.windows(2) {
        ensure!(pair[0] != pair[1], "{what}: {} came twice in {numbers:?}", pair[0]);
        ensure!(
            pair[0] < pair[1],
            "{what}: {} after {} (late or twice) in {numbers:?}",
            pair[1],
            pair[0]
        );
    }
    Ok(())
}

/// Asserts that every number that had to arrive did.
pub fn ensure_all_arrived(what: &str, required: &BTreeSet<u32>, arrived: &[u32]) -> Result<()> {
    let arrived: BTreeSet<u32> = arrived.iter().copied().collect();
    let missing: Vec<u32> = required.difference(&arrived).copied().collect();
    ensure!(missing.is_empty(), "{what}: {missing:?} are missing; arrived: {arrived:?}");
    Ok(())
}

/// A seeded sequence (xorshift), for moments and sizes that must differ between runs of a loop and agree between runs of a
/// test.
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        // Zero is the one state that xorshift never leaves.
        Seeded(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Returns the next number in a range.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let span = u64::from(high - low);
        low + u32::try_from(self.0 % span).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_and_disorder_are_told_apart_from_gaps() {
        assert!(ensure_once_and_in_order("x", &[1, 2, 5]).is_ok());
        assert!(ensure_once_and_in_order("x", &[1, 2, 2]).is_err());
        assert!(ensure_once_and_in_order("x", &[1, 3, 2]).is_err());
        let required = BTreeSet::from([1, 2]);
        assert!(ensure_all_arrived("x", &required, &[1, 5]).is_err());
    }

    #[test]
    fn numbers_are_read_by_their_prefix() {
        assert_eq!(numbers_of("irc", ["irc 1", "mx 2", "irc 30"]), [1, 30]);
    }
}
