//! Telling people what became of what they wrote: a `com.beeper.message_send_status` event for
//! every message, and a notice in words where something did not go well. Reports are sent beside
//! the lanes: a slow homeserver does not hold up what goes to the networks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use serde_json::{Value, json};
use support_db::DbError;
use tokio::sync::Notify;

use super::{
    Journal,
    machine::{OpenRow, millis},
    row::{Direction, Outcome, RowState},
    step::{IN_WORDS, Report, Step, StepState},
    store::Write,
};
use crate::{
    ids::SendKey,
    matrix::{MatrixOutcome, MatrixTrouble, STEP_KEY, Sender},
};

/// Says in the status event what the network could carry as text only.
const IN_WORDS_KEY: &str = "com.rialto.carried_as_text";
/// How many reports are under way at once.
const AT_ONCE: usize = 16;
/// What a report on a row said in the status event's `network` field when it has no target.
const NO_NETWORK: &str = "rialto";

/// Rows that are to be reported.
#[derive(Debug, Default)]
pub(crate) struct Reporter {
    waiting: Mutex<Waiting>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    now: BTreeSet<i64>,
    later: BTreeMap<i64, Vec<i64>>,
    attempts: BTreeMap<i64, i64>,
}

impl Reporter {
    /// Takes rows whose senders are to be told.
    pub(crate) fn add(&self, rows: impl IntoIterator<Item = i64>) {
        let mut waiting = self.lock();
        let before = waiting.now.len();
        waiting.now.extend(rows);
        if waiting.now.len() > before {
            self.wake.notify_one();
        }
    }

