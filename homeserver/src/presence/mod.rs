//! Who is online, for houses that want to know: off, it is one look at a flag.
//!
//! What enters are the `/sync` requests of people, what they do, and what they say of themselves; what leaves is what those
//! see who share a room with them. Nothing of it is stored. Each change that others see gets the next number of one
//! count, which begins at the start's time, so that a client is told what changed since it asked last; only such a change
//! wakes anybody and asks the database anything (for the rooms of whom it is about).
//!
//! Users of application services have no presence: there are too many of them, and their networks know better.

mod person;
mod sweeper;

use std::{collections::HashMap, time::Duration};

use ruma::{OwnedUserId, UserId};
use support_clock::SharedClock;
use tokio::sync::Notify;

use self::{person::Person, sweeper::tell_later};
pub(crate) use self::{
    person::{Availability, Shown},
    sweeper::start,
};
use crate::{error::Result, house::SharedHouse, requester::Requester, rooms::Guarded};

/// How many people are remembered before those are forgotten who are offline; more than this are not noticed.
const MOST: usize = 10_000;

/// Everybody's presence.
#[derive(Debug)]
pub(crate) struct Presences {
    is_on: bool,
    clock: SharedClock,
    state: Guarded<State>,
    /// Somebody changed while perhaps nobody was there.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    version: i64,
    /// Changes before this number may have been forgotten.
    complete_since: i64,
    people: HashMap<OwnedUserId, Person>,
}

/// What a client has to be told, the newest first.
#[derive(Debug)]
pub(crate) struct News {
    /// The number up to which this tells everything.
    pub(crate) upto: i64,
    pub(crate) people: Vec<(OwnedUserId, Shown)>,
    /// Whether the client may take somebody for online who is not, and of whom nothing is known here.
    pub(crate) rest_is_offline: bool,
}

/// Somebody's `/sync`, for as long as it is answered.
#[derive(Debug)]
pub(crate) struct Attendance {
    house: SharedHouse,
    user_id: OwnedUserId,
    device: String,
}

impl Drop for Attendance {
    fn drop(&mut self) {
        let presence = &self.house.presence;
        let now = presence.clock.monotonic();
        presence.state.with(|state| {
            if let Some(person) = state.people.get_mut(&self.user_id) {
                person.leave(&self.device, now);
            }
        });
    }
}

/// Takes note that somebody waits for news.
pub(crate) async fn attend(
    house: &SharedHouse,
    who: &Requester,
    wish: Availability,
) -> Result<Option<Attendance>> {
    if !has_presence(house, who).await? {
        return Ok(None);
    }
    let device = device(who);
    let known = house
        .presence
        .change(house, &who.user_id, true, |person, now| person.arrive(device, wish, now));
    let user_id = who.user_id.clone();
    Ok(known.map(|device| Attendance { house: house.clone(), user_id, device }))
}

/// Lets somebody say of himself what he is.
pub(crate) async fn set(
    house: &SharedHouse,
    who: &Requester,
    what: Availability,
    status: Option<String>,
) -> Result<()> {
    if has_presence(house, who).await? {
        let device = device(who);
        house.presence.change(house, &who.user_id, true, |person, now| {
            person.say(device, what, status, now);
        });
    }
    Ok(())
}

/// Takes note that somebody did something. What an application service does for somebody is no sign of his.
pub(crate) fn acted(house: &SharedHouse, who: &Requester) {
    if house.presence.is_on && who.appservice.is_none() {
        house.presence.change(house, &who.user_id, false, Person::act);
    }
}

async fn has_presence(house: &SharedHouse, who: &Requester) -> Result<bool> {
    if !house.presence.is_on || who.appservice.is_some() {
        return Ok(false);
    }
    let account = house.users.account(&who.user_id).await?;
    Ok(account.is_some_and(|account| !account.is_ghost))
}

fn device(who: &Requester) -> &str {
    who.device_id.as_ref().map_or("", |device| device.as_str())
}

