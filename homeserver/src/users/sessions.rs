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
        let replaced = Which::These(vec![self.device_id.clone()]);
        forget_after_commit(tx, &self.owners, &self.user_id, replaced);
        Ok(())
    }
}

/// Which of a user's devices are meant.
#[derive(Debug, Clone)]
pub(super) enum Which {
    All,
    These(Vec<OwnedDeviceId>),
    AllBut(OwnedDeviceId),
}

impl Which {
    fn holds(&self, device_id: &DeviceId) -> bool {
        match self {
            Self::All => true,
            Self::These(devices) => devices.iter().any(|device| device == device_id),
            Self::AllBut(kept) => kept != device_id,
        }
    }
}

/// The write job of a logout.
#[derive(Debug)]
struct LogOut {
    user_id: OwnedUserId,
    which: Which,
    owners: Arc<Cache<TokenHash, TokenOwner>>,
}

#[async_trait]
impl Job for LogOut {
    type Output = ();
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<(), DbError> {
        end(tx, &self.user_id, &self.which, &self.owners).await
    }
}

/// Deletes devices with their tokens, inside of a write job.
pub(super) async fn end(
    tx: &mut Tx,
    user_id: &UserId,
    which: &Which,
    owners: &Arc<Cache<TokenHash, TokenOwner>>,
) -> Result<(), DbError> {
    match which {
        Which::All => devices::delete_all(tx, user_id.as_str()).await?,
        Which::AllBut(kept) => {
            devices::delete_others(tx, user_id.as_str(), kept.as_str()).await?;
        }
        Which::These(gone) => {
            for device_id in gone {
                devices::delete(tx, user_id.as_str(), device_id.as_str()).await?;
            }
        }
    }
    forget_after_commit(tx, owners, user_id, which.clone());
    Ok(())
}

fn forget_after_commit(
    tx: &mut Tx,
    owners: &Arc<Cache<TokenHash, TokenOwner>>,
    user_id: &UserId,
    which: Which,
) {
    let owners = Arc::clone(owners);
    let user_id = user_id.to_owned();
    tx.after_commit(move || {
        owners.forget(|_, owner| owner.user_id == user_id && which.holds(&owner.device_id));
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
        self.log_out_of(user_id, vec![device_id.to_owned()]).await
    }

    /// Ends some sessions, all in one commit.
    pub(crate) async fn log_out_of(
        &self,
        user_id: &UserId,
        devices: Vec<OwnedDeviceId>,
    ) -> Result<()> {
        self.end_sessions(user_id, Which::These(devices)).await
    }

    /// Ends every session of a user.
    pub(crate) async fn log_out_everywhere(&self, user_id: &UserId) -> Result<()> {
        self.end_sessions(user_id, Which::All).await
    }

    async fn end_sessions(&self, user_id: &UserId, which: Which) -> Result<()> {
        let job = LogOut { user_id: user_id.to_owned(), which, owners: Arc::clone(&self.owners) };
        Ok(self.db.run(job).await?)
    }
}
