//! What was asked and is not answered yet. IRC gives no receipt of its own, so three signs are
//! used, the best that the server offers: an answer with our label, our own line echoed, or the
//! PONG to a PING sent behind the lines (servers work through a connection in order, so what came
//! before the PING has been processed, and refused if it was to be refused).

use std::{collections::BTreeMap, collections::VecDeque, time::Duration};

use tokio::sync::oneshot;

use super::{
    Session,
    refusal::{refusal_without_target, refuses_send},
};
use crate::wire::Message;

/// PINGs of ours begin so; the number behind says which barrier it is.
const BARRIER: &str = "rialto-";

/// Numbers what is under way.
pub(super) type PendingId = u64;

/// What became of something asked.
#[derive(Debug)]
pub(super) enum Answer {
    /// Our line came back, perhaps with an id and a time.
    Echoed { msgid: Option<String>, time: Option<String> },
    /// The server has processed it and did not object.
    Processed,
    /// The server refused a text.
    Refused(Message),
    /// What the server said between our lines and the barrier.
    Collected(Vec<Message>),
    /// It never left.
    NotWritten,
    /// It left, and then the connection ended.
    Lost(String),
}

/// What an entry waits for.
#[derive(Debug)]
pub(super) enum Waiting {
    /// A text's fate.
    Say { command: &'static str, target: String, text: String },
    /// Everything said about these names (folded) until the barrier.
    Ask { about: Vec<String>, collected: Vec<Message> },
}

#[derive(Debug)]
struct Entry {
    id: PendingId,
    waiting: Waiting,
    label: Option<String>,
    written: Option<Duration>,
    barrier: Option<u64>,
    answer: Option<oneshot::Sender<Answer>>,
}

/// Everything under way on one connection, in the order it was asked.
#[derive(Debug, Default)]
pub(super) struct Pending {
    next_id: PendingId,
    next_barrier: u64,
    entries: VecDeque<Entry>,
    /// References of open labeled-response batches to their label.
    batches: BTreeMap<String, String>,
}

/// Whose line it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// An answer to us and nothing else.
    Answer,
    /// To be handed on.
    News,
}

impl Pending {
    /// Adds something about to be queued.
    pub(super) fn add(
        &mut self,
        waiting: Waiting,
        labelled: bool,
    ) -> (PendingId, Option<String>, oneshot::Receiver<Answer>) {
        self.next_id += 1;
        let id = self.next_id;
        let label = labelled.then(|| format!("r{id}"));
        let (answer, receiver) = oneshot::channel();
        self.entries.push_back(Entry {
            id,
            waiting,
            label: label.clone(),
            written: None,
            barrier: None,
            answer: Some(answer),
        });
        (id, label, receiver)
    }

    /// Forgets something that was never written because its caller went away.
    pub(super) fn forget_unwritten(&mut self, id: PendingId) {
        self.entries.retain(|entry| entry.id != id || entry.written.is_some());
    }

    /// Notes that bytes are about to leave and returns how: what nobody waits for any more does not
    /// leave at all.
    pub(super) fn mark_written(&mut self, id: PendingId, now: Duration) -> Write {
        let Some(at) = self.entries.iter().position(|entry| entry.id == id) else {
            return Write::Skip;
        };
        if self.entries[at].answer.as_ref().is_none_or(oneshot::Sender::is_closed) {
            self.entries.remove(at);
            return Write::Skip;
        }
        self.entries[at].written = Some(now);
        if self.entries[at].label.is_some() { Write::Plain } else { Write::ThenBarrier }
    }

    /// Returns how many written things wait for an answer.
    pub(super) fn under_way(&self) -> usize {
        self.entries.iter().filter(|entry| entry.written.is_some()).count()
    }

    /// Says whether something has been waiting since before `since`.
    pub(super) fn waits_since(&self, since: Duration) -> bool {
        self.entries.iter().any(|entry| entry.written.is_some_and(|written| written <= since))
    }

