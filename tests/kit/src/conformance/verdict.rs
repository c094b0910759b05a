//! What a check has shown, and where that is written down: the feature table in `docs/` is made of it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::list::{Check, catalogue};

/// Names the folder the results are written to; without it none are.
pub const RESULTS: &str = "RIALTO_CONFORMANCE_RESULTS";

/// What a check has shown. A check that fails has shown nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A promise is kept.
    Kept,
    /// It is carried as what it is.
    Carried,
    /// It is carried as readable text, and the sender is told.
    AsText,
    /// It stays where it was, and whoever did it is told.
    Refused,
    /// It is left out where nobody misses it.
    LeftOut,
    /// The network knows no such thing, or the harness cannot make it happen; says what.
    NotOffered(&'static str),
}

impl Shown {
    /// Returns its name in results and table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Carried => "carried",
            Self::AsText => "as text",
            Self::Refused => "refused",
            Self::LeftOut => "left out",
            Self::NotOffered(_) => "not offered",
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered(what) => write!(f, "not offered: {what}"),
            other => f.write_str(other.name()),
        }
    }
}

/// Writes down what a check of a package has shown, where somebody wants to know: a file
/// `NUMBER.GROUP.CHECK` with the words, in a folder of the package's name (and the server's).
pub(super) fn record(package: &str, variant: &str, check: &Check, shown: Shown) {
    let Some(folder) = std::env::var_os(RESULTS) else { return };
    let column = match variant {
        "" => package.to_owned(),
        variant => format!("{package} on {variant}"),
    };
    let folder: PathBuf = Path::new(&folder).join(column);
    let place = catalogue().iter().position(|known| known.name == check.name).unwrap_or_default();
    let name = format!("{place:03}.{}.{}", check.group, check.name);
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join(name), format!("{shown}\n")));
    written.unwrap_or_else(|error| panic!("the result cannot be written to {RESULTS}: {error}"));
}
