//! Logging in, and what is remembered of a login.

use async_trait::async_trait;
use bridge_core::network::{
    LoginField, LoginFieldKind, LoginFlow, LoginInput, LoginProcess, LoginRecord, LoginStep,
    NetworkError,
};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::network::NewNet;

/// The one way to log in.
pub(crate) const FLOW: &str = "name";

pub(crate) fn flow() -> LoginFlow {
    LoginFlow {
        id: FLOW.to_owned(),
        name: "By name".to_owned(),
        description: "Choose a name; there is no password.".to_owned(),
    }
}

/// Kept with the login. A field added later needs a default: old records are read for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    /// The account.
    pub(crate) account: String,
    /// The newest message when the login was made: what came after is for us.
    pub(crate) since: i64,
}

impl Metadata {
    pub(crate) fn parse(value: &Value) -> Result<Self, NetworkError> {
        Self::deserialize(value).map_err(|error| {
            NetworkError::Invalid(format!("The login's record is unreadable: {error}."))
        })
    }
}

/// One login under way.
pub(crate) struct NameLogin {
    network: NewNet,
}

impl NameLogin {
    pub(crate) fn new(network: NewNet) -> Self {
        Self { network }
    }
}

#[async_trait]
impl LoginProcess for NameLogin {
    async fn start(&mut self) -> Result<LoginStep, NetworkError> {
        Ok(LoginStep::UserInput {
            instructions: "NewNet asks for a name.".to_owned(),
            fields: vec![LoginField {
                id: "name".to_owned(),
                name: "Name".to_owned(),
                description: "What are you called there?".to_owned(),
                kind: LoginFieldKind::Username,
                optional: false,
            }],
        })
    }

    async fn submit(&mut self, input: LoginInput) -> Result<LoginStep, NetworkError> {
        let account = input.get("name").map(|name| name.expose_secret().trim().to_owned());
        let account = account.unwrap_or_default();
        let signed_up = self.network.sign_up(&account);
        // A name that does not do is a wrong answer: the person is asked again.
        let since = signed_up.map_err(|refused| NetworkError::Invalid(format!("{refused}.")))?;
        let metadata = json!(Metadata { account: account.clone(), since });
        let record =
            LoginRecord { remote_id: account.clone(), name: account, metadata, secret: None };
        let instructions = "`join` takes you to a chat; `lobby` is always there.".to_owned();
        Ok(LoginStep::Complete { instructions, record })
    }

    async fn cancel(&mut self) {}
}
