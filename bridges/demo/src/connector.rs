//! One configured demo network: how one logs in, and how a stored login becomes a client.

use std::sync::Arc;

use async_trait::async_trait;
use bridge_core::network::{
    ConfigError, LoginFlow, LoginProcess, NetworkClient, NetworkConnector, NetworkContext,
    NetworkError, NetworkFactory, NetworkFacts, StoredLogin,
};
use serde_json::Value;

use crate::capabilities::Able;
use crate::client::DemoClient;
use crate::config::DemoConfig;
use crate::login::{self, Doors, Entrance};
use crate::metadata::LoginMetadata;
use crate::network::DemoNetwork;
use crate::stage;

/// What `kind` says in the configuration.
pub const KIND: &str = "demo";

/// Returns what makes connectors from their configuration, each with a network of its own.
pub fn factory() -> NetworkFactory {
    Arc::new(|context: NetworkContext, section: Value| {
        let config = DemoConfig::parse(section)?;
        let network = DemoNetwork::new(context.clock.clone());
        if config.gondolier {
            network.send_gondolier();
        }
        network.set_habits(config.faults.iter().copied());
        Ok(connector(context, config, network))
    })
}

/// Returns what makes connectors to a network one holds oneself: tests speak through the handle.
pub fn factory_for(network: DemoNetwork) -> NetworkFactory {
    Arc::new(move |context: NetworkContext, section: Value| {
        Ok(connector(context, DemoConfig::parse(section)?, network.clone()))
    })
}

fn connector(
    context: NetworkContext,
    config: DemoConfig,
    network: DemoNetwork,
) -> Arc<dyn NetworkConnector> {
    Arc::new(DemoConnector::new(context, config, network))
}

/// One configured network.
#[derive(Clone, Debug)]
pub struct DemoConnector {
    context: NetworkContext,
    config: DemoConfig,
    network: DemoNetwork,
    doors: Doors,
}

impl DemoConnector {
    /// Makes a connector to a network.
    pub fn new(context: NetworkContext, config: DemoConfig, network: DemoNetwork) -> Self {
        Self { context, config, network, doors: Doors::default() }
    }

    /// Reads the section and makes a connector to a network.
    ///
    /// # Errors
    /// The section has a key that is wrong.
    pub fn from_config(
        context: NetworkContext,
        section: Value,
        network: DemoNetwork,
    ) -> Result<Self, ConfigError> {
        Ok(Self::new(context, DemoConfig::parse(section)?, network))
    }
}

#[async_trait]
impl NetworkConnector for DemoConnector {
    fn facts(&self) -> NetworkFacts {
        NetworkFacts {
            kind: KIND,
            protocol_name: "Demo",
            display_name: self.config.display_name.clone(),
            url: "",
        }
    }

    fn login_flows(&self) -> Vec<LoginFlow> {
        login::flows()
    }

    async fn start_login(
        &self,
        flow: &str,
        owner: &str,
    ) -> Result<Box<dyn LoginProcess>, NetworkError> {
        let entrance = Entrance {
            network: self.network.clone(),
            doors: self.doors.clone(),
            gondolier: self.config.gondolier,
            clock: self.context.clock.clone(),
            random: self.context.random.clone(),
            pages: format!("/_rialto/network/{}", self.context.id),
        };
        entrance.begin(flow, owner)
    }

    fn routes(&self) -> Option<axum::Router> {
        let doors = self.doors.router();
        let stage = || stage::router(self.network.clone(), self.context.clock.clone());
        Some(if self.config.stage { doors.merge(stage()) } else { doors })
    }

    fn load_login(&self, login: StoredLogin) -> Result<Arc<dyn NetworkClient>, NetworkError> {
        let metadata = LoginMetadata::parse(&login.record.metadata)?;
        let clock = self.context.clock.clone();
        let DemoConfig { lacks, refuses, largest_file, .. } = self.config.clone();
        let able = Able { lacks, refuses, largest_file };
        let client = DemoClient::new(self.network.clone(), clock, login.id, metadata, able);
        Ok(Arc::new(client))
    }
}