impl Presences {
    pub(crate) fn new(is_on: bool, clock: SharedClock) -> Self {
        let version = clock.now_ms();
        let state = Guarded::default();
        state.with(|state: &mut State| {
            (state.version, state.complete_since) = (version, version);
        });
        Self { is_on, clock, state, changed: Notify::new() }
    }

    /// Whether this house knows who is online.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Returns what others see of somebody.
    pub(crate) fn of(&self, user_id: &UserId) -> Shown {
        let now = self.clock.monotonic();
        let shown = self.state.with(|state| Some(state.people.get(user_id)?.shown(now)));
        shown.unwrap_or_default()
    }

    /// Takes note that somebody came into a room: those in it hear of him again.
    pub(crate) fn met(&self, user_id: &UserId) {
        if !self.is_on {
            return;
        }
        self.state.with(|state| {
            if let Some(person) = state.people.get_mut(user_id)
                && person.told != Availability::Offline
            {
                state.version += 1;
                person.version = state.version;
            }
        });
    }

    /// Returns what changed after `since`; everybody who is not offline for who begins afresh, or `knows_less` than
    /// his token says because he came into a room.
    pub(crate) fn news(&self, since: Option<i64>, knows_less: bool) -> News {
        let now = self.clock.monotonic();
        self.state.with(|state| {
            // A number from the future is one of a clock that was set back.
            let known =
                since.filter(|since| (state.complete_since..=state.version).contains(since));
            let is_news = |person: &Person| {
                let is_there = person.told != Availability::Offline;
                known.is_some_and(|known| person.version > known)
                    || is_there && (known.is_none() || knows_less)
            };
            let news = state.people.iter().filter(|(_, person)| is_news(person));
            let mut news: Vec<_> = news.collect();
            news.sort_unstable_by_key(|(_, person)| std::cmp::Reverse(person.version));
            let people = news.into_iter().map(|(id, person)| (id.clone(), person.shown(now)));
            News {
                upto: state.version,
                people: people.collect(),
                rest_is_offline: since.is_some() && known.is_none(),
            }
        })
    }

    /// Changes something about somebody, and has it told if others see it. `None` if he is not known, or cannot be.
    fn change<T>(
        &self,
        house: &SharedHouse,
        user_id: &UserId,
        may_be_new: bool,
        change: impl FnOnce(&mut Person, Duration) -> T,
    ) -> Option<T> {
        let now = self.clock.monotonic();
        let (found, is_news) = self.state.with(|state| {
            if may_be_new {
                state.make_room_for(user_id)?;
            }
            let person = state.people.get_mut(user_id)?;
            let found = change(person, now);
            let is_news = person.refresh(now);
            if is_news {
                state.version += 1;
                person.version = state.version;
            }
            Some((found, is_news))
        })?;
        if is_news {
            self.changed.notify_one();
            tell_later(house, user_id);
        }
        Some(found)
    }

    /// Looks who has become idle or is gone; returns whose change others see.
    fn sweep(&self) -> Vec<OwnedUserId> {
        let now = self.clock.monotonic();
        self.state.with(|state| {
            let mut changed = Vec::new();
            for (user_id, person) in &mut state.people {
                if person.refresh(now) {
                    state.version += 1;
                    person.version = state.version;
                    changed.push(user_id.clone());
                }
            }
            changed
        })
    }

    /// Whether there is nobody who could go.
    fn is_deserted(&self) -> bool {
        let is_gone = |person: &Person| person.told == Availability::Offline;
        self.state.with(|state| state.people.values().all(is_gone))
    }
}

impl State {
    /// Begins an entry, if there is room for one more.
    fn make_room_for(&mut self, user_id: &UserId) -> Option<()> {
        if self.people.contains_key(user_id) {
            return Some(());
        }
        if self.people.len() >= MOST {
            self.people.retain(|_, person| person.told != Availability::Offline);
            self.complete_since = self.version;
        }
        if self.people.len() >= MOST {
            return None;
        }
        self.people.insert(user_id.to_owned(), Person::default());
        Some(())
    }
}
