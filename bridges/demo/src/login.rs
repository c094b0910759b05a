//! Logging in: one question, no secret. A real network's process asks, sends, waits and asks again;
//! its shape is the same.

use async_trait::async_trait;
use bridge_core::network::{
    LoginField, LoginFieldKind, LoginFlow, LoginInput, LoginProcess, LoginRecord, LoginStep,
    NetworkError,
};
use secrecy::ExposeSecret as _;

use crate::error::network_error;
use crate::metadata::LoginMetadata;
use crate::network::{DemoNetwork, Refused};

/// The one way to log in.
pub(crate) const FLOW: &str = "name";

pub(crate) fn flow() -> LoginFlow {
    LoginFlow {
        id: FLOW.to_owned(),
        name: "By name".to_owned(),
        description: "Choose a name; there is no password.".to_owned(),
    }
}

/// One login under way.
#[derive(Debug)]
pub(crate) struct NameLogin {
    network: DemoNetwork,
    /// What the person is called where nothing else is given.
    default_name: String,
}

impl NameLogin {
    pub(crate) fn new(network: DemoNetwork, owner: &str) -> Self {
        let localpart = owner.trim_start_matches('@').split(':').next().unwrap_or_default();
        Self { network, default_name: localpart.to_owned() }
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
        let account = name.unwrap_or_else(|| self.default_name.clone());
        let since = self.network.sign_up(&account).map_err(refused)?;
        let metadata = LoginMetadata { account: account.clone(), since };
        let record = LoginRecord {
            remote_id: account.clone(),
            name: account,
            metadata: metadata.to_value(),
            secret: None,
        };
        let instructions = "`join` takes you to a chat; `lobby` is always there.".to_owned();
        Ok(LoginStep::Complete { instructions, record })
    }

    async fn cancel(&mut self) {}
}

/// A name that does not do is a wrong answer: the person is asked again.
fn refused(refused: Refused) -> NetworkError {
    match refused {
        Refused::Because(why) => NetworkError::Invalid(format!("That does not work: {why}.")),
        other => network_error(other),
    }
}
