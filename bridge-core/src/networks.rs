//! The networks of this bridge, by instance id.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::ids::NetworkId;
use crate::network::{NetworkConnector, NetworkFacts, NetworkPolicy};

/// All configured networks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Networks(Arc<BTreeMap<String, Entry>>);

struct Entry {
    id: NetworkId,
    facts: NetworkFacts,
    connector: Arc<dyn NetworkConnector>,
    policy: NetworkPolicy,
}

impl Networks {
    pub(crate) fn new(
        connectors: Vec<(NetworkId, Arc<dyn NetworkConnector>, NetworkPolicy)>,
    ) -> Self {
        let entries = connectors.into_iter().map(|(id, connector, policy)| {
            (id.as_str().to_owned(), Entry { id, facts: connector.facts(), connector, policy })
        });
        Self(Arc::new(entries.collect()))
    }

    /// Returns a network's connector.
    pub(crate) fn connector(&self, id: &NetworkId) -> Option<Arc<dyn NetworkConnector>> {
        self.0.get(id.as_str()).map(|entry| entry.connector.clone())
    }

    /// Returns what a network is.
    pub(crate) fn facts(&self, id: &NetworkId) -> Option<&NetworkFacts> {
        self.0.get(id.as_str()).map(|entry| &entry.facts)
    }

    /// Returns what the operator chose about a network.
    pub(crate) fn policy(&self, id: &NetworkId) -> NetworkPolicy {
        self.0.get(id.as_str()).map(|entry| entry.policy.clone()).unwrap_or_default()
    }

    /// Whether a network is configured.
    pub(crate) fn contains(&self, id: &NetworkId) -> bool {
        self.0.contains_key(id.as_str())
    }

    /// Returns all networks, by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&NetworkId, &NetworkFacts)> {
        self.0.values().map(|entry| (&entry.id, &entry.facts))
    }
}

impl fmt::Debug for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
