//! The house that is played with: what is stored, what the workers hold, and what may happen next.

mod disk;
mod rows;
mod worker;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use support_clock::{Random as _, SeededRandom};

use self::rows::row;
use super::super::{OpenRow, StepChange};
use super::outside::{Homeserver, Network, Place};
use crate::ids::LoginId;
use crate::journal::row::{Direction, Outcome};
use crate::journal::step::{Step, StepState};

/// Rooms of people, then chats of the network.
const LANES: usize = 4;
const FROM_MATRIX: usize = 2;
const LOGINS: usize = 2;
/// What may be under way at once on the network.
const INFLIGHT: usize = 2;
/// How long a message may wait for its network.
const EXPIRE: i64 = 120_000;

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Attempts are not marked before they are made.
    NoMark,
    /// After a death, attempts under way are taken for not made.
    ForgetAttempts,
    /// The position moves on before what was heard is stored.
    CursorFirst,
    /// Events are taken in as often as they are pushed.
    NoDedup,
    /// Whoever waits for a login is overtaken by their own later words.
    Overtake,
    /// What cannot be known is sent again.
    SendAgain,
    /// What may have arrived is taken for what certainly did not.
    ForgetDoubt,
}

impl Broken {
    pub(super) const ALL: [Self; 7] = [
        Self::NoMark,
        Self::ForgetAttempts,
        Self::CursorFirst,
        Self::NoDedup,
        Self::Overtake,
        Self::SendAgain,
        Self::ForgetDoubt,
    ];
}

/// What a worker wants stored.
#[derive(Clone)]
enum Write {
    Plan(i64, Vec<Step>),
    Mark(Place, i64),
    Change(Place, StepChange),
    Settle(i64, Outcome),
    Park(i64, LoginId),
    Unpark(LoginId),
}

/// What a worker holds; gone when the process dies.
#[derive(Default)]
struct Held {
    awake: bool,
    rows: Vec<OpenRow>,
    read_to: i64,
    parked: HashSet<LoginId>,
    writes: Vec<Write>,
}

/// Everything.
pub(super) struct House {
    random: SeededRandom,
    trace: DefaultHasher,
    broken: Option<Broken>,
    calm: bool,
    now: i64,
    /// Whether the homeserver remembers transaction ids for good.
    for_good: bool,
    pub(super) network: Network,
    pub(super) homeserver: Homeserver,
    online: [bool; LOGINS],
    /// Logins that came back, which the journal has not heard of yet.
    back: Vec<usize>,
    /// What is stored.
    pub(super) rows: BTreeMap<i64, OpenRow>,
    pub(super) lane_of: BTreeMap<i64, usize>,
    waits_for: BTreeMap<i64, LoginId>,
    known_events: BTreeSet<i64>,
    cursor: usize,
    pub(super) outcomes: BTreeMap<i64, Outcome>,
    /// Which remote message a row is of.
    pub(super) heard: BTreeMap<i64, usize>,
    next_seq: i64,
    held: [Held; LANES],
    wake_at: Option<i64>,
    pub(super) deaths: usize,
}

fn login(number: usize) -> LoginId {
    LoginId::new(format!("net-{number}"))
}

impl House {
    pub(super) fn new(seed: u64) -> Self {
        let random = SeededRandom::new(seed);
        let for_good = random.below(2) == 0;
        Self {
            random,
            trace: DefaultHasher::new(),
            broken: None,
            calm: false,
            now: 1_000_000,
            for_good,
            network: Network::default(),
            homeserver: Homeserver::default(),
            online: [true; LOGINS],
            back: Vec::new(),
            rows: BTreeMap::new(),
            lane_of: BTreeMap::new(),
            waits_for: BTreeMap::new(),
            known_events: BTreeSet::new(),
            cursor: 0,
            outcomes: BTreeMap::new(),
            heard: BTreeMap::new(),
            next_seq: 1,
            held: Default::default(),
            wake_at: None,
            deaths: 0,
        }
    }

    pub(super) fn broken(seed: u64, broken: Broken) -> Self {
        Self { broken: Some(broken), ..Self::new(seed) }
    }

    /// Returns what happened, in a number.
    pub(super) fn trace(&self) -> u64 {
        self.trace.finish()
    }

    fn note(&mut self, what: impl std::hash::Hash) {
        (what, self.now).hash(&mut self.trace);
    }

    fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    fn draw(&self, end: usize) -> usize {
        usize::try_from(self.random.below(end as u64)).expect("it is below a small number")
    }

    /// Whether the process dies here.
    fn dies(&mut self) -> bool {
        !self.calm && self.random.below(40) == 0
    }

    /// Has one thing happen.
    pub(super) fn anything(&mut self) -> Result<(), String> {
        let drawn = self.draw(100);
        self.note(drawn);
        match drawn {
            0..10 => {
                self.homeserver.sent += 1;
                let event = self.homeserver.sent;
                self.homeserver.outbox.push_back(event);
            }
            10..20 => self.push(),
            20..28 => self.network.said += 1,
            28..36 => self.listen(),
            36..40 => {
                let number = self.draw(LOGINS);
                self.online[number] = !self.online[number];
                // That it is back is heard of later.
                if self.online[number] {
                    self.back.push(number);
                }
            }
            40..43 => self.echo(),
            43..46 => {
                if let Some(number) = self.back.pop() {
                    self.resume(&login(number));
                }
            }
            46..48 => self.die(),
            48..56 => {
                // Now and then long enough for keys to be forgotten and messages to be too late.
                let longest = if self.random.below(8) == 0 { 70_000 } else { 4000 };
                self.now += i64::try_from(self.random.below(longest)).unwrap_or(0);
            }
            _ => {
                let lane = self.draw(LANES);
                self.work(lane)?;
            }
        }
        Ok(())
    }