    /// Wakes the reporter so that it sees that it should end.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    fn next(&self, now: i64) -> Option<i64> {
        let mut waiting = self.lock();
        while let Some(due) = waiting.later.first_entry().filter(|entry| *entry.key() <= now) {
            let rows = due.remove();
            waiting.now.extend(rows);
        }
        waiting.now.pop_first()
    }

    fn again(&self, row: i64, pause: impl FnOnce(i64) -> i64) {
        let mut waiting = self.lock();
        let attempts = waiting.attempts.entry(row).or_default();
        *attempts += 1;
        let at = pause(*attempts);
        waiting.later.entry(at).or_default().push(row);
    }

    fn done(&self, row: i64) {
        self.lock().attempts.remove(&row);
    }

    fn next_at(&self) -> Option<i64> {
        self.lock().later.first_key_value().map(|(at, _)| *at)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal {
    /// Sends reports until the journal is closed.
    pub(super) async fn report(self: Arc<Self>) {
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < AT_ONCE {
                let Some(row) = self.reporter.next(self.now()) else { break };
                let this = Arc::clone(&self);
                under_way.push(async move { (row, this.report_row(row).await) });
            }
            if under_way.is_empty() {
                if self.lanes_ended.is_cancelled() {
                    return;
                }
                self.wait_for_reports().await;
                continue;
            }
            let mut done = Vec::new();
            if let Some(first) = under_way.next().await {
                done.push(first);
            }
            // Whatever else is done by now shares the commit.
            while let Some(Some(next)) = under_way.next().now_or_never() {
                done.push(next);
            }
            if !self.reported(done).await {
                return;
            }
        }
    }

    async fn wait_for_reports(&self) {
        let clock = &self.parts.clock;
        match self.reporter.next_at() {
            None => self.reporter.wake.notified().await,
            Some(at) => {
                let rest = Duration::from_millis(u64::try_from(at - self.now()).unwrap_or(0));
                tokio::select! {
                    () = self.reporter.wake.notified() => {}
                    () = clock.sleep(rest) => {}
                }
            }
        }
    }

    /// Stores which rows are settled now; false when the database is closed.
    async fn reported(&self, done: Vec<(i64, Result<(), MatrixTrouble>)>) -> bool {
        let now = self.now();
        let mut writes = Vec::new();
        for (seq, result) in done {
            match result {
                Ok(()) | Err(MatrixTrouble::Refused { .. }) => {
                    self.reporter.done(seq);
                    writes.push(Write::Reported { seq, now });
                }
                Err(MatrixTrouble::Db(DbError::Closed | DbError::Fenced { .. })) => return false,
                Err(trouble) => {
                    tracing::debug!(row = seq, %trouble, "a report is tried again");
                    self.reporter.again(seq, |attempts| now + millis(self.backoff(attempts)));
                }
            }
        }
        if writes.is_empty() {
            return true;
        }
        match self.store.apply(writes.into(), now).await {
            Ok(_) => true,
            Err(DbError::Closed | DbError::Fenced { .. }) => false,
            // The rows stay `reporting`; at the next start they are reported again under the same
            // keys.
            Err(error) => {
                tracing::error!(%error, "which rows were reported could not be stored");
                true
            }
        }
    }

    async fn report_row(&self, seq: i64) -> Result<(), MatrixTrouble> {
        let Some(open) = self.store.open_row(seq).await? else { return Ok(()) };
        if open.row.state != RowState::Reporting {
            return Ok(());
        }
        match open.row.direction {
            Direction::FromMatrix => self.report_to_sender(&open).await,
            Direction::ToMatrix => self.report_to_room(&open).await,
        }
    }

    async fn report_to_sender(&self, open: &OpenRow) -> Result<(), MatrixTrouble> {
        let row = &open.row;
        let (Some(room), Some(event)) = (&row.room_id, &row.event_id) else { return Ok(()) };
        // A ghost's words that were relayed and taken out: there is nobody to tell.
        if self.parts.matrix.kind_of(row.sender.as_deref().unwrap_or_default()) != Sender::Other {
            return Ok(());
        }
        let outcome = row.outcome.unwrap_or(Outcome::Unknown);
        let words = words(outcome, row.reason.as_deref(), &self.bad_targets(open));
        if needs_words(outcome) {
            let mut content = json!({
                "msgtype": "m.notice",
                "body": words,
                "m.relates_to": { "m.in_reply_to": { "event_id": event } },
            });
            let key = self.keys.report(row.seq, Report::Notice);
            content[STEP_KEY] = key.as_str().into();
            self.say_once(room, "m.room.message", &key, &content, open).await?;
        }
        let network = open.steps.iter().find_map(|step| step.network.as_ref());
        let network = network.map_or(NO_NETWORK, |network| network.as_str());
        let key = self.keys.report(row.seq, Report::Status);
        let mut content = status(event, network, outcome, &words);
        let in_words = in_words(&open.steps);
        if !in_words.is_empty() {
            content[IN_WORDS_KEY] = json!(in_words);
        }
        content[STEP_KEY] = key.as_str().into();
        self.say_once(room, "com.beeper.message_send_status", &key, &content, open).await
    }

    /// Something from the network could not be shown: whoever reads the room should know.
    async fn report_to_room(&self, open: &OpenRow) -> Result<(), MatrixTrouble> {
        let failed = open.steps.iter().find(|step| step.state == StepState::Failed);
        let Some(room) = failed.and_then(|step| step.room_id.as_ref()) else { return Ok(()) };
        let key = self.keys.report(open.row.seq, Report::Notice);
        let reason = open.row.reason.as_deref().unwrap_or("no reason was given");
        let who = open.row.sender.as_deref().unwrap_or("somebody");
        let body = format!(
            "Something {who} sent on the network could not be shown here: {reason} It can still be read there."
        );
        let content = json!({ "msgtype": "m.notice", "body": body, STEP_KEY: key.as_str() });
        self.say_once(room, "m.room.message", &key, &content, open).await
    }

    async fn say_once(
        &self,
        room: &str,
        event_type: &str,
        key: &SendKey,
        content: &Value,
        open: &OpenRow,
    ) -> Result<(), MatrixTrouble> {
        let matrix = &self.parts.matrix;
        // Reported before, by an earlier process or in vain: it may be there.
        let doubtful = self.is_recovered(open.row.seq) || open.row.attempts > 0;
        if doubtful
            && !matrix.idempotent_for_good()
            && matrix.find_by_tag(room, key).await?.is_some()
        {
            return Ok(());
        }
        match matrix.send_event(matrix.bot(), room, event_type, key, content, None).await {
            MatrixOutcome::Done { .. } => Ok(()),
            MatrixOutcome::Retry { after, reason } => Err(MatrixTrouble::Retry { after, reason }),
            MatrixOutcome::Refused { errcode, words } => {
                tracing::warn!(errcode, words, "a report was refused by the homeserver");
                Ok(())
            }
            MatrixOutcome::Unknown { reason } => Err(MatrixTrouble::Unknown { reason }),
        }
    }

    /// Names the networks that did not get it, where others did.
    fn bad_targets(&self, open: &OpenRow) -> Vec<String> {
        let targets: BTreeSet<i64> = open.steps.iter().map(Step::target).collect();
        if targets.len() < 2 {
            return Vec::new();
        }
        let bad = open.steps.iter().filter(|step| {
            matches!(step.state, StepState::Failed | StepState::Unknown | StepState::Expired)
        });
        let networks: BTreeSet<String> = bad
            .filter_map(|step| step.network.as_ref())
            .map(|network| match self.parts.networks.facts(network) {
                Some(facts) => facts.display_name.clone(),
                None => network.to_string(),
            })
            .collect();
        networks.into_iter().collect()
    }
}

