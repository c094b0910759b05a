//! Where a database is.

use std::{fmt, path::PathBuf};

/// Where a database is: a file, or a schema on a PostgreSQL server. Printing it shows no password.
#[derive(Clone)]
pub struct Location(pub(crate) Place);

#[derive(Clone)]
pub(crate) enum Place {
    Sqlite { path: PathBuf },
    Postgres { url: String, schema: String },
}

impl Location {
    /// A SQLite file, created if it is missing; its folder has to be there.
    #[must_use]
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Place::Sqlite { path: path.into() })
    }

    /// A schema in the database that a `postgres://` URL names, created if it is missing.
    /// The URL has to lead to the server itself: the lease lives in the session, and a pooler that
    /// hands sessions from hand to hand would hand the lease along.
    #[must_use]
    pub fn postgres(url: impl Into<String>, schema: impl Into<String>) -> Self {
        Self(Place::Postgres { url: url.into(), schema: schema.into() })
    }

    /// Returns whether this is a SQLite file.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        matches!(self.0, Place::Sqlite { .. })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Sqlite { path } => write!(out, "{}", path.display()),
            Place::Postgres { url, schema } => match url::Url::parse(url) {
                Ok(url) => {
                    let host = url.host_str().unwrap_or("localhost");
                    let port = url.port().unwrap_or(5432);
                    write!(out, "PostgreSQL {host}:{port}{}, schema {schema}", url.path())
                }
                Err(_) => write!(out, "PostgreSQL, schema {schema}"),
            },
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Location({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_prints_without_its_password() {
        let location = Location::postgres("postgres://rialto:s3cret@db.lan:5433/chat", "bridges");
        let printed = format!("{location} {location:?}");
        assert!(printed.contains("db.lan:5433/chat, schema bridges"), "{printed}");
        assert!(!printed.contains("s3cret"), "{printed}");
        assert!(!format!("{:?}", Location::postgres("s3cret", "x")).contains("s3cret"));
    }
}
