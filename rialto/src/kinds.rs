//! The kinds of networks this program has: those of its builder.

use crate::config::{Fault, Networks};
use bridge_core::{
    ids::NetworkId,
    network::{NetworkConnector, NetworkContext, NetworkFactory, NetworkPolicy},
};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use support_clock::{OsRandom, SharedClock, SharedRandom, SystemClock};

/// Factories by kind.
#[derive(Default)]
pub(crate) struct Kinds(BTreeMap<String, Kind>);

#[derive(Default)]
struct Kind {
    factory: Option<NetworkFactory>,
    example: String,
}

/// A configured network, made.
pub(crate) type Made = (NetworkId, Arc<dyn NetworkConnector>, NetworkPolicy);

impl Kinds {
    pub(crate) fn add(&mut self, kind: String, factory: NetworkFactory) {
        self.0.entry(kind).or_default().factory = Some(factory);
    }

    pub(crate) fn add_example(&mut self, kind: String, text: String) {
        self.0.entry(kind).or_default().example = text;
    }

    /// Returns the kinds that can be made.
    pub(crate) fn names(&self) -> Vec<String> {
        let made = self.0.iter().filter(|(_, kind)| kind.factory.is_some());
        made.map(|(name, _)| name.clone()).collect()
    }

    /// Returns the examples there are, each for its kind.
    pub(crate) fn examples(&self) -> Vec<(String, String)> {
        let given = self.0.iter().filter(|(_, kind)| !kind.example.is_empty());
        given.map(|(name, kind)| (name.clone(), kind.example.clone())).collect()
    }

    /// Makes all configured networks, or says what is wrong with their sections.
    pub(crate) fn connectors(&self, networks: &Networks) -> Result<Vec<Made>, Vec<Fault>> {
        let clock: SharedClock = Arc::new(SystemClock::new());
        let random: SharedRandom = Arc::new(OsRandom);
        let (mut made, mut faults) = (Vec::new(), Vec::new());
        for section in &networks.0 {
            let factory = self.0.get(&section.kind).and_then(|kind| kind.factory.as_ref());
            let Some(factory) = factory else {
                faults.push(section.fault("kind", "this program has no such network"));
                continue;
            };
            let id = NetworkId::new(&section.id);
            let context =
                NetworkContext { id: id.clone(), clock: clock.clone(), random: random.clone() };
            let mut settings = section.settings.clone();
            let policy = match NetworkPolicy::take_from(&mut settings) {
                Ok(policy) => policy,
                Err(error) => {
                    faults.push(section.fault(&error.key, error.problem));
                    continue;
                }
            };
            match factory(context, Value::Object(settings)) {
                Ok(connector) => made.push((id, connector, policy)),
                Err(error) => faults.push(section.fault(&error.key, error.problem)),
            }
        }
        if faults.is_empty() { Ok(made) } else { Err(faults) }
    }
}
