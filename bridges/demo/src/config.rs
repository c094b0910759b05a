//! The section of a demo network in the configuration.

use bridge_core::network::ConfigError;
use serde::Deserialize;
use serde_json::Value;

use crate::capabilities::{Ability, LARGEST_FILE};
use crate::network::Habit;

/// The section as `config example` shows it.
pub const EXAMPLE: &str = include_str!("example.toml");

/// `[networks.<id>]` with `kind = "demo"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoConfig {
    /// The network's name for people.
    #[serde(default = "display_name")]
    pub display_name: String,
    /// Whether a gondolier waits in the lobby, greets and answers.
    #[serde(default = "yes")]
    pub gondolier: bool,
    /// What the network cannot do, to show what becomes of it: `replies`, `edits`, `redactions`,
    /// `reactions`, `files`, `threads`, `pins`, `places`, `names`, `removals`, `contacts`, `timers`,
    /// `commands`, `endings`.
    #[serde(default)]
    pub lacks: Vec<Ability>,
    /// What the network refuses, so that nothing takes its place: the same names.
    #[serde(default)]
    pub refuses: Vec<Ability>,
    /// The largest file the network takes, in bytes.
    #[serde(default = "largest_file")]
    pub largest_file: u64,
    /// What goes wrong on the network again and again, to show what becomes of that: `slow`,
    /// `disconnecting`, `duplicating`, `reordering`, `rate_limiting`, `losing_acknowledgements`,
    /// `forgetting_media`.
    #[serde(default)]
    pub faults: Vec<Habit>,
    /// Whether there is a page on which whoever reaches it speaks as anybody on the network.
    #[serde(default)]
    pub stage: bool,
}

impl DemoConfig {
    /// Reads the section.
    ///
    /// # Errors
    /// Names what is wrong.
    pub fn parse(section: Value) -> Result<Self, ConfigError> {
        serde_json::from_value(section)
            .map_err(|error| ConfigError { key: String::new(), problem: error.to_string() })
    }
}

impl Default for DemoConfig {
    fn default() -> Self {
        Self {
            display_name: display_name(),
            gondolier: yes(),
            lacks: Vec::new(),
            refuses: Vec::new(),
            largest_file: largest_file(),
            faults: Vec::new(),
            stage: false,
        }
    }
}

fn display_name() -> String {
    "Demo".to_owned()
}

fn largest_file() -> u64 {
    LARGEST_FILE
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_example_shows_the_defaults() {
        let shown = EXAMPLE.lines().filter_map(|line| {
            let (key, value) = line.strip_prefix("  # ")?.split_once(" = ")?;
            // Texts, truth and lists are written in TOML as in JSON.
            Some((key.to_owned(), serde_json::from_str(value).ok()?))
        });
        let section: serde_json::Map<String, Value> = shown.collect();
        assert_eq!(section.len(), 5);
        let config = DemoConfig::parse(Value::Object(section)).expect("the example is right");
        assert_eq!(config, DemoConfig::default());
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        assert_eq!(DemoConfig::parse(json!({})).unwrap(), DemoConfig::default());
        let error = DemoConfig::parse(json!({ "gondoleer": true })).unwrap_err();
        assert!(error.problem.contains("gondoleer") && error.problem.contains("gondolier"));
    }
}
