//! SIGHUP: what the configuration says now is put into effect as far as that can be done without a restart. What
//! cannot is named, here and by `rialto config check`; a configuration with mistakes changes nothing.

use super::{Running, permissions};
use crate::{
    Kinds,
    config::{Config, Loaded, Networks, effect},
    failure::{Failure, config_failure},
    kinds::Made,
    listener,
    logs::Logs,
};
use bridge_core::{
    Reload,
    ids::NetworkId,
    network::{NetworkConnector, NetworkPolicy},
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

impl Running {
    /// Puts a configuration into effect as far as possible.
    pub(crate) async fn reload(
        &mut self,
        kinds: &Kinds,
        loaded: &Loaded,
        logs: &Logs,
    ) -> Result<(), Failure> {
        let (old, new) = (self.config.clone(), &loaded.config);
        let changed = effect::changes(&old.values(), &new.values());
        let (now, later): (Vec<String>, Vec<String>) = changed
            .into_iter()
            .partition(|key| effect::of(key, &old, new) == effect::Effect::Reload);
        // First what can go wrong.
        let tls = new.homeserver.tls.as_ref().map(listener::load_tls).transpose()?;
        let reload = plan(kinds, loaded, &old)?;
        self.bridge.reload(reload).await.map_err(super::unbuilt)?;
        // Certificates are renewed in place: the files are read again although their names are the same.
        if let (Some(listening), Some(tls)) = (&self.tls, tls) {
            listening.reload_from_config(tls);
        }
        logs.set_level(new.log.level);
        self.config.permissions = new.permissions.clone();
        self.config.networks = new.networks.clone();
        self.config.log = new.log.clone();
        if let (Some(old), Some(new)) = (&mut self.config.homeserver.tls, &new.homeserver.tls) {
            *old = new.clone();
        }
        self.note_config()?;
        tracing::info!(changed = ?now, "the configuration was read again");
        if !later.is_empty() {
            tracing::warn!(keys = ?later, "these keys have changed, too, and need a restart");
        }
        Ok(())
    }

    /// Leaves word for `rialto config check` of what is in effect.
    pub(super) fn note_config(&self) -> Result<(), Failure> {
        effect::leave_word(&self.data, &self.config.values())
    }
}

/// Compares the networks, and makes those that are new or different.
fn plan(kinds: &Kinds, loaded: &Loaded, old: &Config) -> Result<Reload, Failure> {
    let new = &loaded.config;
    let before: BTreeMap<&str, _> =
        old.networks.0.iter().map(|section| (section.id.as_str(), section)).collect();
    let removed = before.keys().filter(|id| !new.networks.0.iter().any(|now| now.id == **id));
    let removed = removed.map(|id| NetworkId::new(*id)).collect();
    let is_same = |section: &crate::config::NetworkSection| {
        before.get(section.id.as_str()).is_some_and(|old| {
            old.kind == section.kind && own(&old.settings) == own(&section.settings)
        })
    };
    let (same, other): (Vec<_>, Vec<_>) = new.networks.0.iter().cloned().partition(is_same);
    let made: Vec<Made> = kinds
        .connectors(&Networks(other))
        .map_err(|faults| config_failure(loaded.file.as_deref(), faults))?;
    let mut policies = Vec::new();
    for section in &same {
        let policy = NetworkPolicy::take_from(&mut section.settings.clone()).map_err(|error| {
            let fault = section.fault(&error.key, error.problem);
            config_failure(loaded.file.as_deref(), vec![fault])
        })?;
        policies.push((NetworkId::new(&section.id), policy));
    }
    let networks: Vec<(NetworkId, Arc<dyn NetworkConnector>, NetworkPolicy)> = made;
    Ok(Reload { networks, policies, removed, permissions: Some(permissions(new)) })
}

/// A section without the choices that every network has.
fn own(settings: &Map<String, Value>) -> Map<String, Value> {
    let mut own = settings.clone();
    // One that cannot be read is found out where it is used.
    drop(NetworkPolicy::take_from(&mut own));
    own
}
