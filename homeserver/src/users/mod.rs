//! People: accounts, passwords, devices, access tokens, profiles, filters and account data.
//!
//! What enters are names, passwords and tokens, what leaves is who somebody is. Access tokens are random, handed
//! out once and kept only as their SHA-256. Accounts of ghosts are accounts like any other, without a password.

mod accounts;
mod cache;
mod devices;
mod directory;
mod login_tokens;
mod names;
mod passwords;
mod personal;
mod profiles;
mod refresh;
mod sessions;

use std::{sync::Arc, time::Duration};

use ruma::{OwnedServerName, OwnedUserId};
use sha2::{Digest, Sha256};
use support_clock::{SharedClock, SharedRandom};
use support_db::Db;

pub use self::accounts::AccountInfo;
pub(crate) use self::{
    accounts::{Account, Creation},
    cache::Cache,
    devices::Device,
    directory::{Person, fold},
    login_tokens::{LOGIN_TOKEN_LIFETIME, LoginTokens},
    names::{check_new_password, check_opaque, make_ghost_id, make_user_id},
    passwords::Passwords,
    personal::AccountData,
    profiles::Profile,
    sessions::{TokenOwner, Tokens},
};

/// A SHA-256, as tokens are kept.
pub(crate) type TokenHash = [u8; 32];

/// Hashes an access token or registration token. They are long and random, so no salt and no slowness are needed.
pub(crate) fn hash_token(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// The accounts of one homeserver.
#[derive(Debug)]
pub(crate) struct Users {
    db: Db,
    clock: SharedClock,
    random: SharedRandom,
    server_name: OwnedServerName,
    passwords: Passwords,
    /// Accounts that exist, by user id. Only existing ones are kept: a name may be registered any moment.
    accounts: Arc<Cache<OwnedUserId, Account>>,
    owners: Arc<Cache<TokenHash, TokenOwner>>,
    /// How long an access token lives that can be refreshed.
    access_token_lifetime: Duration,
    /// Tokens that let another device in.
    pub(crate) login_tokens: LoginTokens,
}

impl Users {
    pub(crate) fn new(
        db: Db,
        clock: SharedClock,
        random: SharedRandom,
        server_name: OwnedServerName,
        access_token_lifetime: Duration,
    ) -> Self {
        Self {
            db,
            clock,
            passwords: Passwords::new(random.clone()),
            random,
            server_name,
            accounts: Arc::new(Cache::new()),
            owners: Arc::new(Cache::new()),
            access_token_lifetime,
            login_tokens: LoginTokens::default(),
        }
    }
}
