//! A live connection as the rest of the bridge sees it: say something and learn its fate, ask
//! something and get the answer, quit.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use support_clock::SharedClock;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Established, Failure, FailureKind, Incoming, Refusal, RefusalKind, Session, Settings,
    dial::{BoxWrite, LineReader},
    join_refusal,
    outbox::{Outbox, Queued},
    pacer::Pacer,
    pending::{Answer, Heard, Pending, PendingId, Waiting, Write},
    reader, refusal, send_refusal,
    settings::Timing,
    writer,
};
use crate::wire::{EncodeError, Message};

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The server has passed it on.
    Confirmed {
        /// Its id, where the server gives one.
        msgid: Option<String>,
        /// The server's time as it wrote it (RFC 3339), where it gives one.
        time: Option<String>,
    },
    /// The server refused it.
    Refused(Refusal),
    /// It certainly did not leave.
    NotSent(String),
    /// It left and nothing was heard of it.
    Unknown(String),
    /// It cannot be written at all.
    Unsendable(EncodeError),
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// It certainly did not leave.
    #[error("the connection ended before")]
    NotSent,
    /// It left and nothing was heard of it.
    #[error("{0}")]
    Lost(String),
    /// It cannot be written at all.
    #[error(transparent)]
    Unsendable(#[from] EncodeError),
}

/// Why a channel was not joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinError {
    /// The server refused.
    Refused(Refusal),
    /// The connection ended, or never was.
    Offline(String),
}

/// A live connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

/// What the tasks of one connection share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: SharedClock,
    pub(super) timing: Timing,
    pub(super) outbox: Outbox,
    /// Cancelled when the connection is over.
    pub(super) ended: CancellationToken,
    /// Whether the reader waits for room.
    pub(super) reading_waits: AtomicBool,
    session: Mutex<Session>,
    pending: Mutex<Pending>,
    /// Monotonic milliseconds.
    last_heard: AtomicU64,
    pub(super) pacer: Pacer,
    failure: watch::Sender<Option<Failure>>,
}

/// A connection about to begin.
pub(super) struct Prepared {
    pub(super) link: Link,
    lines: LineReader,
    write: BoxWrite,
    early: Vec<Message>,
}

impl Prepared {
    /// Starts the tasks on `tracker`. Lines go to `news`.
    pub(super) fn start(self, tracker: &TaskTracker, news: mpsc::Sender<Incoming>) -> Link {
        let shared = &self.link.shared;
        shared.heard_now();
        tracker.spawn(reader::run(Arc::clone(shared), self.lines, self.early, news));
        tracker.spawn(writer::run(Arc::clone(shared), self.write));
        tracker.spawn(reader::keep_alive(Arc::clone(shared)));
        self.link
    }
}

impl Link {
    /// Makes the handle of a registered connection whose tasks have not begun, so that whoever
    /// listens can be told of it before its first line.
    pub(super) fn prepare(
        established: Established,
        settings: &Settings,
        clock: SharedClock,
    ) -> Prepared {
        let Established { lines, write, session, early } = established;
        let shared = Arc::new(Shared {
            timing: settings.timing,
            outbox: Outbox::new(),
            ended: CancellationToken::new(),
            reading_waits: AtomicBool::new(false),
            session: Mutex::new(session),
            pending: Mutex::default(),
            last_heard: AtomicU64::new(0),
            pacer: Pacer::new(settings.pacing),
            failure: watch::Sender::new(None),
            clock,
        });
        Prepared { link: Self { shared }, lines, write, early }
    }

    /// Returns the session as it is now.
    #[must_use]
    pub fn session(&self) -> Session {
        self.shared.session().clone()
    }

    /// Looks at the session without copying it.
    pub fn with_session<T>(&self, look: impl FnOnce(&Session) -> T) -> T {
        look(&self.shared.session())
    }

    /// Waits until the rate lets another line leave, first come first served, and keeps that place
    /// for the next line. Ends with the connection.
    pub async fn turn(&self) {
        let shared = &self.shared;
        tokio::select! {
            () = shared.pacer.turn(&*shared.clock) => {}
            () = shared.ended.cancelled() => {}
        }
    }

    /// Says `text` (one line) by `command` (`PRIVMSG` or `NOTICE`) and waits for its fate.
    pub async fn say(&self, command: &'static str, target: &str, text: &str) -> Delivery {
        self.send(command, target, text, Message::new(command, [target, text])).await
    }

    /// Says `text` with client tags, or sends the tags alone where `command` is `TAGMSG`.
    pub async fn say_with_tags(
        &self,
        command: &'static str,
        target: &str,
        text: &str,
        tags: &[(String, String)],
    ) -> Delivery {
        let params = if command == "TAGMSG" { vec![target] } else { vec![target, text] };
        let message = Message::new(command, params);
        let message =
            tags.iter().fold(message, |message, (key, value)| message.with_tag(key, value));
        self.send(command, target, text, message).await
    }

