//! Logins: the remote accounts of Matrix people. Their records are kept sealed, their clients are
//! made and connected here, and their health is known here and told to their owners.

mod connect;
mod records;
mod sealing;
mod states;
mod tell;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock, Weak};
use std::time::Duration;

use support_clock::{SharedClock, SharedRandom};
use support_db::Db;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ids::{LoginId, NetworkId};
use crate::matrix::Matrix;
use crate::metrics::LoginLevel;
use crate::network::{BridgeState, BridgeStateKind, MediaSource, NetworkClient, RemoteIntake};
use crate::networks::Networks;
use crate::permissions::Permissions;

pub(crate) use records::{LoginTrouble, count_sealed};
pub(crate) use sealing::Sealing;
pub(crate) use tell::management_room;

/// How many changes a slow listener may be behind before it must look at all logins again.
const CHANGES: usize = 1024;

/// All logins. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Logins(Arc<Inner>);

struct Inner {
    db: Db,
    clock: SharedClock,
    random: SharedRandom,
    matrix: Matrix,
    networks: Networks,
    permissions: Arc<Permissions>,
    sealing: Option<Sealing>,
    media: MediaSource,
    tasks: TaskTracker,
    stop: CancellationToken,
    entries: RwLock<BTreeMap<LoginId, Entry>>,
    changes: broadcast::Sender<LoginChange>,
    /// Set once, when the journal is there.
    intake: OnceLock<Weak<dyn RemoteIntake>>,
    /// Wakes the task that tells owners.
    news: Notify,
}

/// What a [`Logins`] is made of.
pub(crate) struct LoginsParts {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) random: SharedRandom,
    pub(crate) matrix: Matrix,
    pub(crate) networks: Networks,
    pub(crate) permissions: Arc<Permissions>,
    pub(crate) sealing: Option<Sealing>,
    pub(crate) media: MediaSource,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// One login in memory.
struct Entry {
    network: NetworkId,
    owner: String,
    number: i64,
    name: String,
    client: Arc<dyn NetworkClient>,
    state: BridgeState,
    /// Monotonic time at which the state began.
    since: std::time::Duration,
    last_connected: Option<i64>,
    /// When something was last heard of it, monotonic milliseconds.
    heard: AtomicU64,
    /// What the owner was last told.
    told: Option<String>,
    /// While a command watches this login, it tells its outcome itself.
    watched: bool,
}

/// A login's health has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoginChange {
    /// Which.
    pub(crate) login: LoginId,
    /// Whether messages can be sent now.
    pub(crate) connected: bool,
    /// Whether it was logged out and will not come back.
    pub(crate) gone: bool,
}

impl Logins {
    pub(crate) fn new(parts: LoginsParts) -> Self {
        Self(Arc::new(Inner {
            db: parts.db,
            clock: parts.clock,
            random: parts.random,
            matrix: parts.matrix,
            networks: parts.networks,
            permissions: parts.permissions,
            sealing: parts.sealing,
            media: parts.media,
            tasks: parts.tasks,
            stop: parts.stop,
            entries: RwLock::default(),
            changes: broadcast::channel(CHANGES).0,
            intake: OnceLock::new(),
            news: Notify::new(),
        }))
    }

    /// Says where clients put what they hear. Called once, before anything connects.
    pub(crate) fn set_intake(&self, intake: &Arc<dyn RemoteIntake>) {
        if self.0.intake.set(Arc::downgrade(intake)).is_err() {
            tracing::error!("the logins were given a second intake; the first is kept");
        }
    }

    /// Returns where clients put what they hear; `None` before the start and after the end.
    pub(crate) fn intake(&self) -> Option<Arc<dyn RemoteIntake>> {
        self.0.intake.get().and_then(Weak::upgrade)
    }

    /// Returns a login's client.
    pub(crate) fn client(&self, login: &LoginId) -> Option<Arc<dyn NetworkClient>> {
        self.entry(login, |entry| entry.client.clone())
    }

    /// Whether a login can send now.
    pub(crate) fn is_connected(&self, login: &LoginId) -> bool {
        self.entry(login, |entry| entry.state.is_connected()).unwrap_or(false)
    }

    /// Returns a login's health.
    pub(crate) fn state(&self, login: &LoginId) -> Option<BridgeState> {
        self.entry(login, |entry| entry.state.clone())
    }

    /// Returns a login's network; `None` for a login that is not (or no longer) there.
    pub(crate) fn network(&self, login: &LoginId) -> Option<NetworkId> {
        self.entry(login, |entry| entry.network.clone())
    }

    /// Returns whose a login is.
    pub(crate) fn owner(&self, login: &LoginId) -> Option<String> {
        self.entry(login, |entry| entry.owner.clone())
    }

    /// Returns a login's name for people.
    pub(crate) fn remote_name(&self, login: &LoginId) -> Option<String> {
        self.entry(login, |entry| entry.name.clone())
    }

    /// Returns the owner, if we may act as them on Matrix.
    pub(crate) fn double_puppet(&self, login: &LoginId) -> Option<String> {
        self.owner(login).filter(|owner| self.0.matrix.can_puppet(owner))
    }

    /// Returns a person's logins, of one network or of all, oldest first.
    pub(crate) fn of_owner(&self, mxid: &str, network: Option<&NetworkId>) -> Vec<LoginId> {
        self.select(|entry| entry.owner == mxid && network.is_none_or(|n| entry.network == *n))
    }

    /// Returns all logins of a network, oldest first.
    pub(crate) fn of_network(&self, network: &NetworkId) -> Vec<LoginId> {
        self.select(|entry| entry.network == *network)
    }

    /// Notes that a login has told something.
    pub(crate) fn heard(&self, login: &LoginId) {
        let now = self.monotonic_ms();
        self.entry(login, |entry| entry.heard.store(now, Ordering::Relaxed));
    }

    /// Returns how all logins are.
    pub(crate) fn levels(&self) -> Vec<LoginLevel> {
        let now = self.monotonic_ms();
        let level = |(id, entry): (&LoginId, &Entry)| {
            let silent = now.saturating_sub(entry.heard.load(Ordering::Relaxed));
            LoginLevel {
                login: id.to_string(),
                network: entry.network.to_string(),
                state: state_name(entry.state.kind),
                silent_for: entry.state.is_connected().then(|| Duration::from_millis(silent)),
            }
        };
        self.read().iter().map(level).collect()
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.0.clock.monotonic().as_millis()).unwrap_or(u64::MAX)
    }

    /// Tells of every change of health from now on. Who lags looks at all logins.
    pub(crate) fn changes(&self) -> broadcast::Receiver<LoginChange> {
        self.0.changes.subscribe()
    }

    fn select(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<LoginId> {
        let entries = self.read();
        let mut found: Vec<_> = entries
            .iter()
            .filter(|(_, entry)| wanted(entry))
            .map(|(id, e)| (e.number, id))
            .collect();
        found.sort();
        found.into_iter().map(|(_, id)| id.clone()).collect()
    }

    fn entry<T>(&self, login: &LoginId, read: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.read().get(login).map(read)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<LoginId, Entry>> {
        self.0.entries.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<LoginId, Entry>> {
        self.0.entries.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn state_name(kind: BridgeStateKind) -> &'static str {
    match kind {
        BridgeStateKind::Connecting => "connecting",
        BridgeStateKind::Connected => "connected",
        BridgeStateKind::TransientDisconnect => "transient_disconnect",
        BridgeStateKind::BadCredentials => "bad_credentials",
        BridgeStateKind::LoggedOut => "logged_out",
        BridgeStateKind::UnknownError => "unknown_error",
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.read().keys()).finish()
    }
}