    /// Says whether this one was written before `since` and is still open.
    pub(super) fn written_before(&self, id: PendingId, since: Duration) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| entry.id == id && entry.written.is_some_and(|at| at <= since))
    }

    /// Returns the token of a PING to be sent now; its PONG answers everything written so far.
    pub(super) fn barrier(&mut self) -> String {
        self.next_barrier += 1;
        for entry in &mut self.entries {
            if entry.written.is_some() && entry.barrier.is_none() {
                entry.barrier = Some(self.next_barrier);
            }
        }
        format!("{BARRIER}{}", self.next_barrier)
    }

    /// Takes a PONG.
    pub(super) fn pong(&mut self, token: &str) {
        let number = token.strip_prefix(BARRIER).and_then(|digits| digits.parse::<u64>().ok());
        let Some(reached) = number else { return };
        let mut kept = VecDeque::with_capacity(self.entries.len());
        for entry in self.entries.drain(..) {
            if entry.barrier.is_some_and(|barrier| barrier <= reached) {
                entry.processed();
            } else {
                kept.push_back(entry);
            }
        }
        self.entries = kept;
    }

    /// Takes a line and says whether it was only an answer.
    pub(super) fn hear(&mut self, message: &Message, session: &Session) -> Heard {
        if message.is("BATCH") {
            return self.hear_batch(message);
        }
        let batch = message.tag("batch").and_then(|reference| self.batches.get(reference));
        let in_batch = batch.is_some();
        let label = message.tag("label").or(batch.map(String::as_str)).map(str::to_owned);
        match label.and_then(|label| self.find_label(&label)) {
            Some(at) => self.hear_labelled(at, message, session, in_batch),
            None => self.hear_plain(message, session),
        }
    }

    /// Ends everything: what was written is lost, the rest never left.
    pub(super) fn end(&mut self, why: &str) {
        for mut entry in self.entries.drain(..) {
            let written = entry.written.is_some();
            entry.reply(if written { Answer::Lost(why.to_owned()) } else { Answer::NotWritten });
        }
        self.batches.clear();
    }

    /// Ends what was never written; the rest may still be answered.
    pub(super) fn end_unwritten(&mut self) {
        for entry in self.entries.iter_mut().filter(|entry| entry.written.is_none()) {
            entry.reply(Answer::NotWritten);
        }
        self.entries.retain(|entry| entry.written.is_some());
    }

    fn find_label(&self, label: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.label.as_deref() == Some(label))
    }

    fn hear_batch(&mut self, message: &Message) -> Heard {
        if let Some(reference) = message.param(0).strip_prefix('+') {
            let label = message.tag("label").filter(|_| message.param(1) == "labeled-response");
            if let Some(label) = label {
                self.batches.insert(reference.to_owned(), label.to_owned());
            }
        } else if let Some(reference) = message.param(0).strip_prefix('-')
            && let Some(label) = self.batches.remove(reference)
            && let Some(entry) = self.find_label(&label).and_then(|at| self.entries.remove(at))
        {
            entry.processed();
        }
        Heard::Answer
    }

    fn hear_labelled(
        &mut self,
        at: usize,
        message: &Message,
        session: &Session,
        in_batch: bool,
    ) -> Heard {
        let own_echo = is_text(message) && session.is_me(&message.from().nick);
        let answer = if own_echo {
            Some(echo_of(message))
        } else if refuses_send(message) {
            Some(Answer::Refused(message.clone()))
        } else if in_batch || is_text(message) {
            None
        } else {
            // ACK, or something said on the side (the recipient is away).
            Some(Answer::Processed)
        };
        if let Some(answer) = answer
            && let Some(mut entry) = self.entries.remove(at)
        {
            entry.reply(answer);
        }
        // RPL_AWAY: the text arrived, and somebody should know that it may wait.
        let news = (is_text(message) && !own_echo) || message.numeric() == Some(301);
        if news { Heard::News } else { Heard::Answer }
    }

    fn hear_plain(&mut self, message: &Message, session: &Session) -> Heard {
        if is_text(message) {
            if !session.is_me(&message.from().nick) || !session.has("echo-message") {
                return Heard::News;
            }
            return match self.take_echoed(message, session) {
                Some(mut entry) => {
                    entry.reply(echo_of(message));
                    Heard::Answer
                }
                None => Heard::News,
            };
        }
        if refuses_send(message)
            && let Some(at) = self.find_refused(message, session)
            && let Some(mut entry) = self.entries.remove(at)
        {
            entry.reply(Answer::Refused(message.clone()));
            return Heard::Answer;
        }
        self.collect(message, session);
        Heard::News
    }

    /// Finds the text that an echo without label means: the oldest equal one, else the oldest to
    /// that target, since a server may change a text (filters, stripped colours) but not the order.
    fn take_echoed(&mut self, message: &Message, session: &Session) -> Option<Entry> {
        let target = session.fold(message.param(0));
        let meant = |entry: &Entry, exact: bool| match &entry.waiting {
            Waiting::Say { command, target: wanted, text } => {
                entry.written.is_some()
                    && *wanted == target
                    && message.is(command)
                    && (!exact || text == message.last())
            }
            Waiting::Ask { .. } => false,
        };
        let at = self
            .entries
            .iter()
            .position(|entry| meant(entry, true))
            .or_else(|| self.entries.iter().position(|entry| meant(entry, false)))?;
        self.entries.remove(at)
    }

    fn find_refused(&self, message: &Message, session: &Session) -> Option<usize> {
        let named: Vec<String> = message.params.iter().map(|param| session.fold(param)).collect();
        let written =
            || self.entries.iter().enumerate().filter(|(_, entry)| entry.written.is_some());
        let target = written().find(|(_, entry)| match &entry.waiting {
            Waiting::Say { target, .. } => named.iter().skip(1).any(|name| name == target),
            Waiting::Ask { about, .. } => about.iter().any(|name| named.contains(name)),
        });
        match target {
            // Something else was asked about that name before: the refusal is its answer.
            Some((_, entry)) if matches!(entry.waiting, Waiting::Ask { .. }) => None,
            Some((at, _)) => Some(at),
            None if refusal_without_target(message) => written()
                .find(|(_, entry)| matches!(entry.waiting, Waiting::Say { .. }))
                .map(|(at, _)| at),
            None => None,
        }
    }

    fn collect(&mut self, message: &Message, session: &Session) {
        let by_me = session.is_me(&message.from().nick);
        let numeric = message.numeric().is_some();
        if !by_me && !numeric && !message.is("FAIL") {
            return;
        }
        let named: Vec<String> = message.params.iter().map(|param| session.fold(param)).collect();
        for entry in self.entries.iter_mut().filter(|entry| entry.written.is_some()) {
            if let Waiting::Ask { about, collected } = &mut entry.waiting
                && about.iter().any(|name| named.contains(name))
            {
                collected.push(message.clone());
                return;
            }
        }
    }
}