    async fn send(
        &self,
        command: &'static str,
        target: &str,
        text: &str,
        message: Message,
    ) -> Delivery {
        let (folded, labelled) = {
            let session = self.shared.session();
            (session.fold(target), session.has_labels())
        };
        let waiting = Waiting::Say { command, target: folded, text: text.to_owned() };
        let answer = match self.queue(waiting, labelled, message).await {
            Ok(answer) => answer,
            Err(error) => return Delivery::Unsendable(error),
        };
        match answer {
            Answer::Echoed { msgid, time } => Delivery::Confirmed { msgid, time },
            Answer::Processed | Answer::Collected(_) => {
                Delivery::Confirmed { msgid: None, time: None }
            }
            Answer::Refused(line) => {
                let refusal = send_refusal(&line, target);
                if let RefusalKind::Wait(pause) = refusal.kind {
                    self.shared.tell_off(pause);
                }
                Delivery::Refused(refusal)
            }
            Answer::NotWritten => Delivery::NotSent("the connection ended before".to_owned()),
            Answer::Lost(why) => Delivery::Unknown(why),
        }
    }

    /// Sends a line and returns what the server says about the names in `about` until it has
    /// processed it.
    ///
    /// # Errors
    /// It did not leave, or its answer is not known.
    pub async fn ask(&self, message: Message, about: &[&str]) -> Result<Vec<Message>, AskError> {
        let about = {
            let session = self.shared.session();
            about.iter().map(|name| session.fold(name)).collect()
        };
        let waiting = Waiting::Ask { about, collected: Vec::new() };
        match self.queue(waiting, false, message).await.map_err(AskError::Unsendable)? {
            Answer::Collected(lines) => Ok(lines),
            Answer::Refused(line) => Ok(vec![line]),
            Answer::Echoed { .. } | Answer::Processed => Ok(Vec::new()),
            Answer::NotWritten => Err(AskError::NotSent),
            Answer::Lost(why) => Err(AskError::Lost(why)),
        }
    }

    /// Joins channels with one line and tells for each what came of it. Keys belong to the first
    /// channels, as the protocol has it.
    pub async fn join(&self, channels: &[(&str, Option<&str>)]) -> Vec<Result<(), JoinError>> {
        let mut ordered: Vec<_> = channels.to_vec();
        ordered.sort_by_key(|(_, key)| key.is_none());
        let names: Vec<&str> = ordered.iter().map(|(name, _)| *name).collect();
        let keys: Vec<&str> = ordered.iter().filter_map(|(_, key)| *key).collect();
        let mut params = vec![names.join(",")];
        if !keys.is_empty() {
            params.push(keys.join(","));
        }
        let answer = self.ask(Message::new("JOIN", params), &names).await;
        channels.iter().map(|(name, _)| self.joined(name, &answer)).collect()
    }

    fn joined(
        &self,
        channel: &str,
        answer: &Result<Vec<Message>, AskError>,
    ) -> Result<(), JoinError> {
        let session = self.shared.session();
        if session.is_in(channel) {
            return Ok(());
        }
        let lines = match answer {
            Ok(lines) => lines,
            Err(error) => return Err(JoinError::Offline(error.to_string())),
        };
        let about =
            |line: &&Message| line.params.iter().any(|p| session.rules.casemap.same(p, channel));
        if let Some(line) = lines.iter().filter(about).find(|line| refusal::refuses_join(line)) {
            return Err(JoinError::Refused(join_refusal(line, channel)));
        }
        // 470: the channel forwards to another one.
        if let Some(line) = lines.iter().filter(about).find(|line| line.numeric() == Some(470)) {
            let words = format!(
                "{channel} forwards to {}; join that one if it is what you want.",
                line.param(2)
            );
            return Err(JoinError::Refused(Refusal { kind: RefusalKind::Forbidden, words }));
        }
        let words = format!(
            "The server did not let us into {channel} and did not say why. Try again in a while."
        );
        Err(JoinError::Refused(Refusal { kind: RefusalKind::Failed, words }))
    }

    /// Waits until the connection is over and returns why.
    pub async fn lost(&self) -> Failure {
        let mut failure = self.shared.failure.subscribe();
        let known = failure.wait_for(Option::is_some).await;
        known
            .ok()
            .and_then(|failure| failure.clone())
            .unwrap_or_else(|| Failure::new(FailureKind::Closed, "the connection is gone"))
    }

