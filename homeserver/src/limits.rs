//! How often somebody may try: failed logins of one account, new accounts of the whole server. A bucket fills with
//! every use and empties with time; what overflows has to wait.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ruma::{OwnedUserId, UserId};

/// Ten wrong passwords at once, then one in twenty seconds.
const FAILED_LOGINS: Rule = Rule { burst: 10, every: Duration::from_secs(20) };
/// Twenty accounts at once, then one in ten seconds.
const REGISTRATIONS: Rule = Rule { burst: 20, every: Duration::from_secs(10) };
/// How many accounts are watched at once; beyond, those whose bucket is empty are forgotten first.
const WATCHED: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Rule {
    burst: u32,
    every: Duration,
}

/// When the bucket would be empty if nothing more came in.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    empty_at: Duration,
}

impl Bucket {
    /// Returns how long to wait before there is room for one more.
    fn wait(self, rule: Rule, now: Duration) -> Option<Duration> {
        let full = rule.every * rule.burst;
        let filled = (self.empty_at + rule.every).saturating_sub(now);
        let wait = filled.saturating_sub(full);
        (wait > Duration::ZERO).then_some(wait)
    }

    fn fill(&mut self, rule: Rule, now: Duration) {
        self.empty_at = self.empty_at.max(now) + rule.every;
    }
}

/// The limits of one homeserver.
#[derive(Debug)]
pub(crate) struct Limits {
    enabled: bool,
    failed_logins: Mutex<HashMap<OwnedUserId, Bucket>>,
    registrations: Mutex<Bucket>,
}

impl Limits {
    pub(crate) fn new(enabled: bool) -> Self {
        Self {
            enabled,
            failed_logins: Mutex::new(HashMap::new()),
            registrations: Mutex::new(Bucket::default()),
        }
    }

    /// Returns how long this account has to wait after too many wrong passwords.
    pub(crate) fn before_login(&self, user_id: &UserId, now: Duration) -> Option<Duration> {
        if !self.enabled {
            return None;
        }
        lock(&self.failed_logins).get(user_id)?.wait(FAILED_LOGINS, now)
    }

    /// Counts a wrong password.
    pub(crate) fn note_failed_login(&self, user_id: &UserId, now: Duration) {
        let mut failed = lock(&self.failed_logins);
        if failed.len() >= WATCHED {
            failed.retain(|_, bucket| bucket.empty_at > now);
        }
        if failed.len() < WATCHED {
            failed.entry(user_id.to_owned()).or_default().fill(FAILED_LOGINS, now);
        }
    }

    /// Takes one of the accounts that may be made now, or returns how long to wait.
    pub(crate) fn before_registration(&self, now: Duration) -> Option<Duration> {
        if !self.enabled {
            return None;
        }
        let mut bucket = lock(&self.registrations);
        let wait = bucket.wait(REGISTRATIONS, now);
        if wait.is_none() {
            bucket.fill(REGISTRATIONS, now);
        }
        wait
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn wrong_passwords_lock_one_account_for_a_while() {
        let limits = Limits::new(true);
        let (alice, bob) = (user_id!("@alice:hs.test"), user_id!("@bob:hs.test"));
        let now = Duration::from_secs(1000);
        for _ in 0..FAILED_LOGINS.burst {
            assert_eq!(limits.before_login(alice, now), None);
            limits.note_failed_login(alice, now);
        }
        let wait = limits.before_login(alice, now).unwrap();
        assert_eq!(wait, FAILED_LOGINS.every);
        assert_eq!(limits.before_login(bob, now), None);
        assert_eq!(limits.before_login(alice, now + wait), None);
    }

    #[test]
    fn registrations_are_limited_together_and_switched_off_together() {
        let now = Duration::from_secs(1000);
        let limits = Limits::new(true);
        for _ in 0..REGISTRATIONS.burst {
            assert_eq!(limits.before_registration(now), None);
        }
        assert!(limits.before_registration(now).is_some());
        let limits = Limits::new(false);
        assert!((0..100).all(|_| limits.before_registration(now).is_none()));
    }
}
