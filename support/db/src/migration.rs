//! The schema and how it grows. Each owner crate hands in its migrations; the tables this crate
//! needs for itself (`support_*`) are made first.

use crate::{DbError, OpenError, connection::Connection, params};

/// One step of the schema, in both dialects. [`migrations!`](crate::migrations) reads them from
/// files.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its place in the order, from 1.
    pub number: i64,
    /// Its name, for people.
    pub name: &'static str,
    /// What SQLite runs.
    pub sqlite: &'static str,
    /// What PostgreSQL runs.
    pub postgres: &'static str,
}

/// Reads migrations from the calling crate's `migrations/{sqlite,postgres}/NAME.sql`:
/// `migrations![1 => "0001_accounts", 2 => "0002_rooms"]`, a `&'static [Migration]`.
#[macro_export]
macro_rules! migrations {
    ($($number:literal => $name:literal),* $(,)?) => {
        &[$($crate::Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(
                concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite/", $name, ".sql")
            ),
            postgres: include_str!(
                concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres/", $name, ".sql")
            ),
        }),*]
    };
}

/// `support_lease`: who writes. `support_position`: the highest position each stream has given
/// out. `support_migration`: what the schema has been through.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS support_lease (
        id BIGINT PRIMARY KEY, owner TEXT NOT NULL, epoch BIGINT NOT NULL, batch TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS support_position (
        stream TEXT PRIMARY KEY, position BIGINT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS support_migration (
        number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_ms BIGINT NOT NULL
    );
    INSERT INTO support_lease (id, owner, epoch, batch) VALUES (1, '', 0, '')
        ON CONFLICT (id) DO NOTHING;
";

/// SQLite's `json_each` for PostgreSQL, as far as lists go. PostgreSQL's own function of that name
/// takes JSON, so a text argument finds this one.
const POSTGRES_LIST: &str = "
    CREATE OR REPLACE FUNCTION json_each(list TEXT) RETURNS TABLE (key BIGINT, value TEXT)
    LANGUAGE SQL IMMUTABLE STRICT
    AS $$ SELECT place - 1, item FROM json_array_elements_text(list::JSON) WITH ORDINALITY AS items (item, place) $$
";

const APPLIED: &str = "SELECT number, name FROM support_migration ORDER BY number";
const APPLY: &str = "INSERT INTO support_migration (number, name, applied_ms) VALUES ($1, $2, $3)";
const SQLITE_TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table'";

/// Why the schema could not be brought up to date.
pub(crate) enum Failure {
    Known(OpenError),
    Database(DbError),
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

/// Brings the schema up to date.
pub(crate) async fn migrate(
    connection: &mut Connection,
    migrations: &'static [Migration],
    place: &str,
    now_ms: i64,
) -> Result<(), Failure> {
    refuse_foreign_file(connection, place).await?;
    connection.script("BEGIN").await?;
    connection.script(TABLES).await?;
    if matches!(connection, Connection::Postgres(_)) {
        connection.script(POSTGRES_LIST).await?;
    }
    connection.script("COMMIT").await?;

    let applied = connection.query(APPLIED, &[]).await?.rows;
    let known = migrations.last().map_or(0, |migration| migration.number);
    if let Some(newest) = applied.last() {
        let found = newest.get("number")?;
        if found > known {
            let place = place.to_owned();
            return Err(Failure::Known(OpenError::Newer { place, found, known }));
        }
    }
    for row in &applied {
        let (number, name) = (row.get::<i64>("number")?, row.get::<&str>("name")?);
        if !migrations.iter().any(|known| known.number == number && known.name == name) {
            let why = format!("its schema went through a step {number} named {name}");
            return Err(Failure::Known(OpenError::Foreign { place: place.to_owned(), why }));
        }
    }
    let newest = applied.last().map_or(Ok(0), |row| row.get::<i64>("number"))?;
    for migration in migrations.iter().filter(|migration| migration.number > newest) {
        apply(connection, migration, now_ms).await.map_err(|error| match error {
            DbError::Statement { .. } | DbError::Constraint { .. } => {
                Failure::Known(OpenError::Migration {
                    place: place.to_owned(),
                    number: migration.number,
                    name: migration.name.to_owned(),
                    why: error.to_string(),
                })
            }
            other => Failure::Database(other),
        })?;
        tracing::info!(number = migration.number, name = migration.name, "migrated the database");
    }
    Ok(())
}

async fn apply(
    connection: &mut Connection,
    migration: &Migration,
    now_ms: i64,
) -> Result<(), DbError> {
    let script = match connection {
        Connection::Sqlite { .. } => migration.sqlite,
        Connection::Postgres(_) => migration.postgres,
    };
    connection.script("BEGIN").await?;
    let mut result = connection.script(script).await;
    if result.is_ok() {
        let params = params![migration.number, migration.name, now_ms];
        result = connection.query(APPLY, &params.0).await.map(drop);
    }
    if result.is_ok() {
        result = connection.script("COMMIT").await;
    }
    if result.is_err() {
        // The first error is the one that counts; without a commit nothing stays anyway.
        connection.rollback().await.ok();
    }
    result
}

/// A SQLite file with tables but without ours belongs to somebody else. (A PostgreSQL schema may
/// be shared by choice of the administrator; the names decide there.)
async fn refuse_foreign_file(connection: &mut Connection, place: &str) -> Result<(), Failure> {
    if !matches!(connection, Connection::Sqlite { .. }) {
        return Ok(());
    }
    let tables = connection.query(SQLITE_TABLES, &[]).await?.rows;
    let names = tables.iter().map(|row| row.get::<&str>("name")).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() || names.contains(&"support_lease") {
        return Ok(());
    }
    let why = format!("it has a table named {}", names[0]);
    Err(Failure::Known(OpenError::Foreign { place: place.to_owned(), why }))
}
