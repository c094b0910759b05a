//! Keeps a login connected: dials, joins the channels again, watches, and after a loss waits its
//! time and begins anew. Everything that happens goes through one channel, in order.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use support_clock::{SharedClock, SharedRandom};
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Failure, JoinError, Link, Retry, Settings, backoff::Backoff, connect};
use crate::wire::Message;

/// Bytes of channel names in one JOIN.
const JOIN_BYTES: usize = 300;

/// How services are asked for a nick: the first is Atheme's, the second Anope's, the third what all of
/// them knew once. What one does not know, it says so and does nothing; each is tried once.
const SERVICES_WAYS: [&str; 3] = ["REGAIN", "RECOVER", "GHOST"];

/// A connection that lived this long begins the pauses anew when it is lost.
const LIVED: Duration = Duration::from_secs(60);

/// What happens on a kept connection, in order.
#[derive(Debug)]
pub enum Incoming {
    /// A try begins.
    Connecting,
    /// Registered. Lines of this connection follow.
    Registered {
        /// The connection.
        link: Link,
    },
    /// A line of the server that is neither keep-alive nor an answer to us.
    Line {
        /// The line.
        message: Message,
        /// When it was heard, Unix milliseconds.
        at_ms: i64,
    },
    /// The channels were joined again, or not. Only now may messages be sent.
    Ready {
        /// What came of each wanted channel.
        rejoined: Vec<Rejoined>,
    },
    /// The connection failed or ended.
    Lost {
        /// Why.
        failure: Failure,
        /// When the next try comes; `None`: it does not come by itself.
        next_try: Option<Duration>,
    },
}

/// What came of joining a channel again.
#[derive(Debug)]
pub struct Rejoined {
    /// The channel.
    pub channel: String,
    /// What the server answered.
    pub result: Result<(), JoinError>,
}

/// Channels to be in, by any spelling, with their keys.
type Wanted = Arc<Mutex<BTreeMap<String, Option<String>>>>;

/// Keeps one login connected.
#[derive(Debug)]
pub struct Keeper {
    settings: Settings,
    clock: SharedClock,
    random: SharedRandom,
    news: mpsc::Sender<Incoming>,
    stop: CancellationToken,
    current: watch::Sender<Option<Link>>,
    wanted: Wanted,
}

/// What the rest of the bridge holds of a [`Keeper`].
#[derive(Debug, Clone)]
pub struct KeeperHandle {
    current: watch::Receiver<Option<Link>>,
    wanted: Wanted,
    stop: CancellationToken,
}

impl Keeper {
    /// Makes a keeper; [`Keeper::run`] does the work.
    #[must_use]
    pub fn new(
        settings: Settings,
        clock: SharedClock,
        random: SharedRandom,
        news: mpsc::Sender<Incoming>,
    ) -> (Self, KeeperHandle) {
        let (current, receiver) = watch::channel(None);
        let wanted = Wanted::default();
        let stop = CancellationToken::new();
        let handle =
            KeeperHandle { current: receiver, wanted: Arc::clone(&wanted), stop: stop.clone() };
        (Self { settings, clock, random, news, stop, current, wanted }, handle)
    }

