//! The keys of channels: kept sealed beside the login's password, so that a channel with a key is joined
//! again after a restart.
//!
//! What enters is what people and servers say of a channel's key; what leaves is the login's sealed
//! text. A login that never had a key keeps its password as it was given; with keys the text is JSON
//! behind a NUL, which no password holds.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bridge_core::{
    ids::LoginId,
    network::{CommitError, RemoteSink},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// In front of everything that is more than a password.
const MARK: char = '\0';

/// Keys by folded channel name.
type Keys = BTreeMap<String, String>;

/// What is sealed.
#[derive(Default, Serialize, Deserialize)]
struct Sealed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(default)]
    channel_keys: Keys,
}

impl Sealed {
    /// Reads a login's sealed text.
    fn read(secret: Option<&str>) -> Self {
        let Some(secret) = secret else { return Self::default() };
        let Some(json) = secret.strip_prefix(MARK) else {
            return Self { password: Some(secret.to_owned()), ..Self::default() };
        };
        serde_json::from_str(json).unwrap_or_else(|_| {
            // Not printed: it holds secrets.
            tracing::error!("what is sealed of a login cannot be read; its channel keys are lost");
            Self::default()
        })
    }

    fn write(self) -> Option<String> {
        if self.channel_keys.is_empty() {
            return self.password;
        }
        let json = serde_json::to_string(&self).expect("texts are JSON");
        Some(format!("{MARK}{json}"))
    }
}

/// Returns the password in a login's sealed text.
pub(crate) fn password(secret: Option<&str>) -> Option<String> {
    Sealed::read(secret).password
}

/// The keys every login of a network knows. Outlives their clients: whoever logs in again keeps them.
#[derive(Default)]
pub(crate) struct KeyRing(Mutex<BTreeMap<LoginId, Keys>>);

impl KeyRing {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<LoginId, Keys>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keys one login knows.
pub(crate) struct ChannelKeys {
    login: LoginId,
    password: Option<String>,
    ring: Arc<KeyRing>,
    sealing: Mutex<Sealing>,
}

struct Sealing {
    /// As it stands in storage.
    stored: Keys,
    /// Whether somebody writes: they look again afterwards, so that the newest is what stays.
    writing: bool,
}

impl ChannelKeys {
    /// Reads a login's sealed text. Keys heard since it was loaded before count for more.
    pub(crate) fn new(login: LoginId, secret: Option<&str>, ring: Arc<KeyRing>) -> Self {
        let Sealed { password, channel_keys: stored } = Sealed::read(secret);
        ring.lock().entry(login.clone()).or_insert_with(|| stored.clone());
        Self { login, password, ring, sealing: Mutex::new(Sealing { stored, writing: false }) }
    }

    /// Returns a channel's key.
    pub(crate) fn of(&self, channel: &str) -> Option<String> {
        self.ring.lock().get(&self.login)?.get(channel).cloned()
    }

    /// Notes a channel's key, or that it has none.
    pub(crate) fn note(&self, channel: &str, key: Option<&str>) {
        let mut ring = self.ring.lock();
        let keys = ring.entry(self.login.clone()).or_default();
        match key {
            Some(key) => keys.insert(channel.to_owned(), key.to_owned()),
            None => keys.remove(channel),
        };
    }

    /// Forgets a channel. `same` compares names as the server does.
    pub(crate) fn forget(&self, channel: &str, same: &dyn Fn(&str, &str) -> bool) {
        if let Some(keys) = self.ring.lock().get_mut(&self.login) {
            keys.retain(|known, _| !same(known, channel));
        }
    }

    /// Forgets everything: the login ends for good.
    pub(crate) fn forget_all(&self) {
        self.ring.lock().remove(&self.login);
    }

    fn known(&self) -> Keys {
        self.ring.lock().get(&self.login).cloned().unwrap_or_default()
    }

    fn sealing(&self) -> MutexGuard<'_, Sealing> {
        self.sealing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the keys, if they are not stored as they are and nobody else is at it.
    fn to_write(&self) -> Option<Keys> {
        let mut sealing = self.sealing();
        let known = self.known();
        if sealing.writing || known == sealing.stored {
            return None;
        }
        sealing.writing = true;
        Some(known)
    }

    /// Has the keys sealed, if any changed.
    pub(crate) async fn seal(&self, sink: &RemoteSink) {
        while let Some(keys) = self.to_write() {
            // Given up half-way, it is for the next one to do.
            let writing = Writing(self);
            let sealed = Sealed { password: self.password.clone(), channel_keys: keys.clone() };
            let kept = sink.keep_secret(sealed.write().map(SecretString::from)).await;
            drop(writing);
            match kept {
                Ok(()) => self.sealing().stored = keys,
                Err(CommitError::Closed) => return,
                Err(CommitError::NotStored(why)) => {
                    tracing::warn!(login = %self.login, error = %why, "channel keys are not stored");
                    return;
                }
            }
        }
    }
}

/// Says at its end that nobody writes any more.
struct Writing<'a>(&'a ChannelKeys);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.sealing().writing = false;
    }
}

impl std::fmt::Debug for ChannelKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelKeys").field("login", &self.login).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_alone_is_sealed_as_it_was_given() {
        for given in [None, Some("sesame"), Some("{\"channel_keys\":{}}")] {
            let sealed = Sealed::read(given);
            assert_eq!(sealed.password.as_deref(), given);
            assert_eq!(sealed.write().as_deref(), given);
        }
    }

    #[test]
    fn keys_stand_beside_the_password() {
        let channel_keys = Keys::from([("#vault".to_owned(), "swordfish".to_owned())]);
        for password in [None, Some("sesame".to_owned())] {
            let sealed = Sealed { password: password.clone(), channel_keys: channel_keys.clone() };
            let text = sealed.write().expect("there is something to seal");
            let read = Sealed::read(Some(&text));
            assert_eq!((read.password, read.channel_keys), (password, channel_keys.clone()));
        }
    }

    #[test]
    fn who_logs_in_again_keeps_what_was_heard_meanwhile() {
        let (ring, id) = (Arc::new(KeyRing::default()), LoginId::new("irc-1"));
        let first = ChannelKeys::new(id.clone(), Some("old"), Arc::clone(&ring));
        first.note("#vault", Some("swordfish"));
        let again = ChannelKeys::new(id, Some("new"), ring);
        assert_eq!(again.of("#vault").as_deref(), Some("swordfish"));
        again.forget("#VAULT", &|one, other| one.eq_ignore_ascii_case(other));
        assert_eq!(again.of("#vault"), None);
    }
}
