//! One configured network: how one logs in, and how a stored login becomes a client.

use std::sync::Arc;

use async_trait::async_trait;
use bridge_core::network::{
    LoginFlow, LoginProcess, NetworkClient, NetworkConnector, NetworkContext, NetworkError,
    NetworkFactory, NetworkFacts, StoredLogin,
};
use serde_json::Value;
use support_clock::SharedClock;

use crate::client::NewNetClient;
use crate::config::NewNetConfig;
use crate::login::{self, Metadata, NameLogin};
use crate::network::NewNet;

/// What `kind` says in the configuration.
pub const KIND: &str = "newnet";

/// Returns what makes connectors from their configuration.
pub fn factory() -> NetworkFactory {
    factory_for(NewNet::default())
}

/// Returns what makes connectors to a network one holds oneself: tests speak through the handle.
pub fn factory_for(network: NewNet) -> NetworkFactory {
    Arc::new(move |context: NetworkContext, section: Value| {
        let config = NewNetConfig::parse(section)?;
        let (network, clock) = (network.clone(), context.clock);
        Ok(Arc::new(NewNetConnector { config, network, clock }))
    })
}

struct NewNetConnector {
    config: NewNetConfig,
    network: NewNet,
    clock: SharedClock,
}

#[async_trait]
impl NetworkConnector for NewNetConnector {
    fn facts(&self) -> NetworkFacts {
        NetworkFacts {
            kind: KIND,
            protocol_name: "NewNet",
            display_name: self.config.display_name.clone(),
            url: "",
        }
    }

    fn login_flows(&self) -> Vec<LoginFlow> {
        vec![login::flow()]
    }

    async fn start_login(
        &self,
        flow: &str,
        _owner: &str,
    ) -> Result<Box<dyn LoginProcess>, NetworkError> {
        if flow != login::FLOW {
            return Err(NetworkError::Invalid(format!("There is no way to log in called {flow}.")));
        }
        Ok(Box::new(NameLogin::new(self.network.clone())))
    }

    fn load_login(&self, login: StoredLogin) -> Result<Arc<dyn NetworkClient>, NetworkError> {
        let metadata = Metadata::parse(&login.record.metadata)?;
        Ok(Arc::new(NewNetClient::new(self.network.clone(), self.clock.clone(), metadata)))
    }
}
