//! The way in: what a network client says is committed here before the network hears of it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{BridgeState, RemoteEvent, SendOutcome};
use crate::ids::{LoginId, SendKey};

/// A position in one of the network's streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Which stream (the bridge names it).
    pub stream: String,
    /// The position, opaque. Order is by `order`.
    pub value: String,
    /// A cursor with a lower order than the stored one is ignored: cursors never move back.
    pub order: i64,
}

/// What became of a send that was left open ([`SendOutcome::AwaitEcho`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// The step.
    pub key: SendKey,
    /// Its fate.
    pub outcome: SendOutcome,
}

/// What is committed together, in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// News, in the network's order.
    pub events: Vec<RemoteEvent>,
    /// Positions these events bring us to.
    pub cursors: Vec<Cursor>,
    /// Fates of earlier sends.
    pub settlements: Vec<Settlement>,
}

impl Batch {
    /// Makes a batch of one event.
    pub fn event(event: RemoteEvent) -> Self {
        Self { events: vec![event], ..Self::default() }
    }

    /// Makes a batch of events.
    pub fn events(events: Vec<RemoteEvent>) -> Self {
        Self { events, ..Self::default() }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.cursors.is_empty() && self.settlements.is_empty()
    }
}

/// A commit did not happen. Nothing of the batch is stored; do not acknowledge.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommitError {
    /// Storage is in trouble (disk full, database away): try the same batch again later.
    #[error("not stored: {0}")]
    NotStored(String),
    /// This process no longer owns the login, or is stopping: disconnect.
    #[error("this login is no longer served here")]
    Closed,
}

/// What stands behind a [`RemoteSink`]. The core implements it; tests of a bridge may record.
#[async_trait]
pub trait RemoteIntake: Send + Sync {
    /// Commits a batch heard by a login.
    async fn commit(&self, login: &LoginId, batch: Batch) -> Result<(), CommitError>;
    /// Takes news that may be lost (typing, presence): the latest wins.
    fn ephemeral(&self, login: &LoginId, event: RemoteEvent);
    /// Takes a login's health.
    async fn state(&self, login: &LoginId, state: BridgeState);
    /// Keeps other credentials of a login, sealed.
    async fn keep_secret(
        &self,
        login: &LoginId,
        secret: Option<SecretString>,
    ) -> Result<(), CommitError>;
    /// Returns a stored cursor.
    async fn cursor(&self, login: &LoginId, stream: &str) -> Result<Option<Cursor>, CommitError>;
    /// Hears that the past of a portal is wanted; that it is, is stored.
    fn history_wanted(&self, _portal: i64) {}
}

/// The handle a client gets at `connect`. Cheap to clone.
#[derive(Clone)]
pub struct RemoteSink {
    login: LoginId,
    intake: Arc<dyn RemoteIntake>,
}

impl RemoteSink {
    /// Makes a sink for one login.
    pub fn new(login: LoginId, intake: Arc<dyn RemoteIntake>) -> Self {
        Self { login, intake }
    }

    /// Returns the login this sink belongs to.
    pub fn login(&self) -> &LoginId {
        &self.login
    }

    /// Commits a batch; when this returns `Ok`, it is durable and may be acknowledged.
    ///
    /// Back-pressure is the wait. A dropped call may or may not have committed: events with ids
    /// can be committed again without harm, so networks that redeliver are safe.
    ///
    /// # Errors
    /// [`CommitError::NotStored`]: keep the batch and try again (with a pause);
    /// [`CommitError::Closed`]: disconnect.
    pub async fn commit(&self, batch: Batch) -> Result<(), CommitError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.intake.commit(&self.login, batch).await
    }

    /// Hands over news that may be lost.
    pub fn ephemeral(&self, event: RemoteEvent) {
        self.intake.ephemeral(&self.login, event);
    }

    /// Reports the login's health. Parked work of the login goes on when it is connected again.
    pub async fn state(&self, state: BridgeState) {
        self.intake.state(&self.login, state).await;
    }

    /// Replaces what is kept sealed of this login: credentials that changed, or more of them. The
    /// login is handed them with its record at the next start.
    ///
    /// # Errors
    /// As [`RemoteSink::commit`]; `NotStored` also where there is no key to seal with.
    pub async fn keep_secret(&self, secret: Option<SecretString>) -> Result<(), CommitError> {
        self.intake.keep_secret(&self.login, secret).await
    }

    /// Returns the stored position of a stream.
    ///
    /// # Errors
    /// As [`RemoteSink::commit`].
    pub async fn cursor(&self, stream: &str) -> Result<Option<Cursor>, CommitError> {
        self.intake.cursor(&self.login, stream).await
    }
}

impl fmt::Debug for RemoteSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSink").field("login", &self.login).finish_non_exhaustive()
    }
}
