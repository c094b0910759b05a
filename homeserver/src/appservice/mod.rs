//! Application services: who they are, what interests them, and the durable queue towards each of them.
//!
//! What an appservice is owed is written in the transaction of the event itself ([`Appservices::enqueue`]); one task
//! per appservice ([`sender`]) freezes it into transactions and sends them, one at a time, until each is answered
//! with a 2xx. Nothing here holds a lock or the writer while it waits for an appservice.
//!
//! Typing and receipts go beside that queue ([`passing`], [`teller`]): they are kept in memory, may be lost, and hold up
//! nothing.

mod identity;
mod interest;
mod passing;
mod ping;
mod query;
mod registry;
mod seal;
mod sender;
mod service;
mod teller;

use std::sync::{Arc, PoisonError, RwLock};

use ruma::OwnedServerName;
use support_clock::SharedClock;

pub(crate) use self::{
    interest::EventFacts,
    ping::ping,
    registry::{list, load_added, register, remove},
    seal::Seal,
    sender::start as start_sender,
    service::Appservice,
};
use self::{interest::InterestCache, registry::Registry};
pub use self::{
    registry::{AppserviceError, AppserviceInfo, Origin},
    seal::SealError,
};
use crate::users::Users;

/// The appservices of one homeserver.
#[derive(Debug)]
pub(crate) struct Appservices {
    clock: SharedClock,
    server_name: OwnedServerName,
    users: Arc<Users>,
    /// Begins every transaction id; minted when the database was, so that a new database repeats no id.
    txn_prefix: String,
    seal: Seal,
    /// Replaced whole, so that a request in flight keeps the registry it began with.
    registry: RwLock<Arc<Registry>>,
    /// Taken while an appservice is added or removed: such changes happen one after the other.
    changing: tokio::sync::Mutex<()>,
    interest: Arc<InterestCache>,
}

impl Appservices {
    pub(crate) fn new(
        clock: SharedClock,
        server_name: OwnedServerName,
        users: Arc<Users>,
        txn_prefix: String,
        seal: Seal,
    ) -> Self {
        Self {
            clock,
            server_name,
            users,
            txn_prefix,
            seal,
            registry: RwLock::new(Arc::new(Registry::default())),
            changing: tokio::sync::Mutex::new(()),
            interest: Arc::new(InterestCache::default()),
        }
    }

    /// Returns the registry as it is now.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace_registry(&self, registry: Registry) {
        *self.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(registry);
        // Who is interested in which room was computed for the old ones.
        self.interest.clear();
    }
}
