//! The server's signing key.
use std::path::Path;
use support_clock::Random;
/// Why there is no signing key to work with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {}
/// The key this server signs with.
#[derive(Debug, Clone)]
pub(crate) struct SigningKeys;
impl SigningKeys {
    pub(crate) fn load_or_create(_data_dir: &Path, _random: &dyn Random) -> Result<Self, KeyError> {
        Ok(Self)
    }
}