    /// Stays connected until stopped, or until only a person can help.
    pub async fn run(self) {
        let mut backoff = Backoff::default();
        loop {
            if self.news.send(Incoming::Connecting).await.is_err() {
                return;
            }
            let began = self.clock.monotonic();
            let failure = self.one_connection().await;
            if self.stop.is_cancelled() {
                return;
            }
            if self.clock.monotonic().saturating_sub(began) >= LIVED {
                backoff.reset();
            }
            let next_try = match failure.retry() {
                Retry::Never => None,
                Retry::After(minimum) => Some(backoff.next_pause(minimum, &*self.random)),
            };
            tracing::info!(error = %failure, next_try = ?next_try, "connection lost");
            if self.news.send(Incoming::Lost { failure, next_try }).await.is_err() {
                return;
            }
            let Some(pause) = next_try else { return };
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.clock.sleep(pause) => {}
            }
        }
    }

    /// Connects and returns when that connection is over.
    async fn one_connection(&self) -> Failure {
        let connected = tokio::select! {
            () = self.stop.cancelled() => return Failure::new(super::FailureKind::Stopped, ""),
            connected = connect(&self.settings, &*self.clock) => connected,
        };
        let established = match connected {
            Ok(established) => established,
            Err(failure) => return failure,
        };
        // The tasks of this connection, so that its last line is handed on before its end is.
        let tasks = TaskTracker::new();
        let link = Link::prepare(established, &self.settings, Arc::clone(&self.clock));
        if self.news.send(Incoming::Registered { link: link.link.clone() }).await.is_err() {
            return Failure::new(super::FailureKind::Stopped, "nobody listens");
        }
        let link = link.start(&tasks, self.news.clone());
        tasks.close();
        let failure = tokio::select! {
            failure = self.use_link(&link) => failure,
            () = self.stop.cancelled() => {
                self.current.send_replace(None);
                link.quit("the bridge stops").await;
                Failure::new(super::FailureKind::Stopped, "")
            }
        };
        self.current.send_replace(None);
        tasks.wait().await;
        failure
    }

    async fn use_link(&self, link: &Link) -> Failure {
        let joining = async {
            let rejoined = self.rejoin(link).await;
            self.current.send_replace(Some(link.clone()));
            self.ask_for_nick(link);
            // A closed channel shows as the end of the reader.
            drop(self.news.send(Incoming::Ready { rejoined }).await);
            self.mend(link).await
        };
        tokio::select! {
            failure = link.lost() => failure,
            never = joining => never,
        }
    }

    async fn rejoin(&self, link: &Link) -> Vec<Rejoined> {
        let wanted: Vec<_> = self.wanted().clone().into_iter().collect();
        let mut rejoined = Vec::with_capacity(wanted.len());
        let mut rest = wanted.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest
                .iter()
                .take_while(|(name, key)| {
                    bytes += name.len() + key.as_ref().map_or(0, String::len) + 2;
                    bytes <= JOIN_BYTES
                })
                .count()
                .max(1);
            let (now, later) = rest.split_at(fitting);
            let asked: Vec<_> = now.iter().map(|(n, key)| (n.as_str(), key.as_deref())).collect();
            let results = link.join(&asked).await;
            let pairs = now.iter().zip(results);
            rejoined.extend(
                pairs.map(|((channel, _), result)| Rejoined { channel: channel.clone(), result }),
            );
            rest = later;
        }
        rejoined
    }

    /// Asks from time to time for what is missing; never ends.
    async fn mend(&self, link: &Link) -> Failure {
        let (never, _) = tokio::join!(self.mend_nick(link), self.mend_channels(link));
        never
    }

    /// Asks for the wanted nick: whoever holds it may be our own connection from before, which the
    /// server has not given up yet. A server that tells when a nick is free is not asked often.
    async fn mend_nick(&self, link: &Link) -> Failure {
        let nick = self.settings.nick.as_str();
        let timing = self.settings.timing;
        let mut ways = SERVICES_WAYS.iter().skip(1);
        let mut since_asked = Duration::ZERO;
        loop {
            let watched = link.with_session(|session| session.rules.monitor > 0);
            let pause = if watched { timing.regain_nick } else { timing.look_for_nick };
            self.clock.sleep(pause).await;
            if link.with_session(|session| session.is_me(nick)) {
                continue;
            }
            since_asked += pause;
            if since_asked < timing.regain_nick {
                // The answer leads to a NICK where it does not name it.
                link.tell(&Message::new("ISON", [nick]));
                continue;
            }
            since_asked = Duration::ZERO;
            if let Some(way) = ways.next() {
                self.ask_services(link, way);
            }
            link.want_nick(nick);
        }
    }

    /// Asks for channels that could not be joined for the moment.
    async fn mend_channels(&self, link: &Link) -> Failure {
        loop {
            self.clock.sleep(self.settings.timing.regain_nick).await;
            let wanted: Vec<_> = self.wanted().clone().into_iter().collect();
            for (channel, key) in wanted {
                if !link.with_session(|session| session.is_in(&channel)) {
                    // Success shows as a JOIN like any other.
                    link.join(&[(&channel, key.as_deref())]).await;
                }
            }
        }
    }

    /// Has the wanted nick watched, and asks the services for it, if somebody else has it.
    fn ask_for_nick(&self, link: &Link) {
        let nick = self.settings.nick.as_str();
        if link.with_session(|session| session.is_me(nick)) {
            return;
        }
        if link.with_session(|session| session.rules.monitor > 0) {
            link.tell(&Message::new("MONITOR", ["+", nick]));
        }
        self.ask_services(link, SERVICES_WAYS[0]);
    }

    /// Has the services take the nick from whoever has it, if we are known to them.
    fn ask_services(&self, link: &Link, way: &str) {
        if let Some(services) = self.settings.nickserv.as_deref()
            && link.with_session(|session| session.account.is_some())
        {
            let words = format!("{way} {}", self.settings.nick);
            link.tell(&Message::new("PRIVMSG", [services, &words]));
        }
    }

    fn wanted(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Option<String>>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeeperHandle {
    /// Returns the connection, if there is one whose channels were joined.
    #[must_use]
    pub fn link(&self) -> Option<Link> {
        self.current.borrow().clone()
    }

    /// Wants to be in a channel from now on, after every reconnect too.
    pub fn want(&self, channel: &str, key: Option<&str>) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = wanted.entry(channel.to_owned()).or_default();
        if let Some(key) = key {
            *slot = Some(key.to_owned());
        }
    }

    /// Wants to be in a channel no longer. `same` compares names as the server does.
    pub fn unwant(&self, channel: &str, same: &dyn Fn(&str, &str) -> bool) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.retain(|known, _| !same(known, channel));
    }

    /// A channel has another key now, or none, and is joined with that one after a reconnect.
    pub fn key_changed(&self, channel: &str, key: Option<&str>) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = wanted.get_mut(channel) {
            *slot = key.map(str::to_owned);
        }
    }

    /// Waits until the connection is ended for good.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Ends the connection for good; the keeper's task ends soon after.
    pub fn stop(&self) {
        self.stop.cancel();
    }
}
