//! The networks of this bridge, by instance id. They may change while it runs: who holds an entry keeps the one
//! they began with.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;

use crate::ids::NetworkId;
use crate::network::{Kind, NetworkConnector, NetworkFacts, NetworkPolicy};

/// All configured networks. Cheap to clone; every clone sees the same.
#[derive(Clone)]
pub(crate) struct Networks(Arc<RwLock<BTreeMap<String, Entry>>>);

#[derive(Clone)]
struct Entry {
    id: NetworkId,
    facts: Arc<NetworkFacts>,
    connector: Arc<dyn NetworkConnector>,
    policy: NetworkPolicy,
    /// Asked for once: a network may hand out what it has only one of.
    routes: Option<Router>,
}

impl Entry {
    fn new(id: NetworkId, connector: Arc<dyn NetworkConnector>, policy: NetworkPolicy) -> Self {
        let (facts, routes) = (Arc::new(connector.facts()), connector.routes());
        Self { id, facts, connector, policy, routes }
    }
}

impl Networks {
    pub(crate) fn new(
        connectors: Vec<(NetworkId, Arc<dyn NetworkConnector>, NetworkPolicy)>,
    ) -> Self {
        let entries = connectors.into_iter().map(|(id, connector, policy)| {
            (id.as_str().to_owned(), Entry::new(id, connector, policy))
        });
        Self(Arc::new(RwLock::new(entries.collect())))
    }

    /// Returns a network's connector.
    pub(crate) fn connector(&self, id: &NetworkId) -> Option<Arc<dyn NetworkConnector>> {
        self.entry(id, |entry| entry.connector.clone())
    }

    /// Returns what a network is.
    pub(crate) fn facts(&self, id: &NetworkId) -> Option<Arc<NetworkFacts>> {
        self.entry(id, |entry| entry.facts.clone())
    }

    /// Returns what the operator chose about a network.
    pub(crate) fn policy(&self, id: &NetworkId) -> NetworkPolicy {
        self.entry(id, |entry| entry.policy.clone()).unwrap_or_default()
    }

    /// Whether the operator has switched a kind off for a network.
    pub(crate) fn leaves_out(&self, id: &NetworkId, kind: Kind) -> bool {
        self.entry(id, |entry| entry.policy.kinds_off.contains(&kind)).unwrap_or_default()
    }

    /// Returns a network's own pages.
    pub(crate) fn routes(&self, id: &NetworkId) -> Option<Router> {
        self.entry(id, |entry| entry.routes.clone()).flatten()
    }

    /// Whether a network is configured.
    pub(crate) fn contains(&self, id: &NetworkId) -> bool {
        self.entry(id, |_| ()).is_some()
    }

    /// Returns all networks there are now, by id.
    pub(crate) fn all(&self) -> Vec<(NetworkId, Arc<NetworkFacts>)> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        entries.values().map(|entry| (entry.id.clone(), entry.facts.clone())).collect()
    }

    /// Returns the names of all networks there are now.
    pub(crate) fn names(&self) -> Vec<String> {
        self.all().into_iter().map(|(id, _)| id.to_string()).collect()
    }

    /// Adds a network, or puts it in the place of the one of this id.
    pub(crate) fn put(
        &self,
        id: &NetworkId,
        connector: Arc<dyn NetworkConnector>,
        policy: NetworkPolicy,
    ) {
        let entry = Entry::new(id.clone(), connector, policy);
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        entries.insert(id.as_str().to_owned(), entry);
    }

    /// Changes what the operator chose about a network.
    pub(crate) fn set_policy(&self, id: &NetworkId, policy: NetworkPolicy) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(id.as_str()) {
            entry.policy = policy;
        }
    }

    /// Takes a network away.
    pub(crate) fn remove(&self, id: &NetworkId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id.as_str());
    }

    fn entry<T>(&self, id: &NetworkId, read: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id.as_str()).map(read)
    }
}

impl fmt::Debug for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
