//! `[permissions]`: who may do what.

use super::{
    Setting,
    reading::{Node, Reading},
    setting::choice,
};
use ruma::{ServerName, UserId};
use std::collections::BTreeMap;
use toml::Value;

choice! {
    /// What somebody may do.
    Level {
        /// Nothing; their messages are not bridged.
        Block = "block",
        /// Be carried by somebody else's login.
        Relay = "relay",
        /// Log in.
        User = "user",
        /// Everything.
        Admin = "admin",
    }
}

/// Levels by user id, server name or `*`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Permissions(BTreeMap<String, Level>);

impl Permissions {
    /// Returns the lines, most of them written by the operator.
    pub fn lines(&self) -> impl Iterator<Item = (&str, Level)> {
        self.0.iter().map(|(who, level)| (who.as_str(), *level))
    }

    /// Adds what holds where the operator wrote nothing: everybody may be relayed, the own server's people are users.
    pub(crate) fn add_defaults(&mut self, server_name: &ServerName) {
        self.0.entry("*".to_owned()).or_insert(Level::Relay);
        self.0.entry(server_name.to_string()).or_insert(Level::User);
    }
}

impl Setting for Permissions {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<Permissions> {
        let mut permissions = Permissions::default();
        for (who, node) in node.table(reading)?.take_all(reading) {
            if !is_subject(&who) {
                let words = "this is neither a user (`@alice:example.org`), nor a server (`example.org`), nor `*`";
                node.fault(words, reading);
                continue;
            }
            if let Some(level) = Level::read(node, reading) {
                permissions.0.insert(who, level);
            }
        }
        Some(permissions)
    }

    fn show(&self) -> Option<Value> {
        let lines = self.lines().map(|(who, level)| (who.to_owned(), Value::from(level.as_str())));
        Some(Value::Table(lines.collect()))
    }
}

fn is_subject(who: &str) -> bool {
    if who.starts_with('@') {
        UserId::parse(who).is_ok()
    } else {
        who == "*" || ServerName::parse(who).is_ok()
    }
}
