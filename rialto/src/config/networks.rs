//! `[networks.<id>]`: one section per network. What stands in it, its bridge knows; here it is only kept with its lines.
//!
//! Keys that name a secret may be given as `KEY_file`, and are masked when shown. Every other key that ends in `_file` is a path, relative to
//! the configuration file like all paths in it.

use super::{
    Fault, MASK, Setting,
    reading::{Node, Reading, nearest},
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::{collections::BTreeMap, path::PathBuf};
use toml::{Value, de::ValueDeserializer};

/// One network instance.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkSection {
    /// The key behind `networks.`; permanent.
    pub id: String,
    /// Which bridge it belongs to.
    pub kind: String,
    /// Everything but the kind.
    pub settings: Map<String, Json>,
    /// Where each key stands in the file; the section's own line under the empty key.
    lines: BTreeMap<String, usize>,
}

impl NetworkSection {
    /// Makes a section that stands in no file.
    pub fn new(id: impl Into<String>, kind: impl Into<String>) -> NetworkSection {
        NetworkSection {
            id: id.into(),
            kind: kind.into(),
            settings: Map::new(),
            lines: BTreeMap::new(),
        }
    }

    /// Gives a fault that the bridge found its place in the file.
    pub(crate) fn fault(&self, key: &str, problem: impl Into<String>) -> Fault {
        let first = key.split(['.', '[']).next().unwrap_or_default();
        let line = self.lines.get(first).or_else(|| self.lines.get("")).copied();
        let separator = if key.is_empty() { "" } else { "." };
        Fault::new(&format!("networks.{}{separator}{key}", self.id), line, problem)
    }
}

/// All networks, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Networks(pub Vec<NetworkSection>);

impl Networks {
    /// Refuses sections whose kind no bridge has.
    pub(crate) fn check_kinds(&self, known: &[String]) -> Vec<Fault> {
        let unknown = self.0.iter().filter(|section| !known.contains(&section.kind));
        unknown
            .map(|section| {
                let nearest = nearest(&section.kind, known).unwrap_or("nothing");
                let all = known.join(", ");
                let problem = format!(
                    "`{}` is no network of this program; did you mean `{nearest}`? (There are: {all})",
                    section.kind
                );
                section.fault("kind", problem)
            })
            .collect()
    }
}

impl Setting for Networks {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<Networks> {
        let mut networks: Vec<NetworkSection> = Vec::new();
        for (id, node) in node.table(reading)?.take_all(reading) {
            if let Some(problem) = wrong_id(&id, &networks) {
                node.fault(problem, reading);
                continue;
            }
            networks.extend(read_section(id, node, reading));
        }
        Some(Networks(networks))
    }

    fn show(&self) -> Option<Value> {
        let sections = self.0.iter().map(|section| {
            let mut table = toml::Table::new();
            table.insert("kind".to_owned(), Value::from(section.kind.as_str()));
            for (key, value) in &section.settings {
                if let Some(value) = show_value(key, value) {
                    table.insert(key.clone(), value);
                }
            }
            (section.id.clone(), Value::Table(table))
        });
        Some(Value::Table(sections.collect()))
    }

    fn note(&self, key: &str, values: &mut super::effect::Values) {
        for section in &self.0 {
            let settings = Json::Object(section.settings.clone());
            values.insert(format!("{key}.{}", section.id), format!("{} {settings}", section.kind));
        }
    }
}

/// Ghosts are called `@_rialto_<id>_...`, so an id is made of what a user id is made of, and no two may be mistaken for each other.
fn wrong_id(id: &str, others: &[NetworkSection]) -> Option<String> {
    let fits =
        id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_'));
    if !fits || !id.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Some(
            "a network's name is made of the letters a-z, digits, `-`, `.` and `_`".to_owned(),
        );
    }
    let covers =
        |one: &str, other: &str| other.strip_prefix(one).is_some_and(|rest| rest.starts_with('_'));
    let other = others.iter().find(|other| covers(&other.id, id) || covers(id, &other.id))?;
    Some(format!("next to `{}` this name would mix up ghosts; choose one without `_`", other.id))
}

fn read_section(id: String, node: Node<'_>, reading: &mut Reading<'_>) -> Option<NetworkSection> {
    let (path, line) = (node.path.clone(), node.line);
    let mut table = node.table(reading)?;
    let Some(kind) = table.take_node("kind", reading) else {
        reading.fault(&path, Some(line), "`kind` is missing; it says which network this is");
        return None;
    };
    let mut lines = BTreeMap::from([(String::new(), line), ("kind".to_owned(), kind.line)]);
    let kind = String::read(kind, reading)?;
    let mut settings = Map::new();
    for (key, node) in table.take_all(reading) {
        lines.insert(key.clone(), node.line);
        let secret = key.strip_suffix("_file").filter(|name| is_secret(name));
        if let Some(name) = secret {
            let (path, line) = (node.path.clone(), node.line);
            let Some(text) = reading.read_secret_file(node) else { continue };
            if settings.insert(name.to_owned(), Json::from(text)).is_some() {
                let problem = format!("give `{name}` or `{key}`, not both");
                reading.fault(&path, Some(line), problem);
            }
            lines.insert(name.to_owned(), line);
            continue;
        }
        let (path, line) = (node.path.clone(), node.line);
        if key.ends_with("_file") && node.value.get_ref().is_str() {
            if let Some(file) = PathBuf::read(node, reading) {
                settings.insert(key, Json::from(file.display().to_string()));
            }
            continue;
        }
        match Json::deserialize(ValueDeserializer::from(node.value)) {
            Ok(value) if settings.contains_key(&key) => {
                drop(value);
                reading.fault(&path, Some(line), format!("give `{key}` or `{key}_file`, not both"));
            }
            Ok(value) => {
                settings.insert(key, value);
            }
            Err(_) => reading.fault(&path, Some(line), "this value cannot be read"),
        }
    }
    Some(NetworkSection { id, kind, settings, lines })
}

/// Whether a key's name says that its value is a secret.
fn is_secret(key: &str) -> bool {
    const WORDS: [&str; 6] =
        ["password", "passphrase", "secret", "token", "private_key", "api_hash"];
    WORDS.iter().any(|word| key.contains(word))
}

/// Shows a value with every secret in it masked.
fn show_value(key: &str, value: &Json) -> Option<Value> {
    if is_secret(key) {
        return Some(Value::from(MASK));
    }
    Some(match value {
        Json::Null => return None,
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::from(integer),
            None => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => {
            Value::Array(items.iter().filter_map(|item| show_value(key, item)).collect())
        }
        Json::Object(map) => Value::Table(
            map.iter()
                .filter_map(|(key, value)| Some((key.clone(), show_value(key, value)?)))
                .collect(),
        ),
    })
}
