//! Where a house keeps its data: a temporary folder, and files in it or schemas on PostgreSQL.

use std::path::Path;

use support_clock::{OsRandom, Random as _};
use support_db::Location;
use tempfile::TempDir;

/// A house's data. Gone when dropped; a restart or crash of the house keeps it.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
    /// URL and the beginning of the schemas' names.
    postgres: Option<(String, String)>,
}

impl Place {
    /// Two SQLite files in a folder of their own.
    ///
    /// # Panics
    /// If the temporary folder cannot be made.
    pub fn sqlite() -> Self {
        let folder = TempDir::new().expect("the temporary folder is writable");
        Self { folder, postgres: None }
    }

    /// Two fresh schemas on a PostgreSQL server.
    ///
    /// # Panics
    /// If the temporary folder cannot be made.
    pub fn postgres(url: impl Into<String>) -> Self {
        let schemas = format!("house_{}", OsRandom.hex(8));
        Self { postgres: Some((url.into(), schemas)), ..Self::sqlite() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn database(&self, name: &str) -> Location {
        match &self.postgres {
            None => Location::sqlite(self.folder.path().join(format!("{name}.db"))),
            Some((url, schemas)) => Location::postgres(url, format!("{schemas}_{name}")),
        }
    }
}
