//! A bounded memory of committed facts that every request asks for: whose token this is, which account exists.
//!
//! A reader may look a fact up, lose the processor, and come back after the fact was changed; what it then
//! stores would be stale for ever. So every forgetting raises a generation, and only a look-up of the current
//! generation is remembered.

use std::{collections::HashMap, hash::Hash, sync::Mutex};

/// More than this many facts start over: simpler than an order of use, and a refill costs one query each.
const CAPACITY: usize = 20_000;

/// Remembers values by key.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    inner: Mutex<Inner<K, V>>,
}

#[derive(Debug)]
struct Inner<K, V> {
    capacity: usize,
    generation: u64,
    facts: HashMap<K, V>,
}

/// What a look-up was like when it began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Generation(u64);

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    pub(crate) fn new() -> Self {
        Self::holding(CAPACITY)
    }

    /// For facts that are larger than most: holds fewer.
    pub(crate) fn holding(capacity: usize) -> Self {
        Self { inner: Mutex::new(Inner { capacity, generation: 0, facts: HashMap::new() }) }
    }

    /// Returns the fact, or the generation under which to remember it after looking it up.
    pub(crate) fn get(&self, key: &K) -> Result<V, Generation> {
        let inner = self.lock();
        inner.facts.get(key).cloned().ok_or(Generation(inner.generation))
    }

    /// Remembers a fact that was looked up, unless something was forgotten meanwhile.
    pub(crate) fn remember(&self, generation: Generation, key: K, value: V) {
        let mut inner = self.lock();
        if inner.generation != generation.0 {
            return;
        }
        if inner.facts.len() >= inner.capacity {
            inner.facts.clear();
        }
        inner.facts.insert(key, value);
    }

    /// Forgets every fact of which `gone` says so.
    pub(crate) fn forget(&self, gone: impl Fn(&K, &V) -> bool) {
        let mut inner = self.lock();
        inner.generation += 1;
        inner.facts.retain(|key, value| !gone(key, value));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner<K, V>> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_up_that_was_overtaken_is_not_remembered() {
        let cache = Cache::<&str, i32>::new();
        let generation = cache.get(&"token").unwrap_err();
        cache.forget(|key, _| *key == "token");
        cache.remember(generation, "token", 1);
        assert!(cache.get(&"token").is_err());
        let generation = cache.get(&"token").unwrap_err();
        cache.remember(generation, "token", 2);
        assert_eq!(cache.get(&"token").unwrap(), 2);
    }
}
