//! How often somebody may do something: what one person does, by kind; failed logins of one account; logins and new
//! accounts from one address; new accounts of the whole server.
//!
//! Everything is in memory and bounded, a look costs the same however many there are, and no lock is held for longer
//! than that.

mod bucket;
mod rates;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ruma::{OwnedUserId, UserId};

pub(crate) use self::rates::Kind;
pub use self::rates::{Rate, Rates};
use self::{
    bucket::{Bucket, Known, Rule},
    rates::KINDS,
};

/// Ten wrong passwords at once, then one in twenty seconds.
const FAILED_LOGINS: Rule = Rule { burst: 10, every: Duration::from_secs(20) };
/// Twenty accounts at once, then one in ten seconds.
const REGISTRATIONS: Rule = Rule { burst: 20, every: Duration::from_secs(10) };
/// How many accounts are watched at once; beyond, those whose bucket is empty are forgotten first.
const WATCHED: usize = 10_000;

/// The limits of one homeserver.
#[derive(Debug)]
pub(crate) struct Limits {
    /// None when there are no limits.
    rates: Option<Rates>,
    failed_logins: Mutex<HashMap<OwnedUserId, Bucket>>,
    registrations: Mutex<Bucket>,
    people: Mutex<Known<OwnedUserId, [Bucket; KINDS]>>,
    addresses: Mutex<Known<IpAddr, OfAddress>>,
}

/// What came from one address.
#[derive(Debug, Default)]
struct OfAddress {
    logins: Bucket,
    registrations: Bucket,
}

impl Limits {
    pub(crate) fn new(rates: Option<Rates>) -> Self {
        Self {
            rates,
            failed_logins: Mutex::new(HashMap::new()),
            registrations: Mutex::new(Bucket::default()),
            people: Mutex::new(Known::of_at_most(WATCHED)),
            addresses: Mutex::new(Known::of_at_most(WATCHED)),
        }
    }

    /// Counts one thing somebody does, or returns how long they have to wait.
    pub(crate) fn before(&self, kind: Kind, user_id: &UserId, now: Duration) -> Option<Duration> {
        let rule = self.rates?.rule(kind);
        // An enum without values is numbered from nothing up.
        lock(&self.people).of(user_id)[kind as usize].take(rule, now)
    }

    /// Returns how long this account has to wait after too many wrong passwords.
    pub(crate) fn before_login(&self, user_id: &UserId, now: Duration) -> Option<Duration> {
        self.rates?;
        lock(&self.failed_logins).get(user_id)?.wait(FAILED_LOGINS, now)
    }

    /// Counts a wrong password.
    pub(crate) fn note_failed_login(&self, user_id: &UserId, now: Duration) {
        let mut failed = lock(&self.failed_logins);
        if failed.len() >= WATCHED {
            failed.retain(|_, bucket| !bucket.is_empty(now));
        }
        if failed.len() < WATCHED {
            failed.entry(user_id.to_owned()).or_default().fill(FAILED_LOGINS, now);
        }
    }

    /// Counts an attempt to log in from an address, or returns how long it has to wait.
    pub(crate) fn before_login_from(
        &self,
        address: Option<IpAddr>,
        now: Duration,
    ) -> Option<Duration> {
        let rule = self.rates?.logins.rule();
        lock(&self.addresses).of(&network(address?)).logins.take(rule, now)
    }

    /// Takes one of the accounts that may be made now, or returns how long to wait.
    pub(crate) fn before_registration(
        &self,
        address: Option<IpAddr>,
        now: Duration,
    ) -> Option<Duration> {
        let rule = self.rates?.registrations.rule();
        if let Some(address) = address
            && let Some(wait) =
                lock(&self.addresses).of(&network(address)).registrations.take(rule, now)
        {
            return Some(wait);
        }
        lock(&self.registrations).take(REGISTRATIONS, now)
    }
}

/// Whom an address belongs to: of the long ones everybody has a whole network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(long) => {
            let [a, b, c, d, ..] = long.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        short => short,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    const NOW: Duration = Duration::from_secs(1000);

    fn limits() -> Limits {
        Limits::new(Some(Rates::default()))
    }

    #[test]
    fn wrong_passwords_lock_one_account_for_a_while() {
        let limits = limits();
        let (alice, bob) = (user_id!("@alice:hs.test"), user_id!("@bob:hs.test"));
        for _ in 0..FAILED_LOGINS.burst {
            assert_eq!(limits.before_login(alice, NOW), None);
            limits.note_failed_login(alice, NOW);
        }
        let wait = limits.before_login(alice, NOW).unwrap();
        assert_eq!(wait, FAILED_LOGINS.every);
        assert_eq!(limits.before_login(bob, NOW), None);
        assert_eq!(limits.before_login(alice, NOW + wait), None);
    }

    #[test]
    fn registrations_are_limited_together_and_switched_off_together() {
        let limits = limits();
        for _ in 0..REGISTRATIONS.burst {
            assert_eq!(limits.before_registration(None, NOW), None);
        }
        assert!(limits.before_registration(None, NOW).is_some());
        let limits = Limits::new(None);
        assert!((0..100).all(|_| limits.before_registration(None, NOW).is_none()));
        let alice = user_id!("@alice:hs.test");
        assert!((0..1000).all(|_| limits.before(Kind::Messages, alice, NOW).is_none()));
    }

    #[test]
    fn kinds_and_people_do_not_use_up_each_others_room() {
        let limits = limits();
        let (alice, bob) = (user_id!("@alice:hs.test"), user_id!("@bob:hs.test"));
        let rooms = Rates::default().rooms;
        assert!((0..rooms.burst).all(|_| limits.before(Kind::Rooms, alice, NOW).is_none()));
        let wait = limits.before(Kind::Rooms, alice, NOW).unwrap();
        assert_eq!(wait, Duration::from_secs(10));
        assert_eq!(limits.before(Kind::Messages, alice, NOW), None);
        assert_eq!(limits.before(Kind::Rooms, bob, NOW), None);
        assert_eq!(limits.before(Kind::Rooms, alice, NOW + wait), None);
    }

    #[test]
    fn an_address_is_limited_with_its_whole_network() {
        let limits = limits();
        let address = |text: &str| text.parse().ok();
        let burst = Rates::default().logins.burst;
        let mut from = (0..burst).map(|last| address(&format!("2001:db8::{last:x}")));
        assert!(from.all(|from| limits.before_login_from(from, NOW).is_none()));
        let blocked = |text| limits.before_login_from(address(text), NOW).is_some();
        assert!(blocked("2001:db8::ffff:1") && !blocked("2001:db8:0:1::1"));
        assert!(!blocked("192.0.2.1") && limits.before_login_from(None, NOW).is_none());
        let accounts = Rates::default().registrations.burst;
        let from = address("192.0.2.2");
        assert!((0..accounts).all(|_| limits.before_registration(from, NOW).is_none()));
        assert!(limits.before_registration(from, NOW).is_some());
        assert!(limits.before_registration(address("192.0.2.3"), NOW).is_none());
    }
}
