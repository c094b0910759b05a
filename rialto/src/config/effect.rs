//! When a change of the configuration takes effect: at SIGHUP, or with a restart. Two configurations are compared value
//! by value; a running program leaves the hashes of its values behind, so that `config check` can compare, too.

use super::Config;
use crate::{
    data_dir::{self, DataDir},
    failure::Failure,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};
use support_clock::{OsRandom, Random};

/// Every value by its dotted key. Never printed: secrets are among them.
pub(crate) type Values = BTreeMap<String, String>;

/// What a running program leaves in its data folder.
const WORD: &str = "running.json";

/// When a changed key takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// At SIGHUP.
    Reload,
    /// When the program is started again.
    Restart,
}

/// The hashes of the values that are in effect. The salt keeps anybody from looking up short secrets.
#[derive(Debug, Serialize, Deserialize)]
struct Word {
    salt: String,
    values: BTreeMap<String, String>,
}

/// Returns the keys whose values differ.
pub(crate) fn changes(old: &Values, new: &Values) -> Vec<String> {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    keys.into_iter().filter(|key| old.get(*key) != new.get(*key)).cloned().collect()
}

/// Says when a change of a key takes effect.
pub(crate) fn of(key: &str, old: &Config, new: &Config) -> Effect {
    let stays_tls = old.homeserver.tls.is_some() && new.homeserver.tls.is_some();
    effect_of(key, stays_tls)
}

fn effect_of(key: &str, stays_tls: bool) -> Effect {
    let at_once = ["permissions", "log.level"].contains(&key)
        || key.starts_with("networks.")
        || stays_tls && key.starts_with("homeserver.tls.");
    if at_once { Effect::Reload } else { Effect::Restart }
}

/// Writes down what is in effect.
pub(crate) fn leave_word(data: &DataDir, values: &Values) -> Result<(), Failure> {
    let salt = OsRandom.hex(16);
    let hashed = values.iter().map(|(key, value)| (key.clone(), hash(&salt, value)));
    let word = Word { values: hashed.collect(), salt: salt.clone() };
    let text = serde_json::to_string(&word).expect("texts can be written");
    data.write_private(WORD, text.as_bytes())
}

/// What differs from the program that runs with this configuration's data folder, if one does.
pub(crate) fn against_running(config: &Config) -> Option<Vec<(String, Effect)>> {
    if !data_dir::is_in_use(&config.data_dir) {
        return None;
    }
    let text = fs::read_to_string(config.data_dir.join(WORD)).ok()?;
    let word: Word = serde_json::from_str(&text).ok()?;
    let now = config.values();
    let now: Values =
        now.iter().map(|(key, value)| (key.clone(), hash(&word.salt, value))).collect();
    let tls = |values: &Values| values.contains_key("homeserver.tls.certificate");
    let stays_tls = tls(&word.values) && tls(&now);
    let keys = changes(&word.values, &now);
    Some(keys.into_iter().map(|key| (key.clone(), effect_of(&key, stays_tls))).collect())
}

fn hash(salt: &str, value: &str) -> String {
    let hash = Sha256::digest(format!("{salt}\0{value}"));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn config(text: &str) -> Config {
        Config::parse(text, Path::new("/x")).expect("it is right")
    }

    #[test]
    fn every_difference_is_named_and_sorted_by_when_it_counts() {
        let old = config("[networks.a]\nkind = \"irc\"\npassword = \"one\"\n");
        let new = config(
            "[homeserver]\nlisten = \"127.0.0.1:1\"\nshared_secret = \"x\"\n[log]\nlevel = \"warn\"\n[permissions]\n\"@a:localhost\" = \"admin\"\n\
             [networks.a]\nkind = \"irc\"\npassword = \"two\"\n[networks.b]\nkind = \"irc\"\n",
        );
        let changed = changes(&old.values(), &new.values());
        assert_eq!(
            changed,
            [
                "homeserver.listen",
                "homeserver.shared_secret",
                "log.level",
                "networks.a",
                "networks.b",
                "permissions"
            ]
        );
        let restart: Vec<_> =
            changed.iter().filter(|key| of(key, &old, &new) == Effect::Restart).collect();
        assert_eq!(restart, ["homeserver.listen", "homeserver.shared_secret"]);
    }

    #[test]
    fn new_certificates_count_at_once_and_tls_where_there_was_none_does_not() {
        let tls = |name: &str| {
            config(&format!("[homeserver]\ntls = {{ certificate = \"{name}\", key = \"k\" }}\n"))
        };
        assert_eq!(of("homeserver.tls.certificate", &tls("a"), &tls("b")), Effect::Reload);
        assert_eq!(of("homeserver.tls.certificate", &config(""), &tls("b")), Effect::Restart);
    }
}
