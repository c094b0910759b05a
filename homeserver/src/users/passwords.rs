//! Password hashes: argon2id on blocking threads, few at a time, because each one takes tens of milliseconds and
//! nineteen megabytes on purpose.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use support_clock::SharedRandom;
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// How many hashes are computed side by side. More would only wait for each other's memory.
const SIDE_BY_SIDE: usize = 2;

/// A hash of nothing in particular with our parameters: checking a password against it costs what checking a real
/// one costs, so that the time of an answer does not tell which names exist.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cmlhbHRvL25vYm9keQ$tBW7iM1e0CSUOm8Tt3s3ItmMZ7yZcUqNPSVLXVFJoBA";

/// Makes and checks password hashes.
#[derive(Debug)]
pub(crate) struct Passwords {
    random: SharedRandom,
    slots: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new(random: SharedRandom) -> Self {
        Self { random, slots: Arc::new(Semaphore::new(SIDE_BY_SIDE)) }
    }

    /// Returns the PHC string of a password.
    pub(crate) async fn hash(&self, password: &SecretString) -> Result<String> {
        let salt = self.random.bytes(16);
        let password = password.clone();
        self.compute(move || {
            Argon2::default()
                .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
                .map(|hash: argon2::password_hash::phc::PasswordHash| hash.to_string())
        })
        .await?
        .map_err(|error| Error::internal(error.to_string()))
    }

    /// Tells whether the password has this hash; without a hash it takes as long and says no.
    pub(crate) async fn matches(
        &self,
        password: &SecretString,
        hash: Option<&str>,
    ) -> Result<bool> {
        let (password, known) = (password.clone(), hash.is_some());
        let hash = hash.unwrap_or(NOBODY).to_owned();
        let fits = self
            .compute(move || {
                PasswordHash::new(&hash).map(|hash| {
                    Argon2::default()
                        .verify_password(password.expose_secret().as_bytes(), &hash)
                        .is_ok()
                })
            })
            .await?
            .map_err(|error| Error::internal(error.to_string()))?;
        Ok(fits && known)
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(slot);
            done
        })
        .await
        .map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use support_clock::SeededRandom;

    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new(Arc::new(SeededRandom::new(1)));
        let hash = passwords.hash(&"correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.matches(&"correct horse".into(), Some(&hash)).await.unwrap());
        assert!(!passwords.matches(&"battery staple".into(), Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_is_checked_like_somebody_and_refused() {
        let passwords = Passwords::new(Arc::new(SeededRandom::new(1)));
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(!passwords.matches(&"anything".into(), None).await.unwrap());
    }
}
