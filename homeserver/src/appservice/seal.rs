//! Registrations added at run time carry tokens, so they lie sealed in the database; the key is a file in the data
//! folder that only its owner can read. A stolen copy of the database alone opens nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chacha20poly1305::{
    ChaCha20Poly1305, Key, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use support_clock::SharedRandom;

const FILE: &str = "homeserver-sealing.key";
const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 12;

/// Why a sealed registration cannot be opened or the key not be used.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key file cannot be read or written.
    #[error("the sealing key {} cannot be used: {source}. The data folder has to belong to the user who runs this program", path.display())]
    File {
        /// Where it is.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The key file has another length.
    #[error("the sealing key {} is damaged: it should have 32 bytes. Restore it from a backup of the data folder", path.display())]
    Damaged {
        /// Where it is.
        path: PathBuf,
    },
    /// The row was sealed with another key.
    #[error("the registration of appservice {id} was sealed with another key than {}. Restore that file from a backup of the data folder, or remove the appservice and add it again", path.display())]
    WrongKey {
        /// The appservice.
        id: String,
        /// Where the key is.
        path: PathBuf,
    },
}

/// Seals and opens.
pub(crate) struct Seal {
    cipher: ChaCha20Poly1305,
    path: PathBuf,
    random: SharedRandom,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Seal").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Seal {
    /// Reads the key of the data folder, or makes one.
    pub(crate) fn load_or_create(data_dir: &Path, random: SharedRandom) -> Result<Self, SealError> {
        let path = data_dir.join(FILE);
        let file = |source| SealError::File { path: path.clone(), source };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let bytes = random.bytes(KEY_LENGTH);
                write_private(&path, &bytes).map_err(file)?;
                bytes
            }
            Err(error) => return Err(file(error)),
        };
        if bytes.len() != KEY_LENGTH {
            return Err(SealError::Damaged { path });
        }
        Ok(Self { cipher: ChaCha20Poly1305::new(Key::from_slice(&bytes)), path, random })
    }

    /// Seals `plain` so that it opens only for the same appservice.
    pub(crate) fn seal(&self, id: &str, plain: &[u8]) -> Vec<u8> {
        let nonce = self.random.bytes(NONCE_LENGTH);
        let sealed = self
            .cipher
            .encrypt(Nonce::from_slice(&nonce), Payload { msg: plain, aad: id.as_bytes() })
            .expect("a registration is far shorter than what the cipher can take");
        [nonce, sealed].concat()
    }

    /// Opens what was sealed.
    pub(crate) fn open(&self, id: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let wrong = || SealError::WrongKey { id: id.to_owned(), path: self.path.clone() };
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LENGTH).ok_or_else(wrong)?;
        self.cipher
            .decrypt(Nonce::from_slice(nonce), Payload { msg: sealed, aad: id.as_bytes() })
            .map_err(|_| wrong())
    }
}

/// Writes a file only its owner can read, whole or not at all: a crash must not leave half a key.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;

    let draft = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use support_clock::OsRandom;

    use super::*;

    #[test]
    fn what_was_sealed_opens_with_the_same_file_only() {
        let folder = tempfile::tempdir().unwrap();
        let seal = Seal::load_or_create(folder.path(), Arc::new(OsRandom)).unwrap();
        let sealed = seal.seal("irc", b"tokens");
        assert!(!sealed.windows(6).any(|window| window == b"tokens"));

        let again = Seal::load_or_create(folder.path(), Arc::new(OsRandom)).unwrap();
        assert_eq!(again.open("irc", &sealed).unwrap(), b"tokens");
        assert!(again.open("other", &sealed).is_err());

        fs::remove_file(folder.path().join(FILE)).unwrap();
        let stranger = Seal::load_or_create(folder.path(), Arc::new(OsRandom)).unwrap();
        assert!(matches!(stranger.open("irc", &sealed), Err(SealError::WrongKey { .. })));
    }

    #[test]
    fn a_key_of_another_length_is_called_damaged() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), b"short").unwrap();
        let error = Seal::load_or_create(folder.path(), Arc::new(OsRandom)).unwrap_err();
        assert!(matches!(error, SealError::Damaged { .. }));
    }
}
