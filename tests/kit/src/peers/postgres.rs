//! PostgreSQL for a test: either a cluster of its own, which can be killed and started again, or a fresh database of the
//! cluster that `RIALTO_TEST_POSTGRES` names, which is quicker.

use anyhow::{Context, Result};
use tempfile::TempDir;
use test_daemons::postgres::Postgres;

/// A cluster of one's own in a folder of its own.
#[derive(Debug)]
pub struct PostgresServer {
    postgres: Postgres,
    #[expect(dead_code, reason = "held for what its drop does, after the server's")]
    folder: TempDir,
}

impl PostgresServer {
    /// Makes a cluster and starts it.
    pub fn start() -> Result<PostgresServer> {
        let folder = TempDir::with_prefix("rialto-postgres-").context("no temporary folder")?;
        let postgres = Postgres::start_in(folder.path())?;
        Ok(PostgresServer { postgres, folder })
    }

    /// Returns the URL of its database, for the superuser.
    pub fn url(&self) -> String {
        self.postgres.url()
    }

    /// Makes a database and returns its URL.
    pub fn create_database(&self, name: &str) -> Result<String> {
        self.postgres.create_database(name)
    }

    /// Runs SQL; one line a row, columns apart by `|`.
    pub fn query(&self, database: &str, sql: &str) -> Result<String> {
        self.postgres.query(database, sql)
    }

    /// Drops everything at once, as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        self.postgres.kill()
    }

    /// Starts a killed server again on its data and port.
    pub fn resume(&mut self) -> Result<()> {
        self.postgres.start()
    }
}