    /// Nothing goes wrong any more: whatever is there comes to its end.
    pub(super) fn calm_down(&mut self) -> Result<(), String> {
        self.calm = true;
        self.online = [true; LOGINS];
        for number in 0..LOGINS {
            self.resume(&login(number));
        }
        for _ in 0..20_000 {
            if !self.homeserver.outbox.is_empty() {
                self.push();
            }
            self.listen();
            self.echo();
            self.wake_at = None;
            let mut busy = false;
            for lane in 0..LANES {
                busy |= self.work(lane)?;
            }
            if busy {
                continue;
            }
            let open = self.rows.keys().any(|seq| !self.outcomes.contains_key(seq));
            match (open, self.wake_at) {
                (false, _) if self.homeserver.outbox.is_empty() => return Ok(()),
                (_, Some(at)) if at > self.now => self.now = at,
                _ => self.now += 100,
            }
        }
        let open: Vec<_> =
            self.rows.values().filter(|open| !self.outcomes.contains_key(&open.row.seq)).collect();
        Err(format!("it never comes to an end: {open:#?}"))
    }

    /// The homeserver pushes a transaction; it is stored before it is acknowledged.
    fn push(&mut self) {
        let batch: Vec<i64> = self.homeserver.outbox.iter().copied().take(3).collect();
        if batch.is_empty() {
            return;
        }
        if self.dies() {
            return self.die();
        }
        for event in &batch {
            let fresh = self.known_events.insert(*event);
            if fresh || self.is(Broken::NoDedup) {
                let lane = usize::try_from(*event).unwrap_or(0) % FROM_MATRIX;
                self.accept(lane, Direction::FromMatrix, Some(*event));
            }
        }
        // The answer may be lost: then all of it is pushed again.
        if !self.calm && self.random.below(4) == 0 {
            return;
        }
        self.homeserver.outbox.drain(..batch.len());
    }

    /// The client hears what was said after the stored position, and stores it with the new one.
    fn listen(&mut self) {
        if !self.online[0] || self.cursor >= self.network.said {
            return;
        }
        let until = self.network.said.min(self.cursor + 3);
        let from = self.cursor;
        if self.is(Broken::CursorFirst) {
            self.cursor = until;
        }
        if self.dies() {
            return self.die();
        }
        for number in from..until {
            let lane = FROM_MATRIX + number % (LANES - FROM_MATRIX);
            let seq = self.accept(lane, Direction::ToMatrix, None);
            self.heard.insert(seq, number);
        }
        self.cursor = until;
    }

    fn accept(&mut self, lane: usize, direction: Direction, event: Option<i64>) -> i64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        let row = row(seq, direction, event, self.now);
        self.rows.insert(seq, OpenRow { row, steps: Vec::new() });
        self.lane_of.insert(seq, lane);
        seq
    }

    /// An echo comes: whichever.
    fn echo(&mut self) {
        if self.network.echoes.is_empty() {
            return;
        }
        let at = self.draw(self.network.echoes.len());
        let place = match self.random.below(4) {
            // It may come again.
            0 => self.network.echoes[at],
            _ => self.network.echoes.swap_remove(at),
        };
        let Some(step) = self.stored(place) else { return };
        if !step.state.is_final() {
            StepChange::to(StepState::Sent).apply_to(step);
        }
        let lane = self.lane_of[&place.0];
        // The worker stores what it knows, then reads the row again.
        self.commit(lane);
        self.read_again(lane, place.0);
    }

    /// The process dies and starts again: what workers held is gone, attempts under way are lost.
    fn die(&mut self) {
        self.deaths += 1;
        self.held = Default::default();
        let forgotten = self.is(Broken::ForgetAttempts);
        for step in self.rows.values_mut().flat_map(|open| &mut open.steps) {
            if matches!(step.state, StepState::Sending | StepState::Awaiting) {
                step.state = if forgotten { StepState::Queued } else { StepState::Lost };
                (step.next_at, step.deadline) = (None, None);
            }
        }
        for number in 0..LOGINS {
            if self.online[number] {
                self.resume(&login(number));
            }
        }
    }

    fn resume(&mut self, login: &LoginId) {
        for lane in 0..LANES {
            let waits = self.waits_for.iter();
            let mut waits =
                waits.filter(|(seq, waits)| *waits == login && self.lane_of[*seq] == lane);
            if waits.next().is_some() {
                let held = &mut self.held[lane];
                held.parked.remove(login);
                held.writes.push(Write::Unpark(login.clone()));
                self.commit(lane);
                let held = &mut self.held[lane];
                held.rows.clear();
                held.read_to = 0;
            }
        }
    }
}
