//! One person's presence: what his devices say, what he said himself, and what becomes of that as time passes.

use std::{collections::HashMap, time::Duration};

use ruma::presence::PresenceState;

/// How long somebody is taken for present who does nothing.
const IDLE: Duration = Duration::from_secs(5 * 60);
/// How long a device counts after its last `/sync` has ended.
const GRACE: Duration = Duration::from_secs(30);
/// How many devices of one person are told apart; those beyond count as one.
const MOST_DEVICES: usize = 20;

/// Whether somebody can be reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Availability {
    #[default]
    Offline,
    Unavailable,
    Online,
}

impl Availability {
    /// Reads what a client says; `None` for what the specification does not know.
    pub(crate) fn read(state: &PresenceState) -> Option<Self> {
        Some(match state {
            PresenceState::Offline => Self::Offline,
            PresenceState::Unavailable => Self::Unavailable,
            PresenceState::Online => Self::Online,
            _ => return None,
        })
    }

    pub(crate) fn state(self) -> PresenceState {
        match self {
            Self::Offline => PresenceState::Offline,
            Self::Unavailable => PresenceState::Unavailable,
            Self::Online => PresenceState::Online,
        }
    }
}

/// What others see of somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) availability: Availability,
    pub(crate) status: Option<String>,
    pub(crate) last_active_ago: Option<Duration>,
}

impl Shown {
    /// Whether he is at it right now, which is said of those who are online only.
    pub(crate) fn currently_active(&self) -> Option<bool> {
        (self.availability == Availability::Online).then_some(true)
    }
}

/// One person. All times are on the monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Person {
    /// The number of the last change that others see.
    pub(super) version: i64,
    pub(super) told: Availability,
    told_status: Option<String>,
    status: Option<String>,
    /// What he said or did himself; it holds until he does something else or is gone.
    said: Option<Availability>,
    last_active: Option<Duration>,
    devices: HashMap<String, Device>,
}

#[derive(Debug)]
struct Device {
    /// What its `/sync` says.
    wish: Availability,
    /// How many of its requests wait right now.
    syncs: u32,
    left_at: Duration,
}

impl Device {
    fn is_here(&self, now: Duration) -> bool {
        self.syncs > 0 || now < self.left_at + GRACE
    }
}

impl Person {
    /// Writes down that a device waits for news. Returns the name under which it is known.
    ///
    /// That it waits again is no activity: otherwise nobody would ever be idle.
    pub(super) fn arrive(&mut self, device: &str, wish: Availability, now: Duration) -> String {
        self.forget_gone(now);
        let (name, device) = self.device(device, now);
        let was_here = device.is_here(now);
        let changed = device.wish != wish;
        device.wish = wish;
        device.syncs += 1;
        if was_here && changed {
            self.said = None;
        }
        if wish == Availability::Online && (!was_here || changed) {
            self.act(now);
        }
        name
    }

    /// Writes down that a device has stopped waiting.
    pub(super) fn leave(&mut self, device: &str, now: Duration) {
        if let Some(device) = self.devices.get_mut(device) {
            device.syncs = device.syncs.saturating_sub(1);
            device.left_at = now;
        }
    }

    /// Writes down what somebody says of himself. Saying so is a sign of life of the device.
    pub(super) fn say(
        &mut self,
        device: &str,
        what: Availability,
        status: Option<String>,
        now: Duration,
    ) {
        self.forget_gone(now);
        let (_, device) = self.device(device, now);
        if !device.is_here(now) {
            device.wish = Availability::Online;
        }
        device.left_at = now;
        self.said = Some(what);
        self.status = status.filter(|status| !status.is_empty());
        self.last_active = Some(now);
    }

    /// Writes down that somebody did something; who hides stays hidden.
    pub(super) fn act(&mut self, now: Duration) {
        match self.base(now) {
            Availability::Offline => return,
            Availability::Unavailable => self.said = Some(Availability::Online),
            Availability::Online => {}
        }
        self.last_active = Some(now);
    }

    /// Finds out what others are to see now. Returns whether that is news.
    pub(super) fn refresh(&mut self, now: Duration) -> bool {
        self.forget_gone(now);
        let is_fresh = self.last_active.is_some_and(|active| now < active + IDLE);
        let availability = match self.base(now) {
            Availability::Online if !is_fresh => Availability::Unavailable,
            base => base,
        };
        let is_news = availability != self.told || self.status != self.told_status;
        self.told = availability;
        self.told_status.clone_from(&self.status);
        is_news
    }

