//! The section of a NewNet network in the configuration.

use bridge_core::network::ConfigError;
use serde::Deserialize;
use serde_json::Value;

/// `[networks.<id>]` with `kind = "newnet"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewNetConfig {
    /// The network's name for people.
    #[serde(default = "display_name")]
    pub display_name: String,
}

impl NewNetConfig {
    /// Reads the section.
    ///
    /// # Errors
    /// Names what is wrong.
    pub fn parse(section: Value) -> Result<Self, ConfigError> {
        serde_json::from_value(section)
            .map_err(|error| ConfigError { key: String::new(), problem: error.to_string() })
    }
}

fn display_name() -> String {
    "NewNet".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = NewNetConfig::parse(json!({ "dispaly_name": "x" })).expect_err("a mistake");
        assert!(error.problem.contains("dispaly_name"), "{error}");
    }
}
