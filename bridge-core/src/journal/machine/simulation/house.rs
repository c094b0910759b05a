//! The house that is played with: what is stored, what the workers hold, and what may happen next.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use support_clock::{Random as _, SeededRandom};

use super::super::{
    Moment, Move, OpenRow, Reconcile, StepChange, World, after_matrix, after_resolve, after_send,
    backoff, dropped_with, expired, next_move, reconcile, row_outcome,
};
use super::outside::{Applied, Homeserver, Network, Place, WINDOW};
use crate::ids::{LoginId, NetworkId, PortalKey, RemoteChatId, SendKey};
use crate::journal::row::{Direction, Outcome, Row, RowState};
use crate::journal::step::{Effect, MatrixCall, Step, StepState, StepWork};
use crate::network::{LostAnswer, MessageKind, Operation, RemoteStep};

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

    fn stored(&mut self, place: Place) -> Option<&mut Step> {
        let steps = &mut self.rows.get_mut(&place.0)?.steps;
        steps.iter_mut().find(|step| step.step == place.1)
    }

    fn read_again(&mut self, lane: usize, seq: i64) {
        let Some(at) = self.held[lane].rows.iter().position(|open| open.row.seq == seq) else {
            return;
        };
        match self.rows.get(&seq) {
            Some(open) if is_open(open) => self.held[lane].rows[at] = open.clone(),
            _ => {
                self.held[lane].rows.remove(at);
            }
        }
    }

    /// Stores what a worker gathered, in one commit.
    fn commit(&mut self, lane: usize) {
        for write in std::mem::take(&mut self.held[lane].writes) {
            self.store(lane, write);
        }
    }

    fn store(&mut self, lane: usize, write: Write) {
        match write {
            Write::Plan(seq, steps) => {
                if let Some(open) = self.rows.get_mut(&seq) {
                    open.row.state = RowState::Planned;
                    open.steps = steps;
                }
            }
            Write::Mark(place, now) => {
                let may = [StepState::Queued, StepState::Retry, StepState::Lost];
                if let Some(step) = self.stored(place).filter(|step| may.contains(&step.state)) {
                    step.state = StepState::Sending;
                    step.attempts += 1;
                    step.first_sent_at = step.first_sent_at.or(Some(now));
                }
            }
            Write::Change(place, change) => {
                if let Some(step) = self.stored(place).filter(|step| !step.state.is_final()) {
                    change.apply_to(step);
                }
            }
            Write::Settle(seq, outcome) => {
                if let Some(open) = self.rows.get_mut(&seq) {
                    open.row.state = RowState::Settled;
                }
                self.outcomes.entry(seq).or_insert(outcome);
            }
            Write::Park(seq, login) => {
                if let Some(open) = self.rows.get_mut(&seq) {
                    open.row.state = RowState::Parked;
                    self.waits_for.insert(seq, login);
                }
            }
            Write::Unpark(login) => {
                let mine = |seq: i64| self.lane_of[&seq] == lane;
                let waiting: Vec<i64> = self
                    .waits_for
                    .iter()
                    .filter(|(seq, waits)| **waits == login && mine(**seq))
                    .map(|(seq, _)| *seq)
                    .collect();
                for seq in waiting {
                    self.waits_for.remove(&seq);
                    if let Some(open) = self.rows.get_mut(&seq) {
                        let planned = !open.steps.is_empty();
                        open.row.state =
                            if planned { RowState::Planned } else { RowState::Accepted };
                    }
                }
            }
        }
    }

    /// A worker makes one move. False when it has nothing to do now.
    fn work(&mut self, lane: usize) -> Result<bool, String> {
        self.read(lane);
        let held = &self.held[lane];
        let online = self.online;
        let nobody = HashSet::new();
        let overtakes = self.is(Broken::Overtake);
        let world = World {
            now: self.now,
            expire_after: EXPIRE,
            is_connected: &|step| {
                let logins = (0..LOGINS).filter(|number| online[*number]);
                step.login_id.as_ref().is_none_or(|id| logins.map(login).any(|on| on == *id))
            },
            max_inflight: &|step| if step.login_id.is_some() { INFLIGHT } else { usize::MAX },
            parked: if overtakes { &nobody } else { &held.parked },
        };
        let next = next_move(&held.rows, &world);
        match next {
            Move::Wait(until) => {
                self.commit(lane);
                self.wake_at = match (self.wake_at, until) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
                return Ok(false);
            }
            Move::Plan(seq) => self.plan(lane, seq),
            Move::PlanTarget { .. } => return Err("a target was left unplanned".to_owned()),
            Move::Send { seq, step } => self.send(lane, (seq, step)),
            Move::Reconcile { seq, step } => self.find_out(lane, (seq, step)),
            Move::Expire(seq) => self.expire(lane, seq),
            Move::Finish(seq) => {
                let (outcome, _) = row_outcome(&self.open(lane, seq).steps);
                self.settle(lane, seq, outcome);
            }
            Move::Park { seq, login } => {
                let held = &mut self.held[lane];
                held.writes.push(Write::Park(seq, login.clone()));
                held.rows.retain(|open| open.row.seq != seq);
                if held.parked.insert(login) {
                    self.commit(lane);
                }
            }
        }
        if self.dies() {
            self.die();
        } else if self.random.below(3) == 0 {
            self.commit(lane);
        }
        Ok(true)
    }

    /// A worker that wakes up reads its lane from the start, later what is new.
    fn read(&mut self, lane: usize) {
        if !self.held[lane].awake {
            let mine = self.waits_for.iter().filter(|(seq, _)| self.lane_of[*seq] == lane);
            let parked = mine.map(|(_, login)| login.clone()).collect();
            self.held[lane] = Held { awake: true, parked, ..Held::default() };
        }
        let after = self.held[lane].read_to;
        let fresh: Vec<OpenRow> = self
            .rows
            .range(after + 1..)
            .filter(|(seq, open)| self.lane_of[*seq] == lane && is_open(open))
            .map(|(_, open)| open.clone())
            .collect();
        if let Some(last) = fresh.last() {
            self.held[lane].read_to = last.row.seq;
            self.held[lane].rows.extend(fresh);
        }
    }

    fn open(&self, lane: usize, seq: i64) -> &OpenRow {
        let mut rows = self.held[lane].rows.iter();
        rows.find(|open| open.row.seq == seq).expect("moves are about rows that are held")
    }

    fn step(&mut self, lane: usize, place: Place) -> &mut Step {
        let mut rows = self.held[lane].rows.iter_mut();
        let open = rows.find(|open| open.row.seq == place.0).expect("the row is held");
        let mut steps = open.steps.iter_mut();
        steps.find(|step| step.step == place.1).expect("the step is held")
    }

    /// The same row is planned the same way, however often.
    fn plan(&mut self, lane: usize, seq: i64) {
        let steps: Vec<Step> = (0..1 + seq % 3)
            .map(|number| match lane < FROM_MATRIX {
                true => remote_step(seq, number, lane),
                false => matrix_step(seq, number),
            })
            .collect();
        let held = &mut self.held[lane];
        held.writes.push(Write::Plan(seq, steps.clone()));
        let open = held.rows.iter_mut().find(|open| open.row.seq == seq);
        let open = open.expect("moves are about rows that are held");
        open.row.state = RowState::Planned;
        open.steps = steps;
    }

    fn moment(&self, step: &Step) -> Moment {
        let connected = step
            .login_id
            .as_ref()
            .is_none_or(|id| (0..LOGINS).any(|number| self.online[number] && login(number) == *id));
        let backoff: Duration = self.random.jitter(backoff(step.attempts), 0.2);
        Moment { now: self.now, backoff, connected }
    }

    fn send(&mut self, lane: usize, place: Place) {
        let attempt = self.step(lane, place).clone();
        let to_network = attempt.login_id.is_some();
        if (to_network || !self.for_good) && !self.is(Broken::NoMark) {
            let now = self.now;
            self.held[lane].writes.push(Write::Mark(place, now));
            self.commit(lane);
            if self.stored(place).is_none_or(|step| step.state != StepState::Sending) {
                // Something else became of it meanwhile.
                return self.read_again(lane, place.0);
            }
        }
        if self.dies() {
            return self.die();
        }
        let now = self.now;
        let before = attempt.state;
        let held = self.step(lane, place);
        held.state = StepState::Sending;
        held.attempts += 1;
        held.first_sent_at = held.first_sent_at.or(Some(now));
        let attempt = held.clone();
        self.note(place);
        let change = match login_number(&attempt) {
            Some(login) => {
                let what = Applied { lane, login, place };
                let lost = attempt.lost_answer;
                let outcome = self.network.send(&self.random, self.calm, now, what, lost);
                after_send(&attempt, outcome, self.moment(&attempt))
            }
            None => {
                let outcome =
                    self.homeserver.send(&self.random, self.calm, lane, place, self.for_good);
                after_matrix(outcome, self.for_good, self.moment(&attempt))
            }
        };
        if self.dies() {
            return self.die();
        }
        self.take(lane, place, change.after(before));
    }

    fn find_out(&mut self, lane: usize, place: Place) {
        self.commit(lane);
        let lost = self.step(lane, place).clone();
        self.note((place, "?"));
        let change = match lost.login_id {
            Some(_) if self.is(Broken::SendAgain) => StepChange::to(StepState::Retry),
            Some(_) => match reconcile(lost.lost_answer, lost.first_sent_at, self.now) {
                Reconcile::SendAgain => {
                    let change = StepChange::to(StepState::Lost);
                    change.apply_to(self.step(lane, place));
                    self.held[lane].writes.push(Write::Change(place, change));
                    return self.send(lane, place);
                }
                Reconcile::GiveUp => StepChange::to(StepState::Unknown),
                Reconcile::Ask => {
                    let outcome = self.network.resolve(&self.random, self.calm, place);
                    after_resolve(outcome, self.moment(&lost))
                }
            },
            // It is looked for in the room; what is not there was never taken.
            None if !self.for_good && self.homeserver.has(place) => StepChange::to(StepState::Sent),
            None => StepChange::to(StepState::Retry),
        };
        self.take(lane, place, change);
    }

    fn take(&mut self, lane: usize, place: Place, mut change: StepChange) {
        let step = self.step(lane, place).clone();
        let again = reconcile(step.lost_answer, step.first_sent_at, self.now);
        if self.is(Broken::ForgetDoubt)
            && change.state == StepState::Lost
            && again == Reconcile::SendAgain
        {
            change.state = StepState::Retry;
        }
        let dropped = match change.state {
            StepState::Failed => dropped_with(&step, &self.open(lane, place.0).steps),
            _ => Vec::new(),
        };
        change.apply_to(self.step(lane, place));
        self.held[lane].writes.push(Write::Change(place, change));
        for number in dropped {
            let change = StepChange::to(StepState::Failed).because("the part before it failed");
            change.apply_to(self.step(lane, (place.0, number)));
            self.held[lane].writes.push(Write::Change((place.0, number), change));
        }
    }

    fn expire(&mut self, lane: usize, seq: i64) {
        let open = self.open(lane, seq);
        if open.row.state == RowState::Accepted {
            return self.settle(lane, seq, Outcome::Expired);
        }
        let over = open.steps.iter().filter_map(|step| Some((step.step, expired(step, self.now)?)));
        for (number, state) in over.collect::<Vec<_>>() {
            let change = StepChange::to(state).because("too late");
            change.apply_to(self.step(lane, (seq, number)));
            self.held[lane].writes.push(Write::Change((seq, number), change));
        }
    }

    fn settle(&mut self, lane: usize, seq: i64, outcome: Outcome) {
        self.note((seq, outcome.as_str()));
        let held = &mut self.held[lane];
        held.writes.push(Write::Settle(seq, outcome));
        held.rows.retain(|open| open.row.seq != seq);
    }
}

