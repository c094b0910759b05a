//! Changing a bridge while it runs: networks come, change and go, and who may do what. Everything is checked
//! before anything is changed; what does not change is not touched.

use std::sync::Arc;

use super::Bridge;
use super::builder::{BuildError, note_instances};
use crate::ids::NetworkId;
use crate::logins::LoginTrouble;
use crate::network::{NetworkConnector, NetworkPolicy};
use crate::permissions::Permissions;

/// What is to change.
#[derive(Default)]
pub struct Reload {
    /// Networks that are new, or have other settings than before.
    pub networks: Vec<(NetworkId, Arc<dyn NetworkConnector>, NetworkPolicy)>,
    /// Networks about which only the operator's choices have changed: their connections stay.
    pub policies: Vec<(NetworkId, NetworkPolicy)>,
    /// Networks that are gone. What belongs to them waits until they come back.
    pub removed: Vec<NetworkId>,
    /// Who may do what, if that has changed.
    pub permissions: Option<Permissions>,
}

impl Bridge {
    /// Changes what can be changed while the bridge runs.
    ///
    /// # Errors
    /// The new networks do not fit what is there; nothing was changed then. (A database that stops answering
    /// on the way leaves a network without its logins until the next start.)
    pub async fn reload(&self, reload: Reload) -> Result<(), BuildError> {
        let Reload { networks, policies, removed, permissions } = reload;
        let mut ids: Vec<NetworkId> =
            self.parts.networks.all().into_iter().map(|(id, _)| id).collect();
        let named = |id: &NetworkId| networks.iter().any(|(network, ..)| network == id);
        ids.retain(|id| !removed.contains(id) && !named(id));
        ids.extend(networks.iter().map(|(id, ..)| id.clone()));
        self.parts.matrix.names().check(&ids)?;
        let facts = networks.iter().map(|(id, connector, _)| (id.clone(), connector.facts()));
        note_instances(&self.parts.db, facts.collect(), &ids, self.parts.clock.now_ms()).await?;

        if let Some(permissions) = permissions {
            self.parts.permissions.replace(permissions);
        }
        for (id, policy) in policies {
            self.parts.networks.set_policy(&id, policy);
        }
        for id in &removed {
            self.parts.logins.unload(id).await;
            self.parts.networks.remove(id);
            tracing::info!(network = %id, "a network was taken away; what belongs to it waits");
        }
        for (id, connector, policy) in networks {
            self.parts.logins.unload(&id).await;
            self.parts.networks.put(&id, connector, policy);
            self.parts.matrix.names().add(&id);
            match self.parts.logins.load_network(&id).await {
                Ok(logins) => {
                    tracing::info!(network = %id, logins = logins.len(), "a network was put up");
                    for login in logins {
                        self.parts.logins.connect(&login).await;
                    }
                }
                Err(LoginTrouble::Db(error)) => return Err(BuildError::Db(error)),
                Err(error) => {
                    tracing::error!(network = %id, %error, "a network's logins could not be loaded");
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Reload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let networks: Vec<&NetworkId> = self.networks.iter().map(|(id, ..)| id).collect();
        f.debug_struct("Reload")
            .field("networks", &networks)
            .field("removed", &self.removed)
            .finish_non_exhaustive()
    }
}
