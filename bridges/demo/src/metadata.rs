//! What the bridge remembers of a login.

use bridge_core::network::NetworkError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Kept with the login, as JSON. A field added later needs a default: old records are read for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoginMetadata {
    /// The account.
    pub(crate) account: String,
    /// The network's position when the login was made: what came after is for us.
    pub(crate) since: i64,
}

impl LoginMetadata {
    pub(crate) fn parse(value: &Value) -> Result<Self, NetworkError> {
        Self::deserialize(value).map_err(|error| {
            NetworkError::Invalid(format!("The login's record is unreadable: {error}."))
        })
    }

    pub(crate) fn to_value(&self) -> Value {
        json!(self)
    }
}
