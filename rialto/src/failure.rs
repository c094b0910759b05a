//! Why a verb did not do what it should: what, why and what to do, in one line, and the exit code that belongs to it.

use crate::config::{ConfigError, Fault};
use registration::RegistrationError;
use serde::{Deserialize, Serialize};
use std::{fmt, io, path::Path};

/// Which of the two ways of failing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// It failed: exit code 1.
    Failed,
    /// Wrong usage or configuration: exit code 2.
    Usage,
}

/// A failure in words. Its print begins with one line that says everything; `more` follows below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which exit code.
    pub kind: FailureKind,
    /// What did not happen.
    pub what: String,
    /// Why.
    pub why: String,
    /// What the reader can do.
    pub todo: String,
    /// Further lines: the other mistakes of a configuration.
    pub more: Vec<String>,
}

impl Failure {
    /// Says that something failed.
    pub fn new(
        what: impl Into<String>,
        why: impl Into<String>,
        todo: impl Into<String>,
    ) -> Failure {
        Failure {
            kind: FailureKind::Failed,
            what: what.into(),
            why: why.into(),
            todo: todo.into(),
            more: Vec::new(),
        }
    }

    /// Says that usage or configuration is wrong.
    pub fn usage(
        what: impl Into<String>,
        why: impl Into<String>,
        todo: impl Into<String>,
    ) -> Failure {
        Failure { kind: FailureKind::Usage, ..Failure::new(what, why, todo) }
    }

    /// Says that a file or folder could not be used.
    pub fn file(what: impl Into<String>, path: &Path, error: &io::Error) -> Failure {
        let path = path.display();
        let (why, todo) = match error.kind() {
            io::ErrorKind::PermissionDenied => (
                format!("this user may not write {path}"),
                "Give it to the user Rialto runs as, or set another data_dir".to_owned(),
            ),
            io::ErrorKind::ReadOnlyFilesystem => {
                (format!("{path} is on a read-only file system"), "Set another data_dir".to_owned())
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (
                format!("the disk of {path} is full"),
                "Free some space and start again; nothing accepted is lost".to_owned(),
            ),
            io::ErrorKind::NotFound => {
                (format!("{path} is not there"), "Check the path".to_owned())
            }
            _ => (format!("{path}: {error}"), "Check the path and the disk".to_owned()),
        };
        Failure::new(what, why, todo)
    }

    /// Returns the exit code.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            FailureKind::Failed => 1,
            FailureKind::Usage => 2,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |text: &str| if text.ends_with(['.', '!', '?']) { "" } else { "." };
        write!(f, "{}: {}{}", self.what, self.why, end(&self.why))?;
        if !self.todo.is_empty() {
            write!(f, " {}{}", self.todo, end(&self.todo))?;
        }
        for line in &self.more {
            write!(f, "\n{line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        let lines = error.to_string();
        let mut lines = lines.lines().map(str::to_owned);
        let first = lines.next().unwrap_or_default();
        let mut failure =
            Failure::usage("wrong configuration", first, "`rialto config example` shows every key");
        failure.more = lines.collect();
        failure
    }
}

/// A mistake that was found after the file had been read.
pub(crate) fn config_failure(file: Option<&Path>, faults: Vec<Fault>) -> Failure {
    Failure::from(ConfigError { file: file.map(Path::to_owned), faults })
}

impl From<RegistrationError> for Failure {
    fn from(error: RegistrationError) -> Failure {
        Failure::new("wrong registration", error.to_string(), "Mend the file and try again")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_line_says_what_why_and_what_to_do() {
        let mut failure = Failure::new("cannot start", "the port is taken", "Choose another");
        failure.more.push("and more".to_owned());
        assert_eq!(
            failure.to_string(),
            "cannot start: the port is taken. Choose another.\nand more"
        );
        assert_eq!(failure.exit_code(), 1);
    }
}
