//! Opening a schema: let in, schema there, lease ours, tables up to date.

use std::{str::FromStr as _, time::Duration};

use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;

use super::{PostgresReaders, PostgresWriter, translate};
use crate::{
    DbError, Location, Migration, OpenError, OpenOptions,
    connection::Connection,
    migration::{self, Failure},
    params,
};

/// `ON CONFLICT`, `GENERATED` columns, savepoints: all older; but this is the oldest that is tried.
const OLDEST_VERSION: i64 = 12_00_00;

const VERSION: &str = "SELECT CAST(current_setting('server_version_num') AS BIGINT) AS version";
const HAS_SCHEMA: &str = "SELECT COUNT(*) AS count FROM pg_namespace WHERE nspname = $1";
const WHO: &str = "SELECT owner FROM support_lease WHERE id = 1";
const HAS_LEASE: &str = "SELECT to_regclass('support_lease') IS NOT NULL AS there";

/// Opens the writer's connection and prepares the readers'.
pub(crate) async fn open(
    url: &str,
    schema: &str,
    migrations: &'static [Migration],
    options: &OpenOptions,
) -> Result<(Connection, PostgresReaders), OpenError> {
    let place = Location::postgres(url, schema).to_string();
    check_schema_name(schema, &place)?;
    let unusable = |why: String| OpenError::Unusable { place: place.clone(), why };
    let server = PgConnectOptions::from_str(url).map_err(|_| {
        // The parser's words may quote the URL, and the URL holds the password.
        unusable("the database URL cannot be read. It looks like postgres://user:password@host:5432/database".to_owned())
    })?;
    let server = server.application_name("rialto").statement_cache_capacity(1024);

    let mut writer = PostgresWriter::new(server.clone(), schema.to_owned());
    writer.connect().await.map_err(|error| refused(&error, &place))?;
    let words = Words { place: &place, server: &server, schema };
    let version = first_integer(&mut writer, VERSION).await.map_err(|error| words.of(error))?;
    if version < OLDEST_VERSION {
        return Err(unusable("the server is older than PostgreSQL 12. Upgrade it".to_owned()));
    }
    make_schema(&mut writer, schema).await.map_err(|error| words.of(error))?;
    take_lease(&mut writer, &place, options.wait).await.map_err(|failure| words.of_any(failure))?;

    let mut connection = Connection::Postgres(writer);
    let now_ms = options.clock.now_ms();
    migration::migrate(&mut connection, migrations, &place, now_ms)
        .await
        .map_err(|failure| words.of_any(failure))?;
    let random = options.random.clone();
    let readers = PostgresReaders::new(server.clone(), schema, options.readers, random);
    Ok((connection, readers))
}

fn check_schema_name(schema: &str, place: &str) -> Result<(), OpenError> {
    let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    if !schema.is_empty() && schema.len() <= 63 && schema.chars().all(plain) {
        return Ok(());
    }
    let why = "a schema's name is made of lower-case letters, digits and _, 63 at most".to_owned();
    Err(OpenError::Unusable { place: place.to_owned(), why })
}

/// Makes the schema if it is missing. Asked first, because making one needs a right that the user
/// of an existing schema need not have.
async fn make_schema(writer: &mut PostgresWriter, schema: &str) -> Result<(), DbError> {
    let there = writer.query(HAS_SCHEMA, &params![schema].0).await?;
    if there.rows.first().map_or(Ok(0), |row| row.get::<i64>("count"))? == 0 {
        writer.make_schema().await?;
    }
    Ok(())
}

/// Takes the lock. A process that was just killed may hold it for a moment, so this waits a little.
async fn take_lease(
    writer: &mut PostgresWriter,
    place: &str,
    wait: Duration,
) -> Result<(), Failure> {
    let until = Instant::now() + wait;
    while !writer.lock().await? {
        if Instant::now() >= until {
            let mut holder = "another process".to_owned();
            let there = writer.query(HAS_LEASE, &[]).await?;
            if there.rows.first().map_or(Ok(false), |row| row.get("there"))? {
                let owner = writer.query(WHO, &[]).await?;
                if let Some(row) = owner.rows.first() {
                    holder = row.get("owner")?;
                }
            }
            return Err(Failure::Known(OpenError::Held { place: place.to_owned(), holder }));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn first_integer(writer: &mut PostgresWriter, sql: &'static str) -> Result<i64, DbError> {
    let answer = writer.query(sql, &[]).await?;
    answer.rows.first().ok_or(DbError::NoRow)?.get("version")
}

/// Finds the words for an error while opening.
struct Words<'a> {
    place: &'a str,
    server: &'a PgConnectOptions,
    schema: &'a str,
}

impl Words<'_> {
    fn of_any(&self, failure: Failure) -> OpenError {
        match failure {
            Failure::Known(error) => error,
            Failure::Database(error) => self.of(error),
        }
    }

    fn of(&self, error: DbError) -> OpenError {
        let place = self.place.to_owned();
        match error {
            DbError::Full => OpenError::DiskFull { place },
            DbError::Lost(why) => OpenError::Unreachable { place, why },
            DbError::Denied(why) => {
                let user = self.server.get_username().to_owned();
                let database =
                    self.server.get_database().map_or_else(|| user.clone(), str::to_owned);
                let schema = self.schema.to_owned();
                OpenError::NoRight { place, why, database, user, schema }
            }
            other => OpenError::Other { place, why: other.to_string() },
        }
    }
}

/// Says why the server did not let us in.
fn refused(error: &sqlx::Error, place: &str) -> OpenError {
    let place = place.to_owned();
    if let sqlx::Error::Database(answer) = error {
        let code = answer.code().unwrap_or_default();
        // 28: who are you; 3D: no such database; 42501: may not connect to it.
        if code.starts_with("28") || code.starts_with("3D") || code == "42501" {
            return OpenError::Refused { place, why: answer.message().to_owned() };
        }
    }
    let why = match translate(error, "connect") {
        DbError::Lost(why) => why,
        other => other.to_string(),
    };
    OpenError::Unreachable { place, why }
}
