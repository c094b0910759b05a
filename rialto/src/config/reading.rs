//! Reading TOML so that every fault names its key and line.
//!
//! Each key is taken out of its table and read by itself ([`super::Setting`]); what is left over at the end is unknown, and the nearest
//! valid key is named. All faults of a file are collected, so that a person mends them in one go. Values never appear in a fault,
//! because one of them may be a secret.

use super::{Fault, Setting, sections::EVERY_KEY};
use std::path::{Path, PathBuf};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A file being read.
#[derive(Debug)]
pub(crate) struct Reading<'t> {
    text: &'t str,
    /// The folder relative paths are meant from.
    base: PathBuf,
    faults: Vec<Fault>,
}

impl<'t> Reading<'t> {
    pub(crate) fn new(text: &'t str, base: PathBuf) -> Reading<'t> {
        Reading { text, base, faults: Vec::new() }
    }

    pub(crate) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// Parses the text; a syntax error becomes a fault.
    pub(crate) fn parse(&mut self) -> Option<Table<'t>> {
        match DeTable::parse(self.text) {
            Ok(table) => Some(Table { path: String::new(), keys: table.into_inner() }),
            Err(error) => {
                let line = error.span().map(|span| self.line_at(span.start));
                // The parser's own print would quote the line, and the line may hold a secret.
                self.faults.push(Fault::new(
                    "",
                    line,
                    format!("this is no TOML: {}", error.message()),
                ));
                None
            }
        }
    }

    pub(crate) fn fault(&mut self, key: &str, line: Option<usize>, problem: impl Into<String>) {
        self.faults.push(Fault::new(key, line, problem));
    }

    pub(crate) fn line_at(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Resolves a path against the configuration file's folder.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// Reads the secret that `KEY_file` names; one newline at its end is not part of it.
    pub(crate) fn read_secret_file(&mut self, node: Node<'_>) -> Option<String> {
        let (key, line) = (node.path.clone(), node.line);
        let file = PathBuf::read(node, self)?;
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Some(text.strip_suffix('\r').unwrap_or(text).to_owned())
            }
            Err(error) => {
                let problem = format!("{} cannot be read: {error}", file.display());
                self.fault(&key, Some(line), problem);
                None
            }
        }
    }
}

/// One value with its place.
#[derive(Debug)]
pub(crate) struct Node<'i> {
    /// The dotted path of the key.
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) value: Spanned<DeValue<'i>>,
}

impl<'i> Node<'i> {
    /// Notes that the value is of the wrong type.
    pub(crate) fn expected(&self, expected: &str, reading: &mut Reading<'_>) {
        let found = match self.value.get_ref().type_str() {
            "boolean" => "true or false",
            "string" => "a text",
            "integer" | "float" => "a number",
            "array" => "a list",
            "table" => "a table",
            other => other,
        };
        self.fault(format!("expected {expected}, found {found}"), reading);
    }

    pub(crate) fn fault(&self, problem: impl Into<String>, reading: &mut Reading<'_>) {
        reading.fault(&self.path, Some(self.line), problem);
    }

    /// Returns the text, or notes that it is none.
    pub(crate) fn text(&self, expected: &str, reading: &mut Reading<'_>) -> Option<String> {
        let text = self.value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            self.expected(expected, reading);
        }
        text
    }

    /// Returns the table, or notes that it is none.
    pub(crate) fn table(self, reading: &mut Reading<'_>) -> Option<Table<'i>> {
        if !self.value.get_ref().is_table() {
            self.expected("a table", reading);
            return None;
        }
        match self.value.into_inner() {
            DeValue::Table(keys) => Some(Table { path: self.path, keys }),
            _ => None,
        }
    }
}

/// A table whose keys are taken out one by one.
#[derive(Debug)]
pub(crate) struct Table<'i> {
    path: String,
    keys: DeTable<'i>,
}

impl<'i> Table<'i> {
    /// Takes a key out.
    pub(crate) fn take_node(&mut self, name: &str, reading: &Reading<'_>) -> Option<Node<'i>> {
        let (key, value) = self.keys.remove_entry(name)?;
        Some(self.node(&key, value, reading))
    }

    /// Takes all keys out, in the order of the file.
    pub(crate) fn take_all(&mut self, reading: &Reading<'_>) -> Vec<(String, Node<'i>)> {
        let mut keys: Vec<_> = std::mem::take(&mut self.keys).into_iter().collect();
        keys.sort_by_key(|(key, _)| key.span().start);
        keys.into_iter()
            .map(|(key, value)| {
                let node = self.node(&key, value, reading);
                (key.into_inner().into_owned(), node)
            })
            .collect()
    }

    /// Takes and reads a key. `None`: it is absent or faulty.
    pub(crate) fn take<T: Setting>(
        &mut self,
        name: &str,
        is_secret: bool,
        reading: &mut Reading<'_>,
    ) -> Option<T> {
        let own = self.take_node(name, reading);
        let file = if is_secret { self.take_node(&format!("{name}_file"), reading) } else { None };
        match (own, file) {
            (Some(_), Some(file)) => {
                file.fault(format!("give `{name}` or `{name}_file`, not both"), reading);
                None
            }
            (Some(node), None) => T::read(node, reading),
            (None, Some(file)) => {
                let (path, line) = (file.path.clone(), file.line);
                let span = file.value.span();
                let text = reading.read_secret_file(file)?;
                let value = Spanned::new(span, DeValue::String(text.into()));
                T::read(Node { path, line, value }, reading)
            }
            (None, None) => None,
        }
    }

    /// Notes every key that nobody took.
    pub(crate) fn refuse_rest(mut self, known: &[String], reading: &mut Reading<'_>) {
        for (name, node) in self.take_all(reading) {
            let nearest = suggestion(&self.path, &name, known);
            node.fault(format!("there is no such key; did you mean `{nearest}`?"), reading);
        }
    }

    fn node(
        &self,
        key: &Spanned<toml::de::DeString<'i>>,
        value: Spanned<DeValue<'i>>,
        reading: &Reading<'_>,
    ) -> Node<'i> {
        let name = key.get_ref();
        let path =
            if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) };
        Node { path, line: reading.line_at(key.span().start), value }
    }
}

/// Finds what was probably meant: the same key of another section, else the most similar one of this.
fn suggestion(section: &str, name: &str, known: &[String]) -> String {
    let elsewhere = EVERY_KEY
        .iter()
        .find(|(other, keys)| *other != section && keys.iter().any(|key| key.name == name));
    if let Some((other, _)) = elsewhere {
        return if other.is_empty() {
            format!("{name} (at the top)")
        } else {
            format!("{other}.{name}")
        };
    }
    nearest(name, known).unwrap_or_default().to_owned()
}

/// Returns the most similar of some words.
pub(crate) fn nearest<'w>(word: &str, known: &'w [String]) -> Option<&'w str> {
    known
        .iter()
        .max_by(|one, other| {
            let likeness = |known: &str| strsim::normalized_damerau_levenshtein(word, known);
            likeness(one).total_cmp(&likeness(other))
        })
        .map(String::as_str)
}
