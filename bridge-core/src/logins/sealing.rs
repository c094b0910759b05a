//! Credentials at rest: sealed with a key that lives outside the database, and bound to the login
//! they belong to, so that a row copied elsewhere opens nothing.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use support_clock::SharedRandom;

use crate::ids::{LoginId, NetworkId};

const VERSION: u8 = 1;
const NONCE: usize = 12;

/// Seals and opens.
#[derive(Clone)]
pub(crate) struct Sealing {
    cipher: ChaCha20Poly1305,
    random: SharedRandom,
}

/// A sealed secret does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotOpened;

impl Sealing {
    pub(crate) fn new(key: &[u8; 32], random: SharedRandom) -> Self {
        Self { cipher: ChaCha20Poly1305::new(Key::from_slice(key)), random }
    }

    /// Seals a login's secret.
    pub(crate) fn seal(&self, network: &NetworkId, login: &LoginId, secret: &str) -> Vec<u8> {
        self.seal_with(&associated(network, login), secret)
    }

    /// Seals a secret that belongs to something else, under a name for it.
    pub(crate) fn seal_as(&self, name: &str, secret: &str) -> Vec<u8> {
        self.seal_with(&named(name), secret)
    }

    fn seal_with(&self, aad: &[u8], secret: &str) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        self.random.fill(&mut nonce);
        let payload = Payload { msg: secret.as_bytes(), aad };
        let sealed = self
            .cipher
            .encrypt(Nonce::from_slice(&nonce), payload)
            .expect("a secret is far shorter than the cipher's limit");
        [&[VERSION], &nonce[..], &sealed].concat()
    }

    /// Opens a login's secret.
    pub(crate) fn open(
        &self,
        network: &NetworkId,
        login: &LoginId,
        sealed: &[u8],
    ) -> Result<String, NotOpened> {
        self.open_with(&associated(network, login), sealed)
    }

    /// Opens what was sealed under a name.
    pub(crate) fn open_as(&self, name: &str, sealed: &[u8]) -> Result<String, NotOpened> {
        self.open_with(&named(name), sealed)
    }

    fn open_with(&self, aad: &[u8], sealed: &[u8]) -> Result<String, NotOpened> {
        let (version, rest) = sealed.split_first().ok_or(NotOpened)?;
        if *version != VERSION || rest.len() < NONCE {
            return Err(NotOpened);
        }
        let (nonce, sealed) = rest.split_at(NONCE);
        let payload = Payload { msg: sealed, aad };
        let opened =
            self.cipher.decrypt(Nonce::from_slice(nonce), payload).map_err(|_| NotOpened)?;
        String::from_utf8(opened).map_err(|_| NotOpened)
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealing")
    }
}

fn named(name: &str) -> Vec<u8> {
    format!("rialto {name}").into_bytes()
}

fn associated(network: &NetworkId, login: &LoginId) -> Vec<u8> {
    format!("rialto login\0{network}\0{login}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use support_clock::SeededRandom;

    fn sealing(key: u8) -> Sealing {
        Sealing::new(&[key; 32], Arc::new(SeededRandom::new(1)))
    }

    #[test]
    fn a_secret_opens_only_for_its_login_and_with_its_key() {
        let (network, login) = (NetworkId::new("libera"), LoginId::new("libera-1"));
        let sealed = sealing(1).seal(&network, &login, "hunter2");
        assert!(!sealed.windows(7).any(|bytes| bytes == b"hunter2"));
        assert_eq!(sealing(1).open(&network, &login, &sealed), Ok("hunter2".to_owned()));
        assert_eq!(sealing(2).open(&network, &login, &sealed), Err(NotOpened));
        assert_eq!(sealing(1).open(&network, &LoginId::new("libera-2"), &sealed), Err(NotOpened));
        let mut bent = sealed.clone();
        *bent.last_mut().unwrap() ^= 1;
        assert_eq!(sealing(1).open(&network, &login, &bent), Err(NotOpened));
        assert_eq!(sealing(1).open(&network, &login, &sealed[..5]), Err(NotOpened));
    }

    #[test]
    fn the_same_secret_never_looks_the_same() {
        let (network, login) = (NetworkId::new("libera"), LoginId::new("libera-1"));
        let sealing = sealing(1);
        let first = sealing.seal(&network, &login, "hunter2");
        assert_ne!(first, sealing.seal(&network, &login, "hunter2"));
    }
}