fn is_open(open: &OpenRow) -> bool {
    matches!(open.row.state, RowState::Accepted | RowState::Planned)
}

fn login_number(step: &Step) -> Option<usize> {
    let id = step.login_id.as_ref()?;
    (0..LOGINS).find(|number| login(*number) == *id)
}

fn row(seq: i64, direction: Direction, event: Option<i64>, now: i64) -> Row {
    Row {
        seq,
        direction,
        network: None,
        portal_id: None,
        login_id: None,
        room_id: None,
        event_id: event.map(|event| format!("${event}")),
        sender: None,
        remote_id: None,
        kind: "message".to_owned(),
        payload: None,
        state: RowState::Accepted,
        next_at: None,
        attempts: 0,
        outcome: None,
        reason: None,
        accepted_at: now,
        again_of: None,
    }
}

/// Each lane's login finds lost answers out in its own ways.
fn remote_step(seq: i64, number: i64, lane: usize) -> Step {
    let lost_answer = match seq % 5 {
        0 => LostAnswer::ClientKey { window_ms: WINDOW },
        1 => LostAnswer::Natural,
        2 => LostAnswer::EchoMatch,
        3 => LostAnswer::HistoryMatch,
        _ => LostAnswer::None,
    };
    let network = NetworkId::new("net");
    let portal = PortalKey { network, chat: RemoteChatId::new("#a"), receiver: None };
    let operation = Operation::Message(MessageKind::Text);
    let remote = RemoteStep { operation, lost_answer, payload: serde_json::Value::Null };
    let work = StepWork::Network { portal, step: remote, effect: Effect::Pair };
    let login = login((usize::try_from(seq).unwrap_or(0) / 2 + lane) % LOGINS);
    Step { login_id: Some(login), ..step(seq, number, work, lost_answer) }
}

fn matrix_step(seq: i64, number: i64) -> Step {
    let call = MatrixCall::Event {
        sender: "@ghost:x".to_owned(),
        room: "!r:x".to_owned(),
        event_type: "m.room.message".to_owned(),
        content: serde_json::Value::Null,
        ts: None,
        effect: Effect::Pair,
        file: None,
    };
    step(seq, number, StepWork::Matrix(call), LostAnswer::HistoryMatch)
}

fn step(seq: i64, number: i64, work: StepWork, lost_answer: LostAnswer) -> Step {
    Step {
        row_seq: seq,
        step: number,
        portal_id: None,
        network: None,
        login_id: None,
        room_id: None,
        operation: "message".to_owned(),
        work: Some(work),
        lost_answer,
        send_key: SendKey::new(format!("{seq}-{number}")),
        state: StepState::Queued,
        attempts: 0,
        first_sent_at: None,
        next_at: None,
        deadline: None,
        remote_id: None,
        part: 0,
        event_id: None,
        reason: None,
    }
}
