//! Telling an application service what passes, in transactions of their own without events.
//!
//! It is done where nothing durable waits, and given up as soon as something does: events are neither held up nor put in
//! another order by it, and their transactions keep their ids. What was given up is told again later, unless it is
//! outdated by then; to hear of it twice harms nobody.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Appservice,
    passing::Batch,
    sender::{Pauses, Refusal, Sender},
};

/// How the telling goes; it outlives each interruption.
#[derive(Debug, Default)]
pub(super) struct Telling {
    count: u64,
    pauses: Pauses,
    /// On the monotonic clock; after a failure.
    not_before: Option<Duration>,
}

/// What is taken out and goes back when nobody has heard it.
struct Taken<'a> {
    appservice: &'a Appservice,
    batch: Option<Batch>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(batch) = self.batch.take() {
            self.appservice.put_back_passing(batch);
        }
    }
}

impl Sender {
    /// Tells what passes, until it is dropped.
    pub(super) async fn tell_passing(&self, telling: &mut Telling) {
        loop {
            self.appservice.passing_came().await;
            self.wait(telling).await;
            let Some(batch) = self.appservice.take_passing() else { continue };
            let mut taken = Taken { appservice: &self.appservice, batch: Some(batch) };
            let Some(batch) = &taken.batch else { continue };
            let body = self.write_passing(batch);
            telling.count += 1;
            let txn_id = self.passing_id(telling.count);
            match self.attempt(&txn_id, body).await {
                Ok(()) => {
                    *telling = Telling { count: telling.count, ..Telling::default() };
                    taken.batch = None;
                }
                Err(refusal) => {
                    let pause = telling.pauses.next(&*self.house.random);
                    telling.not_before = Some(self.house.clock.monotonic() + pause);
                    tracing::debug!(
                        appservice = %self.appservice.id,
                        failure = %refusal,
                        "appservice did not hear of typing or receipts"
                    );
                    // Whoever answers has heard it, and would hear it again and again.
                    if matches!(refusal, Refusal::Answer(_)) {
                        taken.batch = None;
                    }
                }
            }
        }
    }

    /// Waits out the pause after a failure. A ping that comes through ends it.
    async fn wait(&self, telling: &mut Telling) {
        let mut flushes = self.appservice.flushes();
        while let Some(until) = telling.not_before {
            let rest = until.saturating_sub(self.house.clock.monotonic());
            if rest.is_zero() {
                telling.not_before = None;
                return;
            }
            tokio::select! {
                () = self.house.clock.sleep(rest) => {}
                Ok(()) = flushes.changed() => telling.not_before = None,
            }
        }
    }

    fn write_passing(&self, batch: &Batch) -> Vec<u8> {
        let passing = batch.write(|room_id| self.house.typists.of_room(room_id));
        let mut body = json!({ "events": [] });
        for name in self.appservice.names_for_passing() {
            body[name] = Value::from(passing.clone());
        }
        body.to_string().into_bytes()
    }
}
