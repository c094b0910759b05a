//! What a login remembers of itself, beside the password.

use serde::{Deserialize, Serialize};

/// The facts of a login that are no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoginMetadata {
    /// The wanted nick.
    pub(crate) nick: String,
    /// The account, where one is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
}