/// Names what was carried in words: `reply`, `edit`, `image`, ...
fn in_words(steps: &[Step]) -> BTreeSet<&str> {
    let sent = steps.iter().filter(|step| step.state == StepState::Sent);
    sent.filter_map(|step| step.operation.split_once(IN_WORDS)).map(|(_, what)| what).collect()
}

fn needs_words(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Failed | Outcome::Unknown | Outcome::Expired | Outcome::Dropped)
}

/// Says what happened, what became of the message, and what can be done.
fn words(outcome: Outcome, reason: Option<&str>, networks: &[String]) -> String {
    let reason = reason.unwrap_or_default();
    let on =
        if networks.is_empty() { String::new() } else { format!(" on {}", networks.join(", ")) };
    match outcome {
        Outcome::Sent => String::new(),
        Outcome::Ignored => reason.to_owned(),
        Outcome::Failed | Outcome::Dropped => {
            format!("Your message was not delivered{on}: {reason}")
        }
        Outcome::Expired => format!(
            "Your message was not delivered{on} in time and was given up. {reason} Send it again if it still matters."
        ),
        Outcome::Unknown => format!(
            "It is not known whether your message arrived{on}: {reason}. It was not sent a second time; look there before you repeat it."
        ),
    }
}

fn status(event: &str, network: &str, outcome: Outcome, words: &str) -> Value {
    let (status, reason) = match outcome {
        Outcome::Sent => ("SUCCESS", None),
        Outcome::Failed => ("FAIL_PERMANENT", Some("m.foreign_network_error")),
        Outcome::Ignored => ("FAIL_PERMANENT", Some("com.beeper.unsupported_event")),
        Outcome::Dropped => ("FAIL_PERMANENT", Some("m.event_not_handled")),
        Outcome::Expired => ("FAIL_RETRIABLE", Some("m.event_too_old")),
        Outcome::Unknown => ("FAIL_RETRIABLE", Some("m.foreign_network_error")),
    };
    let mut content = json!({
        "network": network,
        "m.relates_to": { "rel_type": "m.reference", "event_id": event },
        "status": status,
        "com.rialto.outcome": outcome.as_str(),
    });
    if let Some(reason) = reason {
        content["reason"] = reason.into();
        content["message"] = words.into();
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_what_happened_and_what_can_be_done() {
        let words = words(Outcome::Unknown, Some("the connection broke"), &["Libera".to_owned()]);
        assert_eq!(
            words,
            "It is not known whether your message arrived on Libera: the connection broke. It was not sent a second time; look there before you repeat it."
        );
    }

    #[test]
    fn status_refers_to_its_message() {
        let content = status("$e", "libera", Outcome::Sent, "");
        assert_eq!(content["status"], "SUCCESS");
        assert_eq!(content["m.relates_to"]["event_id"], "$e");
        assert_eq!(content.get("message"), None);
        let content = status("$e", "libera", Outcome::Failed, "why");
        assert_eq!(
            (&content["status"], &content["message"]),
            (&json!("FAIL_PERMANENT"), &json!("why"))
        );
    }
}
