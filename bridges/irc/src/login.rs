//! Logging in: a nick, and a password if the nick is a registered account. The answers are tried
//! at once on a connection of their own, so that a wrong password is told now and not later.

use std::sync::Arc;

use async_trait::async_trait;
use bridge_core::network::{
    LoginField, LoginFieldKind, LoginInput, LoginProcess, LoginRecord, LoginStep, NetworkError,
};
use secrecy::ExposeSecret as _;
use support_clock::SharedClock;

use crate::{
    connection::{FailureKind, connect},
    connector::SettingsMaker,
    error::network_error,
    ids::make_account_id,
    metadata::LoginMetadata,
    own_nicks::OwnNicks,
    wire::sanitise_nick,
};

/// The only flow.
pub(crate) const FLOW: &str = "nick";

/// Longer nicks exist nowhere.
const LONGEST_NICK: usize = 64;

/// A login under way.
pub(crate) struct NickLogin {
    owner: String,
    maker: SettingsMaker,
    clock: SharedClock,
    own: Arc<OwnNicks>,
}

impl NickLogin {
    pub(crate) fn new(
        owner: String,
        maker: SettingsMaker,
        clock: SharedClock,
        own: Arc<OwnNicks>,
    ) -> Self {
        Self { owner, maker, clock, own }
    }

    fn read(&self, input: &LoginInput) -> Result<(LoginMetadata, Option<String>), NetworkError> {
        let given = |field: &str| {
            let value = input.get(field).map(|value| value.expose_secret().trim().to_owned());
            value.filter(|value| !value.is_empty())
        };
        let nick = given("nick").unwrap_or_else(|| self.maker.nick_for(&self.owner));
        let allowed = sanitise_nick(&nick, Some(LONGEST_NICK));
        if nick.is_ascii() && allowed != nick {
            return Err(NetworkError::Invalid(format!(
                "{nick} cannot be a nick: letters, digits and []\\`_^{{|}}- are allowed, and it begins with none of the digits. {allowed} would do."
            )));
        }
        // The password as it is: spaces at its ends may belong to it.
        let password = input.get("password").map(|value| value.expose_secret().to_owned());
        let password = password.filter(|password| !password.is_empty());
        if password.as_ref().is_some_and(|password| password.contains('\0')) {
            return Err(NetworkError::Invalid("A password cannot hold a NUL.".to_owned()));
        }
        let account = given("account").filter(|_| password.is_some());
        Ok((LoginMetadata { nick, account }, password))
    }
}

#[async_trait]
impl LoginProcess for NickLogin {
    async fn start(&mut self) -> Result<LoginStep, NetworkError> {
        let field = |id: &str, name: &str, description: &str, kind| LoginField {
            id: id.to_owned(),
            name: name.to_owned(),
            description: description.to_owned(),
            kind,
            optional: true,
        };
        let nick = self.maker.nick_for(&self.owner);
        Ok(LoginStep::UserInput {
            instructions: "Choose the nick under which others see you.".to_owned(),
            fields: vec![
                field(
                    "nick",
                    "Nick",
                    &format!("Left out, it is {nick}."),
                    LoginFieldKind::Username,
                ),
                field(
                    "password",
                    "Password",
                    "Of your account on the network, if you have one.",
                    LoginFieldKind::Password,
                ),
                field(
                    "account",
                    "Account",
                    "If it is called otherwise than the nick.",
                    LoginFieldKind::Username,
                ),
            ],
        })
    }

    async fn submit(&mut self, input: LoginInput) -> Result<LoginStep, NetworkError> {
        let (metadata, password) = self.read(&input)?;
        let mut settings = self.maker.settings(&self.owner, &metadata, password.as_deref());
        // Whoever proves an account, or has the nick already through us, may have it in use.
        settings.alternate_nicks =
            password.is_some() || self.own.is_held_by(&metadata.nick, &self.owner);
        let established = match connect(&settings, &*self.clock).await {
            Ok(established) => established,
            Err(failure) if failure.kind == FailureKind::NickInUse => {
                return Err(NetworkError::Invalid(format!(
                    "The nick {0} is in use on the network. Choose another one with `nick=`, or give the password of the account {0}.",
                    metadata.nick
                )));
            }
            Err(failure) => return Err(network_error(&failure)),
        };
        let network = established.session.rules.network.clone();
        established.quit(&*self.clock).await;
        let nick = metadata.nick.clone();
        let on = network.map(|network| format!(" on {network}")).unwrap_or_default();
        let record = LoginRecord {
            remote_id: make_account_id(&nick),
            name: nick.clone(),
            metadata: serde_json::to_value(metadata).expect("texts are JSON"),
            secret: password,
        };
        let instructions = format!("{nick} is ready{on}. Join a channel with the `join` command.");
        Ok(LoginStep::Complete { instructions, record })
    }

    async fn cancel(&mut self) {}
}
