//! Places for tests. They are gone when the test is over.

use support_clock::{OsRandom, Random as _, SystemClock};
use tempfile::TempDir;

use crate::{Db, Location, Migration, OpenOptions};

/// A fresh place for one test; keep it until the test is over.
#[derive(Debug)]
pub struct TestPlace {
    /// "sqlite" or "postgres", for messages.
    pub name: &'static str,
    /// Where it is.
    pub location: Location,
    /// The folder of a SQLite file, removed with this value.
    folder: Option<TempDir>,
    /// The server and schema of a PostgreSQL place, removed with this value.
    schema: Option<(String, String)>,
}

impl TestPlace {
    /// Opens the place as a holder called "test".
    ///
    /// # Panics
    /// If that does not work.
    pub async fn open(&self, migrations: &'static [Migration]) -> Db {
        match Db::open(self.location.clone(), migrations, options("test")).await {
            Ok(db) => db,
            Err(error) => panic!("the {} test database does not open: {error}", self.name),
        }
    }

    /// Returns the URL and the schema of a PostgreSQL place, for another process to open.
    ///
    /// # Panics
    /// On SQLite.
    #[must_use]
    pub fn server(&self) -> (&str, &str) {
        let (url, schema) = self.schema.as_ref().expect("only PostgreSQL has a server");
        (url, schema)
    }

    /// Returns the SQLite file.
    ///
    /// # Panics
    /// On PostgreSQL.
    #[must_use]
    pub fn file(&self) -> std::path::PathBuf {
        self.folder.as_ref().expect("only SQLite has a file").path().join("test.db")
    }
}

impl Drop for TestPlace {
    fn drop(&mut self) {
        let Some((url, schema)) = self.schema.take() else { return };
        // A runtime of its own: a destructor cannot wait on the test's.
        let drop_schema = move || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                use sqlx::{AssertSqlSafe, Connection as _};
                let mut connection = sqlx::PgConnection::connect(&url).await?;
                // A statement of a straggler must not hold up the next test.
                let script = format!(
                    "SET lock_timeout TO 2000; SET client_min_messages TO warning; DROP SCHEMA IF EXISTS \"{schema}\" CASCADE"
                );
                sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut connection).await?;
                Ok(())
            })
        };
        // What stays behind is one unused schema on a test server.
        std::thread::spawn(drop_schema).join().ok();
    }
}

/// Returns a fresh place on every database that tests can reach.
///
/// # Panics
/// If `RIALTO_TEST_REQUIRE_ALL=1` and there is no PostgreSQL.
#[must_use]
pub fn test_locations() -> Vec<TestPlace> {
    let mut places = vec![sqlite_place()];
    if let Some(url) = postgres_url() {
        places.push(postgres_place(url));
    }
    places
}

/// Returns a fresh SQLite file.
///
/// # Panics
/// If the temporary folder cannot be made.
#[must_use]
pub fn sqlite_place() -> TestPlace {
    let folder = TempDir::new().expect("the temporary folder is writable");
    let location = Location::sqlite(folder.path().join("test.db"));
    TestPlace { name: "sqlite", location, folder: Some(folder), schema: None }
}

/// Returns a fresh schema on a PostgreSQL server.
#[must_use]
pub fn postgres_place(url: String) -> TestPlace {
    let schema = format!("test_{}", OsRandom.hex(8));
    let location = Location::postgres(&url, &schema);
    TestPlace { name: "postgres", location, folder: None, schema: Some((url, schema)) }
}

/// Returns the URL of the PostgreSQL server for tests, or says that there is none.
///
/// # Panics
/// If `RIALTO_TEST_REQUIRE_ALL=1` and there is none.
#[must_use]
#[expect(clippy::print_stderr, reason = "a test that did not run on PostgreSQL has to say so")]
pub fn postgres_url() -> Option<String> {
    if let Ok(url) = std::env::var("RIALTO_TEST_POSTGRES") {
        return Some(url);
    }
    let all = std::env::var("RIALTO_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(!all, "RIALTO_TEST_POSTGRES is not set, but every database is required");
    eprintln!("not run on PostgreSQL: RIALTO_TEST_POSTGRES is not set");
    None
}

/// Returns options for tests: the system's clock and randomness.
#[must_use]
pub fn options(holder: &str) -> OpenOptions {
    OpenOptions::new(holder, SystemClock::shared(), std::sync::Arc::new(OsRandom))
}
