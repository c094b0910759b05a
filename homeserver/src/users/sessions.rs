//! Sessions: a device with an access token. Logging in makes one, logging out ends it at once.

use std::sync::Arc;

use async_trait::async_trait;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};
use support_db::{DbError, Job, Tx};

use super::{Cache, TokenHash, Users, hash_token};
use crate::{
    error::Result,
    store::{devices, tokens},
};

/// What a login hands out. The token is shown this once.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) device_id: OwnedDeviceId,
    pub(crate) access_token: String,
}

/// Whose token it is.
#[derive(Debug, Clone)]
pub(crate) struct TokenOwner {
    pub(crate) user_id: OwnedUserId,
    pub(crate) device_id: OwnedDeviceId,
    pub(crate) admin: bool,
}

/// The write job of a login: the device is kept or made, its former token replaced.
#[derive(Debug)]
struct LogIn {
    user_id: OwnedUserId,
    device_id: OwnedDeviceId,
    display_name: Option<String>,
    token_hash: TokenHash,
    now: i64,
    owners: Arc<Cache<TokenHash, TokenOwner>>,
}

#[async_trait]
impl Job for LogIn {
    type Output = ();
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<(), DbError> {
        let (user_id, device_id) = (self.user_id.as_str(), self.device_id.as_str());
        devices::ensure(tx, user_id, device_id, self.display_name.as_deref(), self.now).await?;
        tokens::delete_of_device(tx, user_id, device_id).await?;
        tokens::insert(tx, &self.token_hash, user_id, device_id, self.now).await?;
        forget_after_commit(tx, &self.owners, &self.user_id, Some(&self.device_id));
        Ok(())
    }
}

/// The write job of a logout, from one device or all of them.
#[derive(Debug)]
struct LogOut {
    user_id: OwnedUserId,
    device_id: Option<OwnedDeviceId>,
    owners: Arc<Cache<TokenHash, TokenOwner>>,
}

#[async_trait]
impl Job for LogOut {
    type Output = ();
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<(), DbError> {
        match &self.device_id {
            Some(device_id) => {
                devices::delete(tx, self.user_id.as_str(), device_id.as_str()).await?;
            }
            None => devices::delete_all(tx, self.user_id.as_str()).await?,
        }
        forget_after_commit(tx, &self.owners, &self.user_id, self.device_id.as_deref());
        Ok(())
    }
}

fn forget_after_commit(
    tx: &mut Tx,
    owners: &Arc<Cache<TokenHash, TokenOwner>>,
    user_id: &UserId,
    device_id: Option<&DeviceId>,
) {
    let owners = Arc::clone(owners);
    let (user_id, device_id) = (user_id.to_owned(), device_id.map(ToOwned::to_owned));
    tx.after_commit(move || {
        owners.forget(|_, owner| {
            owner.user_id == user_id
                && device_id.as_ref().is_none_or(|device_id| owner.device_id == *device_id)
        });
    });
}

impl Users {
    /// Makes a session on a known or new device.
    pub(crate) async fn log_in(
        &self,
        user_id: &UserId,
        device_id: Option<OwnedDeviceId>,
        display_name: Option<String>,
    ) -> Result<Session> {
        let device_id = device_id
            .filter(|device_id| !device_id.as_str().is_empty())
            .unwrap_or_else(|| self.random.hex(5).to_uppercase().into());
        let access_token = format!("rto_{}", self.random.token(32));
        let job = LogIn {
            user_id: user_id.to_owned(),
            device_id: device_id.clone(),
            display_name,
            token_hash: hash_token(&access_token),
            now: self.clock.now_ms(),
            owners: Arc::clone(&self.owners),
        };
        self.db.run(job).await?;
        Ok(Session { device_id, access_token })
    }

    /// Finds the owner of an access token.
    pub(crate) async fn token_owner(&self, token: &str) -> Result<Option<TokenOwner>> {
        let hash = hash_token(token);
        let generation = match self.owners.get(&hash) {
            Ok(owner) => return Ok(Some(owner)),
            Err(generation) => generation,
        };
        let Some(row) = tokens::find(&self.db, &hash).await? else {
            return Ok(None);
        };
        let Ok(user_id) = UserId::parse(&row.user_id) else {
            return Ok(None);
        };
        let owner = TokenOwner { user_id, device_id: row.device_id.into(), admin: row.admin };
        self.owners.remember(generation, hash, owner.clone());
        Ok(Some(owner))
    }

    /// Ends one session.
    pub(crate) async fn log_out(&self, user_id: &UserId, device_id: &DeviceId) -> Result<()> {
        self.end_sessions(user_id, Some(device_id)).await
    }

    /// Ends every session of a user.
    pub(crate) async fn log_out_everywhere(&self, user_id: &UserId) -> Result<()> {
        self.end_sessions(user_id, None).await
    }

    async fn end_sessions(&self, user_id: &UserId, device_id: Option<&DeviceId>) -> Result<()> {
        let job = LogOut {
            user_id: user_id.to_owned(),
            device_id: device_id.map(ToOwned::to_owned),
            owners: Arc::clone(&self.owners),
        };
        Ok(self.db.run(job).await?)
    }

    /// Tells whether the device is one of the user's.
    pub(crate) async fn has_device(&self, user_id: &UserId, device_id: &DeviceId) -> Result<bool> {
        Ok(devices::exists(&self.db, user_id.as_str(), device_id.as_str()).await?)
    }
}
