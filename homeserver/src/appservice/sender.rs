//! The task that brings one appservice what it is owed: freeze, send, repeat until 2xx, take the next.
//!
//! A transaction is committed with its id and its body before the first attempt, so that every attempt, also
//! one after a crash, is the same request. There is one at a time. When it is acknowledged, dropping it and freezing
//! the next are one commit.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde_json::value::RawValue;
use support_clock::Random;
use support_db::{DbError, Job, Tx};

use super::{Appservice, teller::Telling};
use crate::{
    house::SharedHouse,
    rooms,
    store::outbox::{self, FrozenRow, Kind},
};

/// How many events one transaction carries at most.
const BATCH: i64 = 100;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How long an attempt under way may still take once the homeserver closes.
const GRACE: Duration = Duration::from_secs(3);

/// Starts the sender of an appservice that can be reached. The handle ends after the appservice was cancelled.
pub(crate) fn start(house: &SharedHouse, appservice: &Arc<Appservice>) {
    if !appservice.pushes() {
        return;
    }
    let run = house.random.hex(8);
    let sender = Sender { house: Arc::clone(house), appservice: Arc::clone(appservice), run };
    let task = house.tasks.spawn(async move { sender.run().await });
    appservice.set_task(task);
}

pub(super) struct Sender {
    pub(super) house: SharedHouse,
    pub(super) appservice: Arc<Appservice>,
    /// Makes the ids of transactions that are not stored other than those of earlier runs.
    run: String,
}

/// Why an attempt was no success.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The appservice was reached, and did not say yes.
    #[error("it answered {0}")]
    Answer(StatusCode),
    /// Nothing is known of what it heard.
    #[error("{0}")]
    Failure(String),
}

/// A transaction that exists only in memory: it gets its id when it is frozen.
struct Draft {
    last_seq: i64,
    body: Vec<u8>,
}

impl Sender {
    async fn run(self) {
        let ended = self.appservice.ended().clone();
        ended.run_until_cancelled(self.deliver_until_closing()).await;
    }

    /// Works until the homeserver closes. An attempt that is under way then may still be answered and acknowledged, so
    /// that a clean stop repeats nothing at the next start.
    async fn deliver_until_closing(&self) {
        let closing = &self.house.closing;
        let mut current = self.persist("read", || self.resume()).await;
        let mut telling = Telling::default();
        while !closing.is_cancelled() {
            let Some(frozen) = current.take() else {
                tokio::select! {
                    // Events before what passes.
                    biased;
                    () = closing.cancelled() => return,
                    () = self.appservice.woken() => {}
                    () = self.tell_passing(&mut telling) => {}
                }
                current = self.persist("freeze", || self.resume()).await;
                continue;
            };
            if !self.deliver(&frozen).await {
                return;
            }
            current = self.persist("acknowledge", || self.advance(Some(&frozen))).await;
        }
    }

    /// Returns the transaction that was frozen before (by a former run, or by a predecessor whose last write came late),
    /// or freezes the next one.
    async fn resume(&self) -> Result<Option<FrozenRow>, DbError> {
        match outbox::frozen(&self.house.db, &self.appservice.id).await? {
            Some(frozen) => Ok(Some(frozen)),
            None => self.advance(None).await,
        }
    }

    /// Drops the acknowledged transaction and freezes what comes after it, in one commit.
    async fn advance(&self, done: Option<&FrozenRow>) -> Result<Option<FrozenRow>, DbError> {
        let after = done.map_or(-1, |done| done.last_seq);
        let next = self.draft(after).await?;
        if done.is_none() && next.is_none() {
            return Ok(None);
        }
        let job = Advance {
            appservice: self.appservice.id.clone(),
            prefix: self.house.appservices.txn_prefix.clone(),
            done: done.map(|done| done.last_seq),
            next,
            now: self.house.clock.now_ms(),
        };
        self.house.db.run(job).await
    }

    async fn draft(&self, after: i64) -> Result<Option<Draft>, DbError> {
        let rows = outbox::next(&self.house.db, &self.appservice.id, after, BATCH).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        let positions: Vec<i64> =
            rows.iter().filter(|row| row.kind == Kind::Event).map(|row| row.reference).collect();
        let events = rooms::read::events_at(&self.house, &positions).await?;
        if events.len() != positions.len() {
            tracing::error!(
                appservice = %self.appservice.id,
                owed = positions.len(),
                found = events.len(),
                "events that an appservice is owed are not there any more"
            );
        }
        Ok(Some(Draft { last_seq: last.seq, body: make_body(&events) }))
    }

    /// Sends one transaction until it is acknowledged. Whatever else happens, it is the same request again. False when
    /// the homeserver closed before.
    async fn deliver(&self, frozen: &FrozenRow) -> bool {
        let mut pauses = Pauses::default();
        let mut flushes = self.appservice.flushes();
        loop {
            flushes.mark_unchanged();
            let outcome = tokio::select! {
                outcome = self.attempt(&frozen.txn_id, frozen.body.clone()) => outcome,
                () = self.grace_is_over() => return false,
            };
            let Err(why) = outcome else {
                self.appservice.note_delivery();
                return true;
            };
            let pause = pauses.next(&*self.house.random);
            tracing::warn!(
                appservice = %self.appservice.id,
                txn.id = %frozen.txn_id,
                failure = %why,
                pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                "appservice did not take a transaction"
            );
            self.appservice.note_failure(why.to_string());
            tokio::select! {
                () = self.house.clock.sleep(pause) => {}
                // A ping came through, perhaps while the attempt was still failing.
                Ok(()) = flushes.changed() => pauses = Pauses::default(),
                () = self.house.closing.cancelled() => return false,
            }
        }
    }

