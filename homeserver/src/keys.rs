//! The server's signing key: one ed25519 key in the data folder, made at the first start. Every event this
//! server creates carries its signature, so losing the file means losing the room history's author.
//!
//! The file holds one line, `ed25519 VERSION SEED`, as other homeservers write it, so that a key can move.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, alphabet, engine::general_purpose};
use ruma::signatures::Ed25519KeyPair;
use support_clock::Random;

const FILE_NAME: &str = "signing.key";

/// What stands before the 32 bytes of an ed25519 key in a PKCS#8 document (RFC 8410), the only form the
/// signing library reads.
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Reads and writes base64 as Matrix does (without padding), and forgives padding when reading.
const BASE64: general_purpose::GeneralPurpose = general_purpose::GeneralPurpose::new(
    &alphabet::STANDARD,
    general_purpose::GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

/// Why there is no signing key to work with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is there and cannot be read.
    #[error("the signing key {path} cannot be read: {source}. It has to belong to the user who runs this program", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("the signing key {path} is damaged: {why}. Restore it from a backup; without it this server cannot sign events under its name", path = path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// How one can tell.
        why: &'static str,
    },
    /// A new key could not be stored.
    #[error("the signing key {path} cannot be written: {source}. The data folder has to exist and belong to the user who runs this program", path = path.display())]
    NotWritable {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// The key this server signs with.
#[derive(Debug, Clone)]
pub(crate) struct SigningKeys {
    pair: Arc<Ed25519KeyPair>,
}

impl SigningKeys {
    /// Reads the key of a data folder, or makes one and stores it before it is used.
    pub(crate) fn load_or_create(data_dir: &Path, random: &dyn Random) -> Result<Self, KeyError> {
        let path = data_dir.join(FILE_NAME);
        match fs::read_to_string(&path) {
            Ok(text) => parse_signing_key(&text).map_err(|why| KeyError::Damaged { path, why }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = generate(random);
                store(&path, &text).map_err(|source| KeyError::NotWritable { path, source })?;
                Ok(parse_signing_key(&text).expect("a key that was just made can be read"))
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(KeyError::Damaged { path, why: "it is not text" })
            }
            Err(source) => Err(KeyError::Unreadable { path, source }),
        }
    }

    /// Returns the pair to sign with.
    pub(crate) fn pair(&self) -> &Ed25519KeyPair {
        &self.pair
    }
}

fn generate(random: &dyn Random) -> String {
    // Versions may only hold letters, digits and the underscore.
    format!("ed25519 r_{} {}\n", random.hex(3), BASE64.encode(random.bytes(32)))
}

/// Reads the line of a key file.
pub(crate) fn parse_signing_key(text: &str) -> Result<SigningKeys, &'static str> {
    let mut words = text.split_whitespace();
    let (Some(algorithm), Some(version), Some(seed), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("it is not one line of three words");
    };
    if algorithm != "ed25519" {
        return Err("it is of another algorithm than ed25519");
    }
    if !version.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err("its version holds other characters than letters, digits and underscores");
    }
    let seed = BASE64.decode(seed).map_err(|_| "its seed is not base64")?;
    if seed.len() != 32 {
        return Err("its seed is not 32 bytes long");
    }
    let document = [&PKCS8_PREFIX[..], &seed].concat();
    let pair = Ed25519KeyPair::from_der(&document, version.to_owned())
        .map_err(|_| "its seed is not a key")?;
    Ok(SigningKeys { pair: Arc::new(pair) })
}

/// Writes the file under another name first: a crash leaves either no key or a whole one.
fn store(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("key.new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use support_clock::SeededRandom;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let random = SeededRandom::new(1);
        let made = SigningKeys::load_or_create(folder.path(), &random).unwrap();
        let found = SigningKeys::load_or_create(folder.path(), &random).unwrap();
        assert_eq!(made.pair().public_key(), found.pair().public_key());
        assert_eq!(made.pair().version(), found.pair().version());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join(FILE_NAME)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_damaged_key_is_reported_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        for text in
            ["", "ed25519 a_1 short", "rsa a_1 AAAA", "ed25519 a-1 AAAA", "one two three four"]
        {
            fs::write(&path, text).unwrap();
            let error =
                SigningKeys::load_or_create(folder.path(), &SeededRandom::new(1)).unwrap_err();
            assert!(matches!(error, KeyError::Damaged { .. }), "{text}: {error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn the_seed_of_the_specification_gives_its_public_key() {
        let keys =
            parse_signing_key("ed25519 1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1").unwrap();
        assert_eq!(
            BASE64.encode(keys.pair().public_key()),
            "XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI"
        );
    }
}
