//! The world outside: a network with accounts, and a homeserver. Both remember what was done to them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use support_clock::{Random as _, SeededRandom};

use crate::matrix::MatrixOutcome;
use crate::network::{LostAnswer, SendOutcome};

/// How long the network knows a key again, milliseconds.
pub(super) const WINDOW: i64 = 60_000;
/// How long an echo is waited for.
const ECHO: Duration = Duration::from_secs(3);

/// Which step, anywhere in the journal.
pub(super) type Place = (i64, i64);

/// Something that was applied.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    pub(super) lane: usize,
    pub(super) login: usize,
    pub(super) place: Place,
}

/// The network.
#[derive(Default)]
pub(super) struct Network {
    /// Everything applied, in order.
    pub(super) applied: Vec<Applied>,
    /// When each key was first seen.
    keys: BTreeMap<Place, i64>,
    /// Echoes on their way; any may come next.
    pub(super) echoes: Vec<Place>,
    /// Steps whose answer was lost at least once.
    pub(super) doubtful: BTreeSet<Place>,
    /// Steps the network said no to.
    pub(super) refused: BTreeSet<Place>,
    /// What people said there, by number.
    pub(super) said: usize,
}

/// The homeserver.
#[derive(Default)]
pub(super) struct Homeserver {
    /// Every event that stands in a room: the step's key, in order.
    pub(super) events: Vec<(usize, Place)>,
    /// Transactions that were not acknowledged yet: event ids.
    pub(super) outbox: VecDeque<i64>,
    /// How many events people sent.
    pub(super) sent: i64,
}

impl Network {
    /// Takes a send. `calm`: nothing goes wrong.
    pub(super) fn send(
        &mut self,
        random: &SeededRandom,
        calm: bool,
        now: i64,
        what: Applied,
        lost: LostAnswer,
    ) -> SendOutcome {
        let place = what.place;
        let drawn = if calm { 0 } else { random.below(100) };
        // What is there already is not refused.
        let known =
            matches!(lost, LostAnswer::ClientKey { .. } | LostAnswer::Natural) && self.has(place);
        let drawn = if known && (84..87).contains(&drawn) { 0 } else { drawn };
        match drawn {
            0..55 => self.apply(now, what, lost),
            55..64 => {
                self.apply(now, what, lost);
                self.doubtful.insert(place);
                return unknown();
            }
            64..69 => {
                self.doubtful.insert(place);
                return unknown();
            }
            69..79 => {
                let after = Duration::from_millis(random.below(5000));
                return SendOutcome::Retry { after, reason: "busy".to_owned() };
            }
            79..84 => return SendOutcome::Offline,
            84..87 => {
                self.refused.insert(place);
                return SendOutcome::Failed { words: "no".to_owned() };
            }
            _ => {
                self.apply(now, what, lost);
                if random.below(10) > 0 {
                    self.echoes.push(place);
                }
                // An echo may be lost: then what becomes of it depends on what can be asked.
                self.doubtful.insert(place);
                return SendOutcome::AwaitEcho { within: ECHO };
            }
        }
        SendOutcome::Confirmed { remote_id: None, timestamp: None }
    }

    fn apply(&mut self, now: i64, what: Applied, lost: LostAnswer) {
        match lost {
            LostAnswer::ClientKey { window_ms } => {
                let first = *self.keys.entry(what.place).or_insert(now);
                let known = self.applied.iter().any(|applied| applied.place == what.place);
                if known && now < first + window_ms {
                    return;
                }
            }
            // Done twice is the same as done once.
            LostAnswer::Natural if self.has(what.place) => return,
            _ => {}
        }
        self.applied.push(what);
    }

    /// Whether something is there.
    pub(super) fn has(&self, place: Place) -> bool {
        self.applied.iter().any(|applied| applied.place == place)
    }

    /// Answers what became of a send.
    pub(super) fn resolve(&self, random: &SeededRandom, calm: bool, place: Place) -> SendOutcome {
        // It cannot be asked now.
        if !calm && random.below(10) == 0 {
            return SendOutcome::Offline;
        }
        match self.has(place) {
            true => SendOutcome::Confirmed { remote_id: None, timestamp: None },
            // Some networks can tell that something is not there.
            false if random.below(2) == 0 => {
                SendOutcome::Retry { after: Duration::ZERO, reason: "it never came".to_owned() }
            }
            false => unknown(),
        }
    }
}

impl Homeserver {
    /// Takes an event under its key. `for_good`: it remembers keys for ever.
    pub(super) fn send(
        &mut self,
        random: &SeededRandom,
        calm: bool,
        lane: usize,
        place: Place,
        for_good: bool,
    ) -> MatrixOutcome {
        let drawn = if calm { 0 } else { random.below(100) };
        let lost = || MatrixOutcome::Unknown { reason: "lost".to_owned() };
        match drawn {
            0..70 => {}
            70..80 => return lost(),
            80..90 => {
                let after = Duration::from_millis(random.below(3000));
                return MatrixOutcome::Retry { after, reason: "slow down".to_owned() };
            }
            _ => {
                self.apply(lane, place, for_good);
                return lost();
            }
        }
        self.apply(lane, place, for_good);
        MatrixOutcome::Done { event_id: format!("${}-{}", place.0, place.1) }
    }

    fn apply(&mut self, lane: usize, place: Place, for_good: bool) {
        if for_good && self.has(place) {
            return;
        }
        self.events.push((lane, place));
    }

    pub(super) fn has(&self, place: Place) -> bool {
        self.events.iter().any(|(_, event)| *event == place)
    }
}

fn unknown() -> SendOutcome {
    SendOutcome::Unknown { reason: "lost".to_owned() }
}
