//! Buckets: each fills with every use and empties with time; what overflows has to wait.

use std::{borrow::Borrow, collections::HashMap, hash::Hash, time::Duration};

/// How large a bucket is, and how fast it empties.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) burst: u32,
    pub(super) every: Duration,
}

/// When the bucket would be empty if nothing more came in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bucket {
    empty_at: Duration,
}

impl Bucket {
    /// Returns how long to wait before there is room for one more.
    pub(super) fn wait(self, rule: Rule, now: Duration) -> Option<Duration> {
        let full = rule.every.saturating_mul(rule.burst);
        let filled = self.empty_at.max(now).saturating_add(rule.every).saturating_sub(now);
        let wait = filled.saturating_sub(full);
        (wait > Duration::ZERO).then_some(wait)
    }

    pub(super) fn fill(&mut self, rule: Rule, now: Duration) {
        self.empty_at = self.empty_at.max(now).saturating_add(rule.every);
    }

    pub(super) fn is_empty(self, now: Duration) -> bool {
        self.empty_at <= now
    }

    /// Takes one if there is room, or returns how long to wait.
    pub(super) fn take(&mut self, rule: Rule, now: Duration) -> Option<Duration> {
        let wait = self.wait(rule, now);
        if wait.is_none() {
            self.fill(rule, now);
        }
        wait
    }
}

/// What is known of many, of at most twice as many as are named at the beginning: when the young half is full, the old
/// half is forgotten. So whoever comes back often stays known, and nothing is ever searched.
#[derive(Debug)]
pub(super) struct Known<K, V> {
    most: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V: Default> Known<K, V> {
    pub(super) fn of_at_most(most: usize) -> Self {
        Self { most, young: HashMap::new(), old: HashMap::new() }
    }

    /// Returns what is known of one.
    pub(super) fn of<Q>(&mut self, key: &Q) -> &mut V
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        if !self.young.contains_key(key) {
            let value = self.old.remove(key).unwrap_or_default();
            if self.young.len() >= self.most {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(key.to_owned(), value);
        }
        self.young.get_mut(key).expect("it was put there just now, if it was not there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_takes_a_burst_and_then_one_at_a_time() {
        let rule = Rule { burst: 3, every: Duration::from_millis(200) };
        let (mut bucket, start) = (Bucket::default(), Duration::from_secs(7));
        assert!((0..3).all(|_| bucket.take(rule, start).is_none()));
        assert_eq!(bucket.take(rule, start), Some(Duration::from_millis(200)));
        let later = start + Duration::from_millis(150);
        assert_eq!(bucket.take(rule, later), Some(Duration::from_millis(50)));
        let later = start + Duration::from_millis(200);
        assert_eq!(bucket.take(rule, later), None);
        assert!(bucket.take(rule, later).is_some());
        let much_later = start + Duration::from_secs(60);
        assert!((0..3).all(|_| bucket.take(rule, much_later).is_none()));
        assert!(bucket.take(rule, much_later).is_some());
    }

    #[test]
    fn the_known_are_bounded_and_whoever_comes_back_is_not_forgotten() {
        let mut known = Known::<String, u32>::of_at_most(10);
        for stranger in 0..1000 {
            *known.of("regular") += 1;
            *known.of(stranger.to_string().as_str()) += 1;
            assert!(known.young.len() + known.old.len() <= 20);
        }
        assert_eq!((*known.of("regular"), *known.of("0")), (1000, 0));
    }
}