/// How to write something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// Nobody waits for it any more.
    Skip,
    /// As it is.
    Plain,
    /// And a PING behind it, or behind its successors.
    ThenBarrier,
}

impl Entry {
    fn reply(&mut self, answer: Answer) {
        if let Some(sender) = self.answer.take() {
            // The asker may have stopped waiting; the answer then has no reader.
            drop(sender.send(answer));
        }
    }

    fn processed(mut self) {
        let answer = match &mut self.waiting {
            Waiting::Say { .. } => Answer::Processed,
            Waiting::Ask { collected, .. } => Answer::Collected(std::mem::take(collected)),
        };
        self.reply(answer);
    }
}

/// Says whether a line is something that was said. Typing is sent without waiting for anything, so
/// its echo answers nothing.
fn is_text(message: &Message) -> bool {
    message.is("PRIVMSG")
        || message.is("NOTICE")
        || (message.is("TAGMSG") && message.tag("+typing").is_none())
}

fn echo_of(message: &Message) -> Answer {
    Answer::Echoed {
        msgid: message.tag("msgid").map(str::to_owned),
        time: message.tag("time").map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Encoding;

    struct House {
        pending: Pending,
        session: Session,
    }

    impl House {
        fn with(caps: &[&str]) -> Self {
            let session = Session {
                nick: "alice".to_owned(),
                caps: caps.iter().map(|&cap| cap.to_owned()).collect(),
                ..Session::default()
            };
            Self { pending: Pending::default(), session }
        }

        fn say(&mut self, target: &str, text: &str) -> oneshot::Receiver<Answer> {
            let waiting = Waiting::Say {
                command: "PRIVMSG",
                target: self.session.fold(target),
                text: text.to_owned(),
            };
            let (id, _, answer) = self.pending.add(waiting, self.session.has_labels());
            self.pending.mark_written(id, Duration::ZERO);
            answer
        }

        fn hears(&mut self, line: &str) -> Heard {
            let message = Message::parse(line.as_bytes(), Encoding::default()).unwrap();
            self.pending.hear(&message, &self.session)
        }
    }

    #[test]
    fn echoes_find_their_text_and_strangers_do_not() {
        let mut house = House::with(&["echo-message"]);
        let mut one = house.say("#a", "one");
        let mut two = house.say("#A", "two");
        assert_eq!(house.hears(":bob!b@h PRIVMSG #a :one"), Heard::News);
        assert_eq!(house.hears("@msgid=x :alice!a@h PRIVMSG #a :one"), Heard::Answer);
        assert!(matches!(one.try_recv(), Ok(Answer::Echoed { msgid: Some(id), .. }) if id == "x"));
        assert_eq!(house.hears(":alice!a@h PRIVMSG #a :two (filtered)"), Heard::Answer);
        assert!(matches!(two.try_recv(), Ok(Answer::Echoed { .. })));
        assert_eq!(house.hears(":alice!a@h PRIVMSG #a :from my other client"), Heard::News);
    }

    #[test]
    fn a_labelled_batch_answers_its_own_text_and_passes_others_on() {
        let mut house = House::with(&["labeled-response", "batch", "message-tags", "echo-message"]);
        let mut first = house.say("NickServ", "help");
        let mut second = house.say("bob", "hi");
        assert_eq!(house.hears("@label=r1 :s BATCH +b labeled-response"), Heard::Answer);
        assert_eq!(house.hears("@batch=b :NickServ!s@s NOTICE alice :Help!"), Heard::News);
        assert_eq!(
            house.hears("@batch=b;msgid=m :alice!a@h PRIVMSG NickServ :help"),
            Heard::Answer
        );
        assert!(matches!(first.try_recv(), Ok(Answer::Echoed { .. })));
        assert_eq!(house.hears(":s BATCH -b"), Heard::Answer);
        assert_eq!(house.hears("@label=r2 :s 401 alice bob :No such nick"), Heard::Answer);
        assert!(matches!(second.try_recv(), Ok(Answer::Refused(_))));
    }

    #[test]
    fn an_empty_batch_and_an_ack_confirm_too() {
        let mut house = House::with(&["labeled-response", "batch", "message-tags"]);
        let (mut one, mut two) = (house.say("#a", "1"), house.say("#a", "2"));
        house.hears("@label=r1 :s ACK");
        house.hears("@label=r2 :s BATCH +b labeled-response");
        house.hears("@batch=b :s 301 alice bob :away");
        house.hears(":s BATCH -b");
        assert!(matches!(one.try_recv(), Ok(Answer::Processed)));
        assert!(matches!(two.try_recv(), Ok(Answer::Processed)));
    }

    #[test]
    fn a_barrier_confirms_what_was_written_before_it_and_refusals_find_their_target() {
        let mut house = House::with(&[]);
        let mut fine = house.say("#a", "1");
        let mut refused = house.say("#b", "2");
        let token = house.pending.barrier();
        let mut later = house.say("#a", "3");
        assert_eq!(house.hears(":s 404 alice #B :Cannot send to channel"), Heard::Answer);
        assert!(matches!(refused.try_recv(), Ok(Answer::Refused(_))));
        house.pending.pong("something else");
        assert!(fine.try_recv().is_err());
        house.pending.pong(&token);
        assert!(matches!(fine.try_recv(), Ok(Answer::Processed)));
        assert!(later.try_recv().is_err());
        house.pending.end("gone");
        assert!(matches!(later.try_recv(), Ok(Answer::Lost(_))));
    }

    #[test]
    fn a_question_collects_what_is_said_about_it() {
        let mut house = House::with(&[]);
        let waiting = Waiting::Ask { about: vec!["#a".to_owned()], collected: Vec::new() };
        let (id, _, mut answer) = house.pending.add(waiting, false);
        assert_eq!(house.pending.mark_written(id, Duration::ZERO), Write::ThenBarrier);
        let token = house.pending.barrier();
        assert_eq!(house.hears(":s 473 alice #a :Cannot join channel (+i)"), Heard::News);
        assert_eq!(house.hears(":bob!b@h JOIN #a"), Heard::News);
        house.pending.pong(&token);
        let Ok(Answer::Collected(lines)) = answer.try_recv() else { panic!("no answer") };
        assert_eq!(lines.len(), 1);
    }

    #[test]
    fn what_was_never_written_is_not_lost() {
        let mut house = House::with(&[]);
        let waiting = Waiting::Ask { about: Vec::new(), collected: Vec::new() };
        let (_, _, mut answer) = house.pending.add(waiting, false);
        house.pending.end("gone");
        assert!(matches!(answer.try_recv(), Ok(Answer::NotWritten)));
    }
}
