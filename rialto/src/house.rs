//! The embedded homeserver as this program runs it: built from the configuration, and carrying out orders.

use crate::{
    admin::{Answer, AppserviceLine, Order, Steward, UserLine},
    config::{Config, DatabasePlace, SignUp},
    data_dir::{DataDir, holder},
    failure::Failure,
    foreign, own_registration,
};
use async_trait::async_trait;
use bridge_core::Bridge;
use bytes::Bytes;
use homeserver::{AccountError, AppserviceError, BuildError, Homeserver, Origin, RegistrationMode};
use registration::Registration;
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};
use support_clock::{OsRandom, SystemClock};
use support_db::{Db, Location, OpenOptions};
use support_matrix_http::{HttpTransport, SocketOptions, TransportError};

/// Our own registrations on the embedded homeserver.
pub(crate) struct Own {
    /// The bridges.
    pub(crate) bridges: Registration,
    /// Acting as the homeserver's people.
    pub(crate) puppets: Registration,
}

impl Own {
    /// Reads or makes them.
    pub(crate) fn keep(config: &Config, data: &DataDir) -> Result<Own, Failure> {
        Ok(Own {
            bridges: own_registration::bridges(config, data)?,
            puppets: own_registration::double_puppets(config, data)?,
        })
    }
}

/// Builds the homeserver the configuration describes. [`attach`] its own bridges before anybody can ask it anything.
pub(crate) async fn open(
    config: &Config,
    data: &DataDir,
    own: &Own,
) -> Result<Arc<Homeserver>, Failure> {
    let settings = &config.homeserver;
    let sign_up = match settings.registration {
        SignUp::Closed => RegistrationMode::Closed,
        SignUp::Token => RegistrationMode::Token,
        SignUp::Open => RegistrationMode::Open,
    };
    let mut builder = Homeserver::builder(settings.server_name.as_str())
        .database(location(config, data, Half::Homeserver))
        .data_dir(data.path())
        .holder(holder())
        .registration(sign_up)
        .shared_secret(settings.shared_secret.as_ref().map(|secret| secret.expose().into()))
        .public_url(config.bridge.public_url.clone())
        .access_token_lifetime(settings.access_token_lifetime.duration())
        .largest_upload(settings.max_upload_size.bytes())
        .presence(settings.presence)
        .rate_limits(settings.rate_limits.enabled)
        .rates(settings.rate_limits.rates())
        .outgoing(outgoing(config));
    for registration in foreign::read_all(config, &[own.bridges.clone(), own.puppets.clone()])? {
        builder = builder.appservice(registration);
    }
    let homeserver = builder.build().await.map_err(unbuilt)?;
    Ok(Arc::new(homeserver))
}

/// Attaches the bridges over a transport.
pub(crate) async fn attach(
    homeserver: &Homeserver,
    own: Own,
    bridges: Arc<dyn HttpTransport>,
) -> Result<(), Failure> {
    homeserver.attach_appservice(own.bridges, bridges).await.map_err(unattached)?;
    homeserver.attach_appservice(own.puppets, Arc::new(NotRunning)).await.map_err(unattached)
}

/// Ends the homeserver. Whoever still holds it (there should be nobody) ends it by dropping.
pub(crate) async fn close(homeserver: Arc<Homeserver>, deadline: Duration) {
    match Arc::try_unwrap(homeserver) {
        Ok(homeserver) => homeserver.shutdown(deadline).await,
        Err(_) => tracing::warn!("the homeserver is still in use and is dropped"),
    }
}

/// The two databases.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Half {
    Homeserver,
    Bridges,
}

/// Returns where one half's database is.
pub(crate) fn location(config: &Config, data: &DataDir, half: Half) -> Location {
    let (file, schema) = match half {
        Half::Homeserver => ("homeserver.db", "rialto_homeserver"),
        Half::Bridges => ("bridges.db", "rialto_bridges"),
    };
    match &config.database.url {
        DatabasePlace::Sqlite => Location::sqlite(data.file(file)),
        DatabasePlace::Postgres(url) => Location::postgres(url.expose(), schema),
    }
}

/// Opens the bridges' database, whether they run or not. Call it holding the instance lock.
pub(crate) async fn open_bridges(config: &Config, data: &DataDir) -> Result<Db, Failure> {
    let options = OpenOptions::new(holder(), SystemClock::shared(), Arc::new(OsRandom));
    Db::open(location(config, data, Half::Bridges), Bridge::migrations(), options)
        .await
        .map_err(|error| Failure::new("cannot start", error.to_string(), ""))
}

/// Returns how other servers are called.
pub(crate) fn outgoing(config: &Config) -> SocketOptions {
    let accept_invalid_certificates = config.homeserver.outgoing.accept_invalid_certificates;
    SocketOptions { accept_invalid_certificates, ..SocketOptions::default() }
}

