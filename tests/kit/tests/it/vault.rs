//! The demo network behind a password: a network for stories about secrets.

use std::sync::Arc;

use async_trait::async_trait;
use bridge_core::network::{
    LoginField, LoginFieldKind, LoginFlow, LoginInput, LoginProcess, LoginStep, NetworkClient,
    NetworkConnector, NetworkContext, NetworkError, NetworkFactory, NetworkFacts, StoredLogin,
};
use bridge_demo::{DemoConfig, DemoConnector, DemoNetwork};
use secrecy::ExposeSecret as _;

/// What the network wants to hear.
pub(crate) const PASSWORD: &str = "hunter 2";

pub(crate) fn factory() -> NetworkFactory {
    Arc::new(|context: NetworkContext, _section| {
        let network = DemoNetwork::new(context.clock.clone());
        Ok(Arc::new(Vault(DemoConnector::new(context, DemoConfig::default(), network))))
    })
}

struct Vault(DemoConnector);

struct VaultLogin(Box<dyn LoginProcess>);

#[async_trait]
impl NetworkConnector for Vault {
    fn facts(&self) -> NetworkFacts {
        NetworkFacts { kind: "vault", ..self.0.facts() }
    }

    fn login_flows(&self) -> Vec<LoginFlow> {
        self.0.login_flows()
    }

    async fn start_login(
        &self,
        flow: &str,
        owner: &str,
    ) -> Result<Box<dyn LoginProcess>, NetworkError> {
        Ok(Box::new(VaultLogin(self.0.start_login(flow, owner).await?)))
    }

    fn load_login(&self, login: StoredLogin) -> Result<Arc<dyn NetworkClient>, NetworkError> {
        assert_eq!(login.record.secret.as_deref(), Some(PASSWORD), "the secret comes back");
        self.0.load_login(login)
    }
}

#[async_trait]
impl LoginProcess for VaultLogin {
    async fn start(&mut self) -> Result<LoginStep, NetworkError> {
        let field = |id: &str, kind| LoginField {
            id: id.to_owned(),
            name: id.to_owned(),
            description: String::new(),
            kind,
            optional: false,
        };
        let fields = vec![
            field("name", LoginFieldKind::Username),
            field("password", LoginFieldKind::Password),
        ];
        Ok(LoginStep::UserInput { instructions: String::new(), fields })
    }

    async fn submit(&mut self, mut input: LoginInput) -> Result<LoginStep, NetworkError> {
        let password = input.remove("password").expect("it was asked for");
        if password.expose_secret() != PASSWORD {
            let words = "The password is wrong.".to_owned();
            return Err(NetworkError::BadCredentials(words));
        }
        let mut step = self.0.submit(input).await?;
        if let LoginStep::Complete { record, .. } = &mut step {
            record.secret = Some(password.expose_secret().to_owned());
        }
        Ok(step)
    }

    async fn cancel(&mut self) {}
}
