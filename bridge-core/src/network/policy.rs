//! What an operator chooses about every network: how things are carried that it does not know.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ConfigError, Kind};

/// What becomes of something a network cannot carry as what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Degrade {
    /// It is said in words there.
    #[default]
    Text,
    /// It stays on Matrix, and whoever did it is told by a notice.
    Notice,
    /// It stays on Matrix; only the message's status says so.
    Drop,
}

/// Choices every network has, beside the keys of its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NetworkPolicy {
    /// What becomes of replies, edits, reactions, files, places and polls the network does not know.
    pub degrade: Degrade,
    /// The same for messages that were taken back: `text` says on the network that one was.
    pub degrade_redactions: Degrade,
    /// An edit is carried as `s/old/new/` while what changed is no longer than this; beyond, and with
    /// 0 always, as the whole text anew.
    pub edit_diff_longest: usize,
    /// How an answer reads: `{author}`, `{excerpt}` and `{text}` are filled in.
    pub reply_template: String,
    /// What stands before the words of people without a login: `{name}` and `{mxid}` are filled in.
    pub relay_template: String,
    /// Whether an invisible mark keeps a name from calling the person who has it there too.
    pub relay_anti_ping: bool,
    /// For how long a link to a file can be opened.
    pub media_link_hours: u64,
    /// The kinds that are not carried, neither way. A room may choose otherwise.
    pub kinds_off: BTreeSet<Kind>,
    /// How many messages said before a new room begins with.
    pub backfill_messages: usize,
    /// How old these may be, in days; 0: any age.
    pub backfill_days: u64,
    /// How many messages that were missed are filled in at most.
    pub catch_up_messages: usize,
    /// How many messages are asked for at once.
    pub backfill_page: usize,
    /// How long the bridge pauses between two pages of one chat.
    pub backfill_pause_ms: u64,
}

impl Default for NetworkPolicy {
    fn default() -> Self {
        Self {
            degrade: Degrade::Text,
            degrade_redactions: Degrade::Notice,
            edit_diff_longest: 60,
            reply_template: "> <{author}> {excerpt}\n{text}".to_owned(),
            relay_template: "<{name}> ".to_owned(),
            relay_anti_ping: true,
            media_link_hours: 7 * 24,
            kinds_off: BTreeSet::new(),
            backfill_messages: 0,
            backfill_days: 0,
            catch_up_messages: 500,
            backfill_page: 100,
            backfill_pause_ms: 1000,
        }
    }
}

/// The keys of a section that are every network's.
const KEYS: [&str; 13] = [
    "degrade",
    "degrade_redactions",
    "edit_diff_longest",
    "reply_template",
    "relay_template",
    "relay_anti_ping",
    "media_link_hours",
    "kinds_off",
    "backfill_messages",
    "backfill_days",
    "catch_up_messages",
    "backfill_page",
    "backfill_pause_ms",
];

impl NetworkPolicy {
    /// The keys of every network as `config example` shows them, in each network's section.
    pub const EXAMPLE: &'static str = include_str!("policy.toml");

    /// Takes what is every network's out of a section, so that the rest is the bridge's own.
    ///
    /// # Errors
    /// Names the key that is wrong.
    pub fn take_from(section: &mut Map<String, Value>) -> Result<Self, ConfigError> {
        let mut own = Map::new();
        for key in KEYS {
            let Some(value) = section.remove(key) else { continue };
            // One by one, so that the fault has a place.
            let alone = Value::Object(Map::from_iter([(key.to_owned(), value.clone())]));
            if let Err(error) = serde_json::from_value::<Self>(alone) {
                return Err(ConfigError { key: key.to_owned(), problem: error.to_string() });
            }
            own.insert(key.to_owned(), value);
        }
        let read = serde_json::from_value(Value::Object(own));
        read.map_err(|error| ConfigError { key: String::new(), problem: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_keys_of_every_network_are_taken_and_the_rest_is_left() {
        let mut section = Map::from_iter([
            ("degrade".to_owned(), json!("drop")),
            ("server".to_owned(), json!("irc.example.org")),
        ]);
        let policy = NetworkPolicy::take_from(&mut section).expect("it is right");
        assert_eq!(policy, NetworkPolicy { degrade: Degrade::Drop, ..NetworkPolicy::default() });
        assert_eq!(section.keys().collect::<Vec<_>>(), ["server"]);
    }

    #[test]
    fn the_example_shows_every_key_with_its_default() {
        let shown = NetworkPolicy::EXAMPLE.lines().filter_map(|line| {
            let (key, value) = line.strip_prefix("  # ")?.split_once(" = ")?;
            // Texts, numbers and truth are written in TOML as in JSON.
            Some((key.to_owned(), serde_json::from_str(value).ok()?))
        });
        let mut section: Map<String, Value> = shown.collect();
        let mut keys: Vec<&str> = section.keys().map(String::as_str).collect();
        keys.sort_unstable();
        let mut all = KEYS;
        all.sort_unstable();
        assert_eq!(keys, all);
        let policy = NetworkPolicy::take_from(&mut section).expect("the example is right");
        assert_eq!(policy, NetworkPolicy::default());
    }

    #[test]
    fn a_wrong_value_is_named() {
        let mut section = Map::from_iter([("degrade".to_owned(), json!("loudly"))]);
        let error = NetworkPolicy::take_from(&mut section).expect_err("there is no such way");
        assert_eq!(error.key, "degrade");
        assert!(error.problem.contains("notice"), "{}", error.problem);
        let mut section = Map::from_iter([("kinds_off".to_owned(), json!(["typing", "raction"]))]);
        let error = NetworkPolicy::take_from(&mut section).expect_err("there is no such kind");
        assert_eq!(error.key, "kinds_off");
        assert!(error.problem.contains("did you mean `reaction`?"), "{}", error.problem);
    }
}