    /// Says goodbye, gives the server a moment to close, and ends. What waits unsent stays unsent.
    pub async fn quit(&self, reason: &str) {
        self.shared.outbox.close();
        self.shared.with_pending(Pending::end_unwritten);
        let reason = reason.replace(['\r', '\n', '\0'], " ");
        self.shared.outbox.push_urgent(format!("QUIT :{reason}"));
        tokio::select! {
            _ = self.lost() => {}
            () = self.shared.clock.sleep(Duration::from_secs(3)) => {}
        }
        self.shared.lose(Failure::new(FailureKind::Stopped, "we left"));
    }

    /// Sends a line that nobody waits for and that may be lost: an answer to a program, typing.
    pub fn tell(&self, message: &Message) {
        if let Ok(line) = message.encode() {
            self.shared.outbox.push_urgent(line);
        }
    }

    /// Asks for a nick; the answer, if any, shows in the session.
    pub fn want_nick(&self, nick: &str) {
        if let Ok(line) = Message::new("NICK", [nick]).encode() {
            self.shared.outbox.push_urgent(line);
        }
    }

    async fn queue(
        &self,
        waiting: Waiting,
        labelled: bool,
        message: Message,
    ) -> Result<Answer, EncodeError> {
        // Encoded once without the label, so that what cannot be sent never enters the queue.
        message.encode()?;
        let Some(place) = self.shared.outbox.place().await else { return Ok(Answer::NotWritten) };
        let (id, label, answer) =
            self.shared.with_pending(|pending| pending.add(waiting, labelled));
        let waiter = Waiter { shared: &self.shared, id };
        let message = match label {
            Some(label) => message.with_tag("label", &label),
            None => message,
        };
        self.shared.outbox.push(Queued { line: message.encode()?, id, _place: place });
        if self.shared.ended.is_cancelled() {
            // The end may have come between the place and the entry: nobody would answer.
            self.shared.with_pending(|pending| pending.end("the connection ended"));
        }
        let answer = self.wait_for(id, answer).await;
        drop(waiter);
        Ok(answer)
    }

    /// Waits for an answer. The time runs out only for what a server leaves open although it goes
    /// on answering PINGs, which no known server does.
    async fn wait_for(&self, id: PendingId, mut answer: oneshot::Receiver<Answer>) -> Answer {
        let patience = self.shared.timing.confirm;
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer.unwrap_or(Answer::NotWritten),
                () = self.shared.clock.sleep(patience) => {}
            }
            let since = self.shared.clock.monotonic().saturating_sub(patience);
            if self.shared.with_pending(|pending| pending.written_before(id, since)) {
                return Answer::Lost("the server did not answer".to_owned());
            }
        }
    }
}

/// Takes what is not written yet off the list when its asker goes away.
struct Waiter<'a> {
    shared: &'a Shared,
    id: PendingId,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let id = self.id;
        self.shared.with_pending(|pending| pending.forget_unwritten(id));
    }
}

impl Shared {
    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_pending<T>(&self, act: impl FnOnce(&mut Pending) -> T) -> T {
        act(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Brings session and questions up to date with a line.
    pub(super) fn hear(&self, message: &Message) -> Heard {
        let mut session = self.session();
        // Our own NICK, PART and KICK are understood with the names from before.
        let heard = self.with_pending(|pending| pending.hear(message, &session));
        session.apply(message);
        drop(session);
        if heard == Heard::Answer {
            self.outbox.wake();
        }
        heard
    }

    pub(super) fn pong(&self, token: &str) {
        self.with_pending(|pending| pending.pong(token));
        self.outbox.wake();
    }

    pub(super) fn barrier_line(&self) -> String {
        let token = self.with_pending(Pending::barrier);
        format!("PING :{token}")
    }

    pub(super) fn mark_written(&self, id: PendingId) -> Write {
        let now = self.clock.monotonic();
        self.with_pending(|pending| pending.mark_written(id, now))
    }

    pub(super) fn under_way(&self) -> usize {
        self.with_pending(|pending| pending.under_way())
    }

    pub(super) fn waits_since(&self, since: Duration) -> bool {
        self.with_pending(|pending| pending.waits_since(since))
    }

    pub(super) fn heard_now(&self) {
        let now = self.clock.monotonic().as_millis();
        self.last_heard.store(u64::try_from(now).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn last_heard(&self) -> Duration {
        Duration::from_millis(self.last_heard.load(Ordering::Relaxed))
    }

    fn tell_off(&self, pause: Duration) {
        self.pacer.hold_back(self.clock.monotonic(), pause);
        self.outbox.wake();
    }

    /// Ends the connection; the first reason counts.
    pub(super) fn lose(&self, failure: Failure) {
        let why = failure.detail.clone();
        self.failure.send_if_modified(|known| {
            let first = known.is_none();
            if first {
                *known = Some(failure);
            }
            first
        });
        self.outbox.close();
        self.ended.cancel();
        self.with_pending(|pending| pending.end(&why));
    }
}