/// Stands for bridges that do not run: what they are owed stays in the queue.
#[derive(Debug)]
pub(crate) struct NotRunning;

#[async_trait]
impl HttpTransport for NotRunning {
    async fn call(
        &self,
        _request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        Err(TransportError::NotSent("the bridges are not running".to_owned()))
    }
}

/// The homeserver's words say what, why and what to do by themselves; only the names of our configuration they cannot know.
fn unbuilt(error: BuildError) -> Failure {
    let what = "cannot start";
    match error {
        BuildError::ServerNameChanged { was, now } => Failure::new(
            what,
            format!(
                "homeserver.server_name is {now} now, but every user, room and event of this data carries {was}"
            ),
            format!(
                "Set server_name = \"{was}\" again, or begin with another data_dir and database"
            ),
        ),
        error => Failure::new(what, error.to_string(), ""),
    }
}

fn unattached(error: AppserviceError) -> Failure {
    let todo = "Mend or remove the registration that is in the way";
    Failure::new("cannot attach the bridges", error.to_string(), todo)
}

#[async_trait]
impl Steward for Homeserver {
    async fn carry_out(&self, order: Order) -> Result<Answer, Failure> {
        match order {
            Order::CreateUser { name, admin, password } => {
                let password = SecretString::from(password.expose());
                let made = self.create_user(&name, Some(&password), admin).await;
                made.map(|user_id| Answer::Text(user_id.to_string()))
                    .map_err(|error| refused("the account was not made", error))
            }
            Order::SetPassword { name, password } => {
                let password = SecretString::from(password.expose());
                let done = self.set_password(&name, &password).await;
                done.map(|()| Answer::Done)
                    .map_err(|error| refused("the password was not changed", error))
            }
            Order::DeactivateUser { name } => {
                let done = self.deactivate_user(&name).await;
                done.map(|()| Answer::Done)
                    .map_err(|error| refused("the account was not closed", error))
            }
            Order::ListUsers => list_users(self).await,
            Order::AddAppservice { registration } => {
                let registration = Registration::parse(registration.expose())?;
                let id = registration.id.clone();
                self.add_appservice(registration).await.map_err(not_added)?;
                Ok(Answer::Text(id))
            }
            Order::RemoveAppservice { id } => {
                self.remove_appservice(&id).await.map_err(not_removed)?;
                Ok(Answer::Done)
            }
            Order::ListAppservices => list_appservices(self).await,
            Order::CreateSignUpToken { uses } => {
                let minted = self.create_registration_token(uses).await;
                minted.map(Answer::Text).map_err(|error| refused("no token was made", error))
            }
            Order::Provision { .. } | Order::Journal { .. } => Err(Failure::new(
                "nothing was done",
                "the bridges do not run, and only they can speak with the network",
                "Start them with `rialto up` and try again",
            )),
        }
    }
}

/// People only: ghosts are made and kept by their bridges.
async fn list_users(homeserver: &Homeserver) -> Result<Answer, Failure> {
    let all = homeserver
        .list_users()
        .await
        .map_err(|error| refused("the accounts cannot be listed", error))?;
    let people = all.into_iter().filter(|account| account.appservice.is_none());
    Ok(Answer::Users(
        people
            .map(|account| UserLine {
                user_id: account.user_id.to_string(),
                admin: account.admin,
                deactivated: account.deactivated,
            })
            .collect(),
    ))
}

async fn list_appservices(homeserver: &Homeserver) -> Result<Answer, Failure> {
    let all = homeserver.list_appservices().await.map_err(|error| {
        Failure::new("the application services cannot be listed", error.to_string(), "Try again")
    })?;
    let foreign = all.into_iter().filter(|service| service.origin != Origin::Attached);
    Ok(Answer::Appservices(
        foreign
            .map(|service| AppserviceLine { id: service.id, url: service.url, owed: service.owed })
            .collect(),
    ))
}

fn refused(what: &str, error: AccountError) -> Failure {
    let todo = match &error {
        AccountError::Name(_) => "Choose another name; letters a-z, digits and `._=-/+` are fine",
        AccountError::Taken(_) => {
            "Choose another name, or set its password with `rialto user password`"
        }
        AccountError::Unknown(_) => "`rialto user list` shows all names",
        AccountError::Failed(_) => "Try again",
    };
    Failure::new(what, error.to_string(), todo)
}

fn not_added(error: AppserviceError) -> Failure {
    Failure::new(
        "the application service was not added",
        error.to_string(),
        "Mend the registration and add it again",
    )
}

fn not_removed(error: AppserviceError) -> Failure {
    Failure::new(
        "the application service was not removed",
        error.to_string(),
        "`rialto appservice list` shows all",
    )
}
