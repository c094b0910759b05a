//! The door of the crate: one running homeserver, its router, and what an operator does with it.

use std::{sync::Arc, time::Duration};

use registration::Registration;
use ruma::{OwnedUserId, ServerName, UserId};
use secrecy::SecretString;
use support_db::{DbError, Migration};
use support_matrix_http::{HttpTransport, Limits, MatrixError, harden};

use crate::{
    MIGRATIONS, api,
    appservice::{self, AppserviceError, AppserviceInfo, Origin},
    builder::HomeserverBuilder,
    closing,
    error::Error,
    house::{House, SharedHouse},
    users::{AccountInfo, Creation, make_user_id},
};

/// The longest request body. An event may have 64 KiB, a room may be created with many of them.
const LONGEST_BODY: usize = 4 * 1024 * 1024;

/// Why an account could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The name cannot be one, or belongs to an appservice.
    #[error("{0}")]
    Name(String),
    /// The name is taken.
    #[error("the user {0} exists already")]
    Taken(OwnedUserId),
    /// There is no such user, or not any more.
    #[error("there is no active user {0}")]
    Unknown(String),
    /// It did not work, and nothing was changed.
    #[error("the homeserver failed: {0}")]
    Failed(String),
}

impl From<Error> for AccountError {
    fn from(error: Error) -> Self {
        match error {
            Error::Matrix(error) => Self::Name(error.message),
            Error::Db(error) => Self::Failed(error.to_string()),
            Error::Internal(error) => Self::Failed(error.to_string()),
        }
    }
}

impl From<MatrixError> for AccountError {
    fn from(error: MatrixError) -> Self {
        Self::Name(error.message)
    }
}

/// A running homeserver. Dropping it ends its background work at once; [`Homeserver::shutdown`] does it in order.
#[derive(Debug)]
pub struct Homeserver {
    house: SharedHouse,
}

impl Homeserver {
    /// Begins to build a homeserver of this name.
    pub fn builder(server_name: impl Into<String>) -> HomeserverBuilder {
        HomeserverBuilder::new(server_name)
    }

    /// Returns the schema's migrations, for a caller that opens the database itself.
    #[must_use]
    pub fn migrations() -> &'static [Migration] {
        MIGRATIONS
    }

    pub(crate) fn new(house: Arc<House>) -> Self {
        Self { house }
    }

    #[cfg(test)]
    pub(crate) fn house(&self) -> &SharedHouse {
        &self.house
    }

    /// Returns the name everything of this server carries.
    #[must_use]
    pub fn server_name(&self) -> &ServerName {
        &self.house.server_name
    }

    /// Returns the HTTP API, with limits, CORS and answers for everything unknown.
    pub fn router(&self) -> axum::Router {
        let limits = Limits { body: LONGEST_BODY };
        harden(api::routes(), limits).with_state(Arc::clone(&self.house))
    }

    /// Registers an appservice of this process. Its registration is not stored, so it is attached again at every start,
    /// before the router is served; what it is owed is stored like everybody's.
    pub async fn attach_appservice(
        &self,
        registration: Registration,
        transport: Arc<dyn HttpTransport>,
    ) -> Result<(), AppserviceError> {
        let transport = registration.url.is_some().then_some(transport);
        appservice::register(&self.house, registration, Origin::Attached, transport).await
    }

    /// Adds a foreign appservice and stores it. Adding one of the same id again replaces its registration.
    pub async fn add_appservice(&self, registration: Registration) -> Result<(), AppserviceError> {
        appservice::register(&self.house, registration, Origin::Added, None).await
    }

    /// Removes an appservice that was added, and what it was owed. Its users stay.
    pub async fn remove_appservice(&self, id: &str) -> Result<(), AppserviceError> {
        appservice::remove(&self.house, id).await
    }

    /// Lists all appservices and how their deliveries go.
    pub async fn list_appservices(&self) -> Result<Vec<AppserviceInfo>, DbError> {
        appservice::list(&self.house).await
    }

    /// Makes an account. Without a password nobody can log in to it.
    pub async fn create_user(
        &self,
        name: &str,
        password: Option<&SecretString>,
        admin: bool,
    ) -> Result<OwnedUserId, AccountError> {
        let user_id = self.make_user_id(name)?;
        self.house.appservices.check_user(None, &user_id)?;
        match self.house.users.create(user_id.clone(), password, admin, None, None).await? {
            Creation::Created => Ok(user_id),
            Creation::NameTaken | Creation::TokenRefused => Err(AccountError::Taken(user_id)),
        }
    }

    /// Gives an account another password and ends its sessions.
    pub async fn set_password(
        &self,
        name: &str,
        password: &SecretString,
    ) -> Result<(), AccountError> {
        let user_id = self.make_user_id(name)?;
        if self.house.users.set_password(&user_id, password).await? {
            return Ok(());
        }
        Err(AccountError::Unknown(name.to_owned()))
    }

    /// Lists all accounts, those of ghosts too.
    pub async fn list_users(&self) -> Result<Vec<AccountInfo>, AccountError> {
        Ok(self.house.users.list().await?)
    }

    /// Closes an account for good: its sessions end, it leaves its rooms, its name stays taken.
    pub async fn deactivate_user(&self, name: &str) -> Result<(), AccountError> {
        let user_id = self.make_user_id(name)?;
        if closing::close_account(&self.house, &user_id).await? {
            return Ok(());
        }
        Err(AccountError::Unknown(name.to_owned()))
    }

    /// Mints a sign-up token for [`crate::RegistrationMode::Token`], good for `uses` accounts or any number.
    pub async fn create_registration_token(
        &self,
        uses: Option<u32>,
    ) -> Result<String, AccountError> {
        Ok(self.house.users.create_sign_up_token(uses).await?)
    }

    /// Ends the background work, answers long polls with what they have, and closes the database. What is left after
    /// the deadline is dropped; nothing that was acknowledged is lost by that.
    pub async fn shutdown(self, deadline: Duration) {
        self.house.closing.cancel();
        self.house.tasks.close();
        tokio::select! {
            () = self.house.tasks.wait() => {}
            () = self.house.clock.sleep(deadline) => {
                tracing::warn!(left = self.house.tasks.len(), "background work did not end in time");
            }
        }
        self.house.db.close().await;
    }

    /// Reads a local part or a whole user id of this server.
    fn make_user_id(&self, name: &str) -> Result<OwnedUserId, AccountError> {
        let server_name = &self.house.server_name;
        let Some(rest) = name.strip_prefix('@') else {
            return Ok(make_user_id(name, server_name)?);
        };
        let local = rest.strip_suffix(server_name.as_str()).and_then(|rest| rest.strip_suffix(':'));
        match local {
            // Ghosts have names that people may not have; the operator may close them all the same.
            Some(_) => UserId::parse(name).map_err(|error| AccountError::Name(error.to_string())),
            None => Err(AccountError::Name(format!("{name} is not a user of {server_name}"))),
        }
    }
}

impl Drop for Homeserver {
    fn drop(&mut self) {
        self.house.closing.cancel();
        for appservice in self.house.appservices.registry().all() {
            appservice.ended().cancel();
        }
    }
}
