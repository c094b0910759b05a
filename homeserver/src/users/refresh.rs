//! Refreshing: a device whose access token ends soon asks for the next one.
//!
//! The answer may be lost on its way, so the old refresh token stays good until one of the new tokens is used. A device
//! that asks twice before it uses anything may keep either answer; only the last few are remembered.

use std::sync::Arc;

use async_trait::async_trait;
use ruma::{OwnedDeviceId, OwnedUserId, UserId};
use support_db::{DbError, Job, Tx};

use super::{Cache, TokenHash, TokenOwner, Tokens, Users, hash_token, sessions::TokenHashes};
use crate::{error::Result, store::tokens};

/// How many answers to one refresh token are remembered that may all have been lost.
const UNUSED: i64 = 5;

type Owners = Arc<Cache<TokenHash, TokenOwner>>;

/// The write job of a refresh. Returns whether the token was known.
#[derive(Debug)]
struct Refresh {
    used: TokenHash,
    tokens: TokenHashes,
    now: i64,
    owners: Owners,
}

#[async_trait]
impl Job for Refresh {
    type Output = bool;
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<bool, DbError> {
        let Some(used) = tokens::find_refresh(tx, &self.used).await? else { return Ok(false) };
        let (user_id, device_id) = (used.user_id.as_str(), used.device_id.as_str());
        let newest = tokens::newest(tx, user_id, device_id).await?.unwrap_or(used.generation);
        let next = newest + 1;
        let lost = used.generation + 1..next - UNUSED;
        for gone in [0..used.generation, lost] {
            if gone.is_empty() {
                continue;
            }
            tokens::delete_of_device(tx, user_id, device_id, gone.clone()).await?;
            if let Ok(user_id) = UserId::parse(user_id) {
                forget_after_commit(tx, &self.owners, user_id, device_id.into(), gone);
            }
        }
        tokens::insert(tx, self.tokens.row(user_id, device_id, next, self.now)).await?;
        Ok(true)
    }
}

/// The write job of an access token's first use.
#[derive(Debug)]
struct EndOlder {
    user_id: OwnedUserId,
    device_id: OwnedDeviceId,
    generation: i64,
    owners: Owners,
}

#[async_trait]
impl Job for EndOlder {
    type Output = ();
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<(), DbError> {
        let (user_id, device_id) = (self.user_id.as_str(), self.device_id.as_str());
        let gone = 0..self.generation;
        tokens::delete_of_device(tx, user_id, device_id, gone.clone()).await?;
        forget_after_commit(tx, &self.owners, self.user_id.clone(), self.device_id.clone(), gone);
        Ok(())
    }
}

fn forget_after_commit(
    tx: &mut Tx,
    owners: &Owners,
    user_id: OwnedUserId,
    device_id: OwnedDeviceId,
    generations: std::ops::Range<i64>,
) {
    let owners = Arc::clone(owners);
    tx.after_commit(move || {
        owners.forget(|_, owner| {
            owner.user_id == user_id
                && owner.device_id == device_id
                && generations.contains(&owner.generation)
        });
    });
}

impl Users {
    /// Returns a device's next tokens; `None` when the refresh token is not known (any more).
    pub(crate) async fn refresh(&self, token: &str) -> Result<Option<Tokens>> {
        let (tokens, hashes) = self.draw_tokens(true);
        let job = Refresh {
            used: hash_token(token),
            tokens: hashes,
            now: self.clock.now_ms(),
            owners: Arc::clone(&self.owners),
        };
        Ok(self.db.run(job).await?.then_some(tokens))
    }

    /// Ends what an access token replaces.
    pub(super) async fn end_older(&self, owner: &TokenOwner) -> Result<()> {
        let job = EndOlder {
            user_id: owner.user_id.clone(),
            device_id: owner.device_id.clone(),
            generation: owner.generation,
            owners: Arc::clone(&self.owners),
        };
        Ok(self.db.run(job).await?)
    }
}
