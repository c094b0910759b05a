//! Logging in with a name and a password, and then with a code: two forms with secrets.

use async_trait::async_trait;
use bridge_core::network::{
    LoginField, LoginFieldKind, LoginInput, LoginProcess, LoginStep, NetworkError,
};
use secrecy::ExposeSecret as _;

use super::arrive;
use crate::network::DemoNetwork;

/// Everybody's.
const PASSWORD: &str = "serenissima";
/// Everybody's too.
const CODE: &str = "1591";

/// One login under way.
#[derive(Debug)]
pub(super) struct PasswordLogin {
    network: DemoNetwork,
    /// Whose password was right.
    account: Option<String>,
}

impl PasswordLogin {
    pub(super) fn new(network: DemoNetwork) -> Self {
        Self { network, account: None }
    }
}

#[async_trait]
impl LoginProcess for PasswordLogin {
    async fn start(&mut self) -> Result<LoginStep, NetworkError> {
        Ok(LoginStep::UserInput {
            instructions: "Any name, and the password that everybody has.".to_owned(),
            fields: vec![
                field("name", "Name", LoginFieldKind::Username),
                field("password", "Password", LoginFieldKind::Password),
                field(
                    "side",
                    "Side of the canal",
                    LoginFieldKind::Select(vec!["San Marco".to_owned(), "San Polo".to_owned()]),
                ),
            ],
        })
    }

    async fn submit(&mut self, input: LoginInput) -> Result<LoginStep, NetworkError> {
        let given = |key: &str| input.get(key).map(|value| value.expose_secret()).unwrap_or("");
        match &self.account {
            None if given("password") != PASSWORD => Err(NetworkError::BadCredentials(format!(
                "The password is wrong; it is {PASSWORD}."
            ))),
            None => {
                self.account = Some(given("name").trim().to_owned());
                Ok(LoginStep::UserInput {
                    instructions: format!("A second step: the code is {CODE}."),
                    fields: vec![field("code", "Code", LoginFieldKind::OneTimeCode)],
                })
            }
            Some(_) if given("code") != CODE => {
                Err(NetworkError::BadCredentials(format!("The code is wrong; it is {CODE}.")))
            }
            Some(account) => arrive(&self.network, account.clone()),
        }
    }

    async fn cancel(&mut self) {}
}

fn field(id: &str, name: &str, kind: LoginFieldKind) -> LoginField {
    LoginField {
        id: id.to_owned(),
        name: name.to_owned(),
        description: String::new(),
        kind,
        optional: false,
    }
}
