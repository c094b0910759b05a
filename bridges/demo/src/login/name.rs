//! Logging in: one question, no secret. A real network's process asks, sends, waits and asks again;
//! its shape is the same.

use async_trait::async_trait;
use bridge_core::network::{
    LoginField, LoginFieldKind, LoginInput, LoginProcess, LoginStep, NetworkError,
};
use secrecy::ExposeSecret as _;

use super::{arrive, name_of};
use crate::network::DemoNetwork;

/// One login under way.
#[derive(Debug)]
pub(crate) struct NameLogin {
    network: DemoNetwork,
    /// What the person is called where nothing else is given.
    default_name: String,
}

impl NameLogin {
    pub(crate) fn new(network: DemoNetwork, owner: &str) -> Self {
        Self { network, default_name: name_of(owner).to_owned() }
    }
}

#[async_trait]
impl LoginProcess for NameLogin {
    async fn start(&mut self) -> Result<LoginStep, NetworkError> {
        Ok(LoginStep::UserInput {
            instructions: "The demo network asks for nothing but a name.".to_owned(),
            fields: vec![LoginField {
                id: "name".to_owned(),
                name: "Name".to_owned(),
                description: format!(
                    "What are you called there? `{}` if you leave it out.",
                    self.default_name
                ),
                kind: LoginFieldKind::Username,
                optional: true,
            }],
        })
    }

    async fn submit(&mut self, input: LoginInput) -> Result<LoginStep, NetworkError> {
        let name = input.get("name").map(|name| name.expose_secret().trim().to_owned());
        arrive(&self.network, name.unwrap_or_else(|| self.default_name.clone()))
    }

    async fn cancel(&mut self) {}
}