    /// Returns what others see.
    pub(super) fn shown(&self, now: Duration) -> Shown {
        Shown {
            availability: self.told,
            status: self.told_status.clone(),
            last_active_ago: self.last_active.map(|active| now.saturating_sub(active)),
        }
    }

    /// What holds for somebody who is not idle.
    fn base(&self, now: Duration) -> Availability {
        let here = self.devices.values().filter(|device| device.is_here(now));
        match (here.map(|device| device.wish).max(), self.said) {
            (None, _) => Availability::Offline,
            (Some(_), Some(said)) => said,
            (Some(wish), None) => wish,
        }
    }

    fn forget_gone(&mut self, now: Duration) {
        self.devices.retain(|_, device| device.is_here(now));
        if self.devices.is_empty() {
            self.said = None;
        }
    }

    /// Finds a device; a new one was gone until now.
    fn device(&mut self, name: &str, now: Duration) -> (String, &mut Device) {
        let is_known = self.devices.contains_key(name) || self.devices.len() < MOST_DEVICES;
        let name = if is_known { name } else { "" }.to_owned();
        let device = self.devices.entry(name.clone()).or_insert_with(|| Device {
            wish: Availability::Offline,
            syncs: 0,
            left_at: now.saturating_sub(GRACE),
        });
        (name, device)
    }
}

#[cfg(test)]
mod tests {
    use super::{Availability::*, *};

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1000 + seconds)
    }

    /// A request that begins and ends.
    fn sync(person: &mut Person, device: &str, wish: Availability, now: Duration) -> Availability {
        let name = person.arrive(device, wish, now);
        person.leave(&name, now);
        person.refresh(now);
        person.told
    }

    #[test]
    fn somebody_who_only_waits_becomes_idle_and_then_gone() {
        let mut person = Person::default();
        assert_eq!(sync(&mut person, "A", Online, at(0)), Online);
        for tick in 1..15 {
            assert_eq!(sync(&mut person, "A", Online, at(20 * tick)), Online, "{tick}");
        }
        assert_eq!(sync(&mut person, "A", Online, at(300)), Unavailable);
        person.act(at(301));
        assert!(person.refresh(at(301)) && person.told == Online);
        assert!(!person.refresh(at(329)), "a device counts for a while");
        assert!(person.refresh(at(330)) && person.told == Offline);
        assert_eq!(person.shown(at(331)).last_active_ago, Some(Duration::from_secs(30)));
    }

    #[test]
    fn the_most_present_device_counts() {
        let mut person = Person::default();
        assert_eq!(sync(&mut person, "A", Unavailable, at(0)), Unavailable);
        assert_eq!(sync(&mut person, "B", Online, at(1)), Online);
        assert_eq!(sync(&mut person, "A", Unavailable, at(2)), Online);
        assert_eq!(sync(&mut person, "B", Offline, at(3)), Unavailable);
        assert_eq!(sync(&mut person, "A", Offline, at(4)), Offline);
        assert_eq!(sync(&mut person, "A", Online, at(5)), Online);
    }

    #[test]
    fn what_somebody_says_holds_until_he_does_something_else() {
        let mut person = Person::default();
        sync(&mut person, "A", Online, at(0));
        person.say("A", Unavailable, None, at(1));
        assert_eq!(sync(&mut person, "A", Online, at(2)), Unavailable);
        person.act(at(3));
        assert_eq!(sync(&mut person, "A", Online, at(4)), Online);
        person.say("A", Offline, None, at(5));
        person.act(at(6));
        assert_eq!(sync(&mut person, "A", Online, at(7)), Offline);
        assert_eq!(sync(&mut person, "A", Unavailable, at(8)), Unavailable);
        // Who comes back after having been gone begins afresh.
        person.say("A", Offline, None, at(9));
        assert_eq!(sync(&mut person, "A", Online, at(100)), Online);
    }

    #[test]
    fn devices_without_end_count_as_one() {
        let mut person = Person::default();
        for number in 0..1000 {
            person.arrive(&number.to_string(), Online, at(0));
        }
        assert_eq!(person.devices.len(), MOST_DEVICES + 1);
        person.arrive("later", Offline, at(1));
        assert!(person.refresh(at(1)) && person.told == Online);
    }
}
