//! Accounts: made, found, given another password, closed.

use std::sync::Arc;

use async_trait::async_trait;
use ruma::{DeviceId, OwnedUserId, UserId};
use secrecy::SecretString;
use support_db::{DbError, Job, Tx};

use super::{
    Cache, TokenHash, TokenOwner, Users, hash_token,
    sessions::{self, Which},
};
use crate::{
    error::Result,
    store::{devices, registration_tokens, users},
};

/// What every request may want to know about an account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) admin: bool,
    pub(crate) active: bool,
    /// Whether an appservice registered it.
    pub(crate) is_ghost: bool,
}

/// One account, for the operator.
#[derive(Debug, Clone)]
pub struct AccountInfo {
    /// The full user id.
    pub user_id: OwnedUserId,
    /// Whether the account may use administrative endpoints.
    pub admin: bool,
    /// The appservice that registered it, for ghosts and bots.
    pub appservice: Option<String>,
    /// The profile's name.
    pub displayname: Option<String>,
    /// Creation time in unix milliseconds.
    pub created_at: i64,
    /// Whether the account was closed.
    pub deactivated: bool,
}

/// How an attempt to make an account ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Creation {
    Created,
    /// The name is taken, perhaps by a closed account.
    NameTaken,
    /// The sign-up token is unknown or used up.
    TokenRefused,
}

/// The write job that makes an account and takes a use of its sign-up token, both or neither.
#[derive(Debug)]
struct CreateAccount {
    user_id: OwnedUserId,
    password_hash: Option<String>,
    admin: bool,
    appservice: Option<String>,
    sign_up_token: Option<TokenHash>,
    now: i64,
}

/// Ends the job so that its savepoint is rolled back.
#[derive(Debug)]
enum CreateEnd {
    Refused(Creation),
    Db(DbError),
}

impl From<DbError> for CreateEnd {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

#[async_trait]
impl Job for CreateAccount {
    type Output = ();
    type Error = CreateEnd;

    async fn run(&self, tx: &mut Tx) -> Result<(), CreateEnd> {
        if let Some(token) = &self.sign_up_token
            && !registration_tokens::take_use(tx, token).await?
        {
            return Err(CreateEnd::Refused(Creation::TokenRefused));
        }
        let (password_hash, appservice) =
            (self.password_hash.as_deref(), self.appservice.as_deref());
        let user_id = self.user_id.as_str();
        if users::insert(tx, user_id, password_hash, self.admin, appservice, self.now).await? {
            Ok(())
        } else {
            Err(CreateEnd::Refused(Creation::NameTaken))
        }
    }
}

/// The write job that closes an account and everything that lets somebody use it.
#[derive(Debug)]
struct Deactivate {
    user_id: OwnedUserId,
    now: i64,
    accounts: Arc<Cache<OwnedUserId, Account>>,
    owners: Arc<Cache<TokenHash, TokenOwner>>,
}

#[async_trait]
impl Job for Deactivate {
    type Output = bool;
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<bool, DbError> {
        let closed = users::deactivate(tx, self.user_id.as_str(), self.now).await?;
        devices::delete_all(tx, self.user_id.as_str()).await?;
        let (accounts, owners) = (Arc::clone(&self.accounts), Arc::clone(&self.owners));
        let user_id = self.user_id.clone();
        tx.after_commit(move || {
            accounts.forget(|key, _| *key == user_id);
            owners.forget(|_, owner| owner.user_id == user_id);
        });
        Ok(closed)
    }
}

/// The write job that changes a password and ends sessions, both or neither.
#[derive(Debug)]
struct ChangePassword {
    user_id: OwnedUserId,
    password_hash: String,
    ends: Option<Which>,
    owners: Arc<Cache<TokenHash, TokenOwner>>,
}

#[async_trait]
impl Job for ChangePassword {
    type Output = bool;
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<bool, DbError> {
        if !users::set_password(tx, self.user_id.as_str(), &self.password_hash).await? {
            return Ok(false);
        }
        if let Some(which) = &self.ends {
            sessions::end(tx, &self.user_id, which, &self.owners).await?;
        }
        Ok(true)
    }
}

impl Users {
    /// Makes an account; the password is hashed here, before the writer is bothered.
    pub(crate) async fn create(
        &self,
        user_id: OwnedUserId,
        password: Option<&SecretString>,
        admin: bool,
        appservice: Option<&str>,
        sign_up_token: Option<&str>,
    ) -> Result<Creation> {
        let password_hash = match password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let job = CreateAccount {
            user_id,
            password_hash,
            admin,
            appservice: appservice.map(str::to_owned),
            sign_up_token: sign_up_token.map(hash_token),
            now: self.clock.now_ms(),
        };
        match self.db.run(job).await {
            Ok(()) => Ok(Creation::Created),
            Err(CreateEnd::Refused(creation)) => Ok(creation),
            Err(CreateEnd::Db(error)) => Err(error.into()),
        }
    }