    async fn grace_is_over(&self) {
        self.house.closing.cancelled().await;
        self.house.clock.sleep(GRACE).await;
    }

    /// Sends one transaction once.
    pub(super) async fn attempt(&self, txn_id: &str, body: Vec<u8>) -> Result<(), Refusal> {
        let request = Request::builder()
            .method(Method::PUT)
            .uri(format!("/_matrix/app/v1/transactions/{txn_id}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, self.appservice.authorization())
            .body(Bytes::from(body))
            .map_err(|error| Refusal::Failure(error.to_string()))?;
        let response = self.appservice.call(request).await;
        let response = response.map_err(|error| Refusal::Failure(error.to_string()))?;
        let status = response.status();
        // Only a 2xx is an acknowledgement; what the body says does not matter.
        if status.is_success() { Ok(()) } else { Err(Refusal::Answer(status)) }
    }

    /// The id of a transaction that is not stored. It is none of a stored one, and of no earlier run.
    pub(super) fn passing_id(&self, number: u64) -> String {
        format!("{}-{}-{number}", self.house.appservices.txn_prefix, self.run)
    }

    /// Repeats database work until it is done: a full disk or a restarting server is no reason to lose our place.
    async fn persist<T, F>(&self, what: &'static str, work: impl Fn() -> F) -> T
    where
        F: Future<Output = Result<T, DbError>>,
    {
        let mut pauses = Pauses::default();
        loop {
            match work().await {
                Ok(done) => return done,
                Err(error) => {
                    tracing::error!(
                        appservice = %self.appservice.id,
                        step = what,
                        error = &error as &dyn std::error::Error,
                        "appservice queue could not be read or written"
                    );
                    self.house.clock.sleep(pauses.next(&*self.house.random)).await;
                }
            }
        }
    }
}

/// Puts the events into the body as they are, byte for byte.
fn make_body(events: &[Box<RawValue>]) -> Vec<u8> {
    let length: usize = events.iter().map(|event| event.get().len() + 1).sum();
    let mut body = Vec::with_capacity(length + 16);
    body.extend_from_slice(br#"{"events":["#);
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(event.get().as_bytes());
    }
    body.extend_from_slice(b"]}");
    body
}

/// The write job that acknowledges one transaction and freezes the next.
struct Advance {
    appservice: String,
    prefix: String,
    done: Option<i64>,
    next: Option<Draft>,
    now: i64,
}

#[async_trait]
impl Job for Advance {
    type Output = Option<FrozenRow>;
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<Option<FrozenRow>, DbError> {
        if let Some(last_seq) = self.done {
            outbox::acknowledge(tx, &self.appservice, last_seq).await?;
        }
        let Some(draft) = &self.next else { return Ok(None) };
        let number = tx.next_position(outbox::TXN_STREAM);
        let frozen = FrozenRow {
            txn_id: format!("{}-{number}", self.prefix),
            last_seq: draft.last_seq,
            body: draft.body.clone(),
        };
        let kept = outbox::freeze(tx, &self.appservice, &frozen, self.now).await?;
        Ok(kept.then_some(frozen))
    }
}

/// The pauses between attempts: one second at most, then twice as long each time, up to five minutes.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    failures: u32,
}

impl Pauses {
    pub(super) fn next(&mut self, random: &dyn Random) -> Duration {
        let longest = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE);
        self.failures += 1;
        // Shortened by up to a fifth, never lengthened: appservices that failed together come back apart.
        let shortened = u32::try_from(random.below(200)).unwrap_or_default();
        longest - longest * shortened / 1000
    }
}

#[cfg(test)]
mod tests {
    use support_clock::SeededRandom;

    use super::*;

    #[test]
    fn pauses_begin_below_a_second_and_grow_to_five_minutes() {
        let random = SeededRandom::new(3);
        let mut pauses = Pauses::default();
        let made: Vec<Duration> = (0..12).map(|_| pauses.next(&random)).collect();
        assert!(made[0] <= Duration::from_secs(1) && made[0] >= Duration::from_millis(800));
        for (index, pause) in made.iter().enumerate().take(9) {
            let whole = Duration::from_secs(1 << index);
            assert!(*pause <= whole && *pause >= whole * 4 / 5, "{index}: {pause:?}");
        }
        assert!(made[9..].iter().all(|pause| *pause <= LONGEST_PAUSE));
        assert!(made[11] >= LONGEST_PAUSE * 4 / 5);
    }

    #[test]
    fn events_stand_in_the_body_as_they_are() {
        let events = ["{\"b\": 1 ,\"a\":2}", "{}"]
            .map(|json| RawValue::from_string(json.to_owned()).unwrap());
        assert_eq!(make_body(&events), b"{\"events\":[{\"b\": 1 ,\"a\":2},{}]}");
        assert_eq!(make_body(&[]), b"{\"events\":[]}");
    }
}
