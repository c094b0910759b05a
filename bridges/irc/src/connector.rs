//! One IRC network of the configuration.

use std::sync::Arc;

use async_trait::async_trait;
use bridge_core::network::{
    ConfigError, LoginFlow, LoginProcess, NetworkClient, NetworkConnector, NetworkContext,
    NetworkError, NetworkFactory, NetworkFacts, StoredLogin,
};
use secrecy::SecretString;
use serde_json::Value;

use crate::{
    channel_keys::{KeyRing, password},
    client::IrcClient,
    config::IrcConfig,
    connection::{Sasl, Settings, Timing, Tls, tls_config},
    login::{FLOW, NickLogin},
    metadata::LoginMetadata,
    own_nicks::OwnNicks,
    wire::{sanitise_nick, sanitise_username},
};

/// What `kind` says in the configuration.
pub const KIND: &str = "irc";

/// Longest nick made from a template; servers with less cut it themselves.
const TEMPLATE_NICK: usize = 30;

/// Returns what makes connectors from their configuration.
#[must_use]
pub fn factory() -> NetworkFactory {
    Arc::new(|context, section| Ok(Arc::new(IrcConnector::from_config(context, section)?)))
}

/// One configured network.
pub struct IrcConnector {
    context: NetworkContext,
    config: Arc<IrcConfig>,
    tls: Option<Tls>,
    own: Arc<OwnNicks>,
    ring: Arc<KeyRing>,
}

impl IrcConnector {
    /// Reads the section and prepares TLS.
    ///
    /// # Errors
    /// Names the key that is wrong.
    pub fn from_config(context: NetworkContext, section: Value) -> Result<Self, ConfigError> {
        let config = IrcConfig::parse(section)?;
        let tls = if config.tls {
            let ca_file = config.tls_ca_file.as_deref();
            let tls = tls_config(&config.host, ca_file, config.accept_invalid_certificates);
            Some(tls.map_err(|error| ConfigError {
                key: if ca_file.is_some() { "tls_ca_file" } else { "server" }.to_owned(),
                problem: error.to_string(),
            })?)
        } else {
            None
        };
        Ok(Self {
            context,
            config: Arc::new(config),
            tls,
            own: Arc::default(),
            ring: Arc::default(),
        })
    }
}

/// Makes the settings of a connection from the network's configuration and a login's facts.
#[derive(Clone)]
pub(crate) struct SettingsMaker {
    config: Arc<IrcConfig>,
    tls: Option<Tls>,
}

impl SettingsMaker {
    /// Returns the nick for a Matrix person who named none.
    pub(crate) fn nick_for(&self, owner: &str) -> String {
        let filled = self.config.nick.replace("{localpart}", localpart(owner));
        sanitise_nick(&filled, Some(TEMPLATE_NICK))
    }

    /// Makes the settings.
    pub(crate) fn settings(
        &self,
        owner: &str,
        metadata: &LoginMetadata,
        password: Option<&str>,
    ) -> Settings {
        let fill = |template: &str| {
            template
                .replace("{localpart}", localpart(owner))
                .replace("{mxid}", owner)
                .replace("{nick}", &metadata.nick)
                .replace(['\r', '\n', '\0'], " ")
        };
        let sasl = password.map(|password| Sasl {
            account: metadata.account.clone().unwrap_or_else(|| metadata.nick.clone()),
            password: SecretString::from(password),
        });
        let realname = Some(fill(&self.config.realname)).filter(|name| !name.trim().is_empty());
        Settings {
            host: self.config.host.clone(),
            port: self.config.port,
            tls: self.tls.clone(),
            server_password: self.config.password.clone(),
            nick: metadata.nick.clone(),
            alternate_nicks: true,
            username: sanitise_username(&fill(&self.config.username)),
            realname: realname.unwrap_or_else(|| metadata.nick.clone()),
            sasl,
            nickserv: self.config.nickserv.clone(),
            encoding: self.config.encoding,
            pacing: self.config.pacing,
            timing: Timing {
                ping_after: self.config.keep_alive,
                dead_after: self.config.keep_alive * 5 / 2,
                ..Timing::default()
            },
        }
    }
}

/// Returns the Matrix name without `@` and server.
fn localpart(owner: &str) -> &str {
    let bare = owner.strip_prefix('@').unwrap_or(owner);
    bare.split_once(':').map_or(bare, |(localpart, _)| localpart)
}

#[async_trait]
impl NetworkConnector for IrcConnector {
    fn facts(&self) -> NetworkFacts {
        NetworkFacts {
            kind: KIND,
            protocol_name: "IRC",
            display_name: self.config.display_name.clone(),
            url: "https://modern.ircdocs.horse/",
        }
    }

    fn login_flows(&self) -> Vec<LoginFlow> {
        vec![LoginFlow {
            id: FLOW.to_owned(),
            name: "Nick".to_owned(),
            description: "Choose a nick; with a password if it is a registered account.".to_owned(),
        }]
    }

    async fn start_login(
        &self,
        flow: &str,
        owner: &str,
    ) -> Result<Box<dyn LoginProcess>, NetworkError> {
        if flow != FLOW {
            return Err(NetworkError::Invalid(format!(
                "IRC has no way to log in called {flow}; there is `{FLOW}`."
            )));
        }
        Ok(Box::new(NickLogin::new(
            owner.to_owned(),
            self.settings_maker(),
            Arc::clone(&self.context.clock),
            Arc::clone(&self.own),
        )))
    }

    fn load_login(&self, login: StoredLogin) -> Result<Arc<dyn NetworkClient>, NetworkError> {
        let metadata: LoginMetadata = serde_json::from_value(login.record.metadata.clone())
            .map_err(|error| {
                NetworkError::Invalid(format!(
                    "The stored login cannot be read ({error}); log in again."
                ))
            })?;
        let password = password(login.record.secret.as_deref());
        let settings = self.settings_maker().settings(&login.owner, &metadata, password.as_deref());
        Ok(Arc::new(IrcClient::new(
            login,
            settings,
            self.config.habits.clone(),
            Arc::clone(&self.context.clock),
            Arc::clone(&self.context.random),
            Arc::clone(&self.own),
            Arc::clone(&self.ring),
        )))
    }
}

impl IrcConnector {
    fn settings_maker(&self) -> SettingsMaker {
        SettingsMaker { config: Arc::clone(&self.config), tls: self.tls.clone() }
    }
}
