//! Sessions: a device with an access token. Logging in makes one, logging out ends it at once.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};
use support_db::{DbError, Job, Tx};

use super::{Cache, TokenHash, Users, devices::LastSeen, hash_token};
use crate::{
    error::Result,
    store::{
        devices,
        tokens::{self, NewTokens},
    },
};

/// What a login hands out. The tokens are shown this once.
pub(crate) struct Session {
    pub(crate) device_id: OwnedDeviceId,
    pub(crate) tokens: Tokens,
}

/// Tokens as their device has them.
pub(crate) struct Tokens {
    pub(crate) access: String,
    /// For devices that asked for it: what the access token is renewed by, and how long that lives.
    pub(crate) refresh: Option<(String, Duration)>,
}

/// What is kept of them.
#[derive(Debug, Clone)]
pub(super) struct TokenHashes {
    access: TokenHash,
    refresh: Option<(TokenHash, i64)>,
}

impl TokenHashes {
    /// The row of them.
    pub(super) fn row<'a>(
        &'a self,
        user_id: &'a str,
        device_id: &'a str,
        generation: i64,
        now: i64,
    ) -> NewTokens<'a> {
        let refresh = self.refresh.as_ref();
        let refresh = refresh.map(|(hash, expires_at)| (hash.as_slice(), *expires_at));
        NewTokens { user_id, device_id, generation, access: &self.access, refresh, now }
    }
}

/// Whose token it is.
#[derive(Debug, Clone)]
pub(crate) struct TokenOwner {
    pub(crate) user_id: OwnedUserId,
    pub(crate) device_id: OwnedDeviceId,
    pub(crate) admin: bool,
    pub(super) generation: i64,
    expires_at: Option<i64>,
    pub(crate) last_seen: Arc<LastSeen>,
}

impl TokenOwner {
    /// Tells whether the token has to be refreshed.
    pub(crate) fn has_expired(&self, now_ms: i64) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now_ms)
    }
}

/// The write job of a login: the device is kept or made, its former token replaced.
#[derive(Debug)]
struct LogIn {
    user_id: OwnedUserId,
    device_id: OwnedDeviceId,
    display_name: Option<String>,
    tokens: TokenHashes,
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
        tokens::delete_of_device(tx, user_id, device_id, 0..i64::MAX).await?;
        tokens::insert(tx, self.tokens.row(user_id, device_id, 0, self.now)).await?;
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

/// Forgets whose tokens they were, once they are deleted.
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
    /// Makes a session on a known or new device, with a refresh token if the device can use one.
    pub(crate) async fn log_in(
        &self,
        user_id: &UserId,
        device_id: Option<OwnedDeviceId>,
        display_name: Option<String>,
        is_refreshable: bool,
    ) -> Result<Session> {
        let device_id = device_id
            .filter(|device_id| !device_id.as_str().is_empty())
            .unwrap_or_else(|| self.random.hex(5).to_uppercase().into());
        let (tokens, hashes) = self.draw_tokens(is_refreshable);
        let job = LogIn {
            user_id: user_id.to_owned(),
            device_id: device_id.clone(),
            display_name,
            tokens: hashes,
            now: self.clock.now_ms(),
            owners: Arc::clone(&self.owners),
        };
        self.db.run(job).await?;
        Ok(Session { device_id, tokens })
    }

    /// Draws new tokens.
    pub(super) fn draw_tokens(&self, is_refreshable: bool) -> (Tokens, TokenHashes) {
        let access = format!("rto_{}", self.random.token(32));
        let lifetime = self.access_token_lifetime;
        let refresh = is_refreshable.then(|| (format!("rtr_{}", self.random.token(32)), lifetime));
        let lasts = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        let expires_at = self.clock.now_ms().saturating_add(lasts);
        let hashes = TokenHashes {
            access: hash_token(&access),
            refresh: refresh.as_ref().map(|(token, _)| (hash_token(token), expires_at)),
        };
        (Tokens { access, refresh }, hashes)
    }

    /// Finds the owner of an access token, expired or not. Its first use ends the tokens it replaces.
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
        let owner = TokenOwner {
            user_id,
            device_id: row.device_id.into(),
            admin: row.admin,
            generation: row.generation,
            expires_at: row.expires_at,
            last_seen: Arc::new(LastSeen::new(row.last_seen_at)),
        };
        if row.has_older {
            self.end_older(&owner).await?;
        }
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