    /// Finds an account, closed or not.
    pub(crate) async fn account(&self, user_id: &UserId) -> Result<Option<Account>> {
        let generation = match self.accounts.get(&user_id.to_owned()) {
            Ok(account) => return Ok(Some(account)),
            Err(generation) => generation,
        };
        let Some(row) = users::get(&self.db, user_id.as_str()).await? else {
            return Ok(None);
        };
        let account = Account {
            admin: row.admin,
            active: row.deactivated_at.is_none(),
            is_ghost: row.appservice.is_some(),
        };
        self.accounts.remember(generation, user_id.to_owned(), account.clone());
        Ok(Some(account))
    }

    /// Tells whether there is a local account that is not closed.
    pub(crate) async fn exists(&self, user_id: &UserId) -> Result<bool> {
        if user_id.server_name() != self.server_name {
            return Ok(false);
        }
        Ok(self.account(user_id).await?.is_some_and(|account| account.active))
    }

    /// Checks a password, at the same cost whether or not the account exists and has one.
    pub(crate) async fn check_password(
        &self,
        user_id: &UserId,
        password: &SecretString,
    ) -> Result<bool> {
        let row = users::get(&self.db, user_id.as_str()).await?;
        let hash = row.filter(|row| row.deactivated_at.is_none()).and_then(|row| row.password_hash);
        self.passwords.matches(password, hash.as_deref()).await
    }

    /// Gives an account another password and ends its sessions; false when there is no such active account.
    pub(crate) async fn set_password(
        &self,
        user_id: &UserId,
        password: &SecretString,
    ) -> Result<bool> {
        self.change_password(user_id, password, None, true).await
    }

    /// Gives an account another password and, if asked to, ends its sessions but the one kept; false when there is no
    /// such active account.
    pub(crate) async fn change_password(
        &self,
        user_id: &UserId,
        password: &SecretString,
        kept: Option<&DeviceId>,
        ends_sessions: bool,
    ) -> Result<bool> {
        let ends = ends_sessions.then(|| match kept {
            Some(kept) => Which::AllBut(kept.to_owned()),
            None => Which::All,
        });
        let job = ChangePassword {
            user_id: user_id.to_owned(),
            password_hash: self.passwords.hash(password).await?,
            ends,
            owners: Arc::clone(&self.owners),
        };
        let changed = self.db.run(job).await?;
        self.login_tokens.end_of(user_id);
        Ok(changed)
    }

    /// Closes an account for good; false when there is no such active account.
    pub(crate) async fn deactivate(&self, user_id: &UserId) -> Result<bool> {
        let job = Deactivate {
            user_id: user_id.to_owned(),
            now: self.clock.now_ms(),
            accounts: Arc::clone(&self.accounts),
            owners: Arc::clone(&self.owners),
        };
        let closed = self.db.run(job).await?;
        self.login_tokens.end_of(user_id);
        Ok(closed)
    }

    /// Lists all accounts.
    pub(crate) async fn list(&self) -> Result<Vec<AccountInfo>> {
        let rows = users::list(&self.db).await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                Some(AccountInfo {
                    user_id: UserId::parse(row.user_id).ok()?,
                    admin: row.admin,
                    appservice: row.appservice,
                    displayname: row.displayname,
                    created_at: row.created_at,
                    deactivated: row.deactivated_at.is_some(),
                })
            })
            .collect())
    }

    /// Mints a sign-up token, good for `uses` accounts or for any number.
    pub(crate) async fn create_sign_up_token(&self, uses: Option<u32>) -> Result<String> {
        let token = self.random.token(18);
        let (hash, now, uses) = (hash_token(&token), self.clock.now_ms(), uses.map(i64::from));
        self.db
            .write(move |tx| {
                Box::pin(async move { registration_tokens::insert(tx, &hash, uses, now).await })
            })
            .await?;
        Ok(token)
    }

    /// Tells whether a sign-up token could be used now.
    pub(crate) async fn sign_up_token_is_valid(&self, token: &str) -> Result<bool> {
        Ok(registration_tokens::is_valid(&self.db, &hash_token(token)).await?)
    }
}
