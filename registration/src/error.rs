//! What is wrong with a registration, in words: the file, the line, the key, the fault. No value of a token ever stands in it.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// A registration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationError {
    /// The file, where it came from one.
    pub file: Option<PathBuf>,
    /// The line in it, where known.
    pub line: Option<u64>,
    /// The key in question, as a path: `namespaces.users[0].regex`.
    pub field: Option<String>,
    /// What is wrong and what would be right.
    pub fault: String,
}

impl RegistrationError {
    pub(crate) fn new(fault: impl Into<String>) -> RegistrationError {
        RegistrationError { file: None, line: None, field: None, fault: fault.into() }
    }

    pub(crate) fn field(field: impl Into<String>, fault: impl Into<String>) -> RegistrationError {
        RegistrationError { field: Some(field.into()), ..RegistrationError::new(fault) }
    }

    pub(crate) fn unreadable(error: &io::Error) -> RegistrationError {
        RegistrationError::new(match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
            io::ErrorKind::InvalidData => "it is no text (UTF-8)".to_owned(),
            _ => format!("it cannot be read: {error}"),
        })
    }

    pub(crate) fn in_file(mut self, file: &Path) -> RegistrationError {
        self.file = Some(file.to_owned());
        self
    }

    /// Looks for the line where the field's key stands: the first for a single key, the n-th `regex` of its list for a namespace.
    pub(crate) fn find_line(mut self, text: &str) -> RegistrationError {
        if let (None, Some(field)) = (self.line, &self.field) {
            self.line = line_of(text, field);
        }
        self
    }
}

/// Walks down a path like `namespaces.users[1].regex`, each part searched after the one before it.
fn line_of(text: &str, field: &str) -> Option<u64> {
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    // An index belongs to the list, but it is the key behind it that is counted.
    let mut skip = 0;
    for part in field.split('.') {
        let (key, index) = match part.split_once('[') {
            Some((key, index)) => (key, index.trim_end_matches(']').parse().unwrap_or(0)),
            None => (part, 0),
        };
        at += lines
            .get(at..)?
            .iter()
            .enumerate()
            .filter(|(_, line)| has_key(line, key))
            .nth(skip)
            .map(|(offset, _)| offset)?;
        skip = index;
    }
    u64::try_from(at + 1).ok()
}

fn has_key(line: &str, key: &str) -> bool {
    line.split(['{', ',']).any(|piece| {
        let piece = piece.trim_start_matches([' ', '-', '\t']).trim_start_matches(['"', '\'']);
        let rest = piece.strip_prefix(key).map(|rest| rest.trim_start_matches(['"', '\'', ' ']));
        rest.is_some_and(|rest| rest.starts_with(':'))
    })
}

impl fmt::Display for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("registration")?;
        if let Some(file) = &self.file {
            write!(f, " {}", file.display())?;
        }
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ", key `{field}`")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl std::error::Error for RegistrationError {}
