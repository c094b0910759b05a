//! Counts how many bytes are held at once: a piece that passes is weighed until it is dropped, so
//! that a test can say that a large file was never in memory as a whole.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

/// A gauge. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<Weights>);

#[derive(Debug, Default)]
struct Weights {
    held: AtomicUsize,
    most: AtomicUsize,
    passed: AtomicUsize,
}

struct Piece {
    bytes: Bytes,
    gauge: Gauge,
}

impl Gauge {
    /// Weighs a piece until its last clone or part is dropped.
    pub fn hold(&self, bytes: Bytes) -> Bytes {
        let weights = &self.0;
        let held = weights.held.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        weights.most.fetch_max(held, Ordering::Relaxed);
        weights.passed.fetch_add(bytes.len(), Ordering::Relaxed);
        Bytes::from_owner(Piece { bytes, gauge: self.clone() })
    }

    /// Returns the most that was held at once, in bytes.
    pub fn most_held(&self) -> usize {
        self.0.most.load(Ordering::Relaxed)
    }

    /// Returns how many bytes have passed.
    pub fn passed(&self) -> usize {
        self.0.passed.load(Ordering::Relaxed)
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.gauge.0.held.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_counts_until_its_last_part_is_dropped() {
        let gauge = Gauge::default();
        let first = gauge.hold(Bytes::from_static(b"acqua"));
        let part = first.slice(1..2);
        let second = gauge.hold(Bytes::from_static(b"alta"));
        drop((first, second));
        drop(gauge.hold(Bytes::from_static(b"x")));
        assert_eq!((gauge.most_held(), gauge.passed()), (9, 10));
        drop(part);
        drop(gauge.hold(Bytes::from_static(b"0123456789")));
        assert_eq!(gauge.most_held(), 10);
    }
}
