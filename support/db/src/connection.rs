//! The writer's connection, whichever database it leads to.

use crate::{
    DbError, Row,
    postgres::PostgresWriter,
    sqlite::{FileLock, SqliteConnection},
    value::Value,
};

/// What a statement brought.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
    pub(crate) affected: u64,
}

#[expect(clippy::large_enum_variant, reason = "there is one per database, and it never moves far")]
pub(crate) enum Connection {
    Sqlite { connection: SqliteConnection, lock: FileLock },
    Postgres(PostgresWriter),
}

const SQLITE_OWNER: &str = "SELECT owner, epoch FROM support_lease WHERE id = 1";

impl Connection {
    pub(crate) async fn query(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<Answer, DbError> {
        match self {
            Self::Sqlite { connection, .. } => connection.query(sql, params),
            // Boxed, so that the futures of jobs do not carry the driver's state on SQLite too.
            Self::Postgres(writer) => Box::pin(writer.query(sql, params)).await,
        }
    }

    /// Runs a script without parameters, however long it takes: migrations are scripts.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), DbError> {
        match self {
            Self::Sqlite { connection, .. } => connection.script(sql),
            Self::Postgres(writer) => Box::pin(writer.long_script(sql)).await,
        }
    }

    /// Opens the batch's transaction and the first job's savepoint, after a look at the lease.
    pub(crate) async fn begin(&mut self, epoch: i64, batch: &str) -> Result<(), DbError> {
        match self {
            Self::Sqlite { connection, .. } => {
                connection.query("BEGIN IMMEDIATE", &[])?;
                check_epoch(connection, epoch)?;
                connection.query("SAVEPOINT job", &[])?;
                Ok(())
            }
            Self::Postgres(writer) => Box::pin(writer.begin(epoch, batch)).await,
        }
    }

    /// Keeps what the last job did and opens the next one's savepoint.
    pub(crate) async fn next_savepoint(&mut self) -> Result<(), DbError> {
        match self {
            Self::Sqlite { connection, .. } => {
                connection.query("RELEASE job", &[])?;
                connection.query("SAVEPOINT job", &[])?;
                Ok(())
            }
            Self::Postgres(writer) => {
                Box::pin(writer.script("RELEASE SAVEPOINT job; SAVEPOINT job")).await
            }
        }
    }

    /// Undoes what the job did; its savepoint stays open for the next one.
    pub(crate) async fn undo_job(&mut self) -> Result<(), DbError> {
        match self {
            Self::Sqlite { connection, .. } => {
                connection.query("ROLLBACK TO job", &[])?;
                Ok(())
            }
            Self::Postgres(writer) => Box::pin(writer.script("ROLLBACK TO SAVEPOINT job")).await,
        }
    }

    /// Commits. On an error of the connection nobody knows whether it happened.
    pub(crate) async fn commit(&mut self) -> Result<(), DbError> {
        match self {
            Self::Sqlite { connection, .. } => connection.query("COMMIT", &[]).map(drop),
            Self::Postgres(writer) => Box::pin(writer.commit()).await,
        }
    }

    /// Undoes the whole batch.
    pub(crate) async fn rollback(&mut self) -> Result<(), DbError> {
        match self {
            Self::Sqlite { connection, .. } if connection.is_idle() => Ok(()),
            Self::Sqlite { connection, .. } => connection.query("ROLLBACK", &[]).map(drop),
            Self::Postgres(writer) => Box::pin(writer.script("ROLLBACK")).await,
        }
    }

    /// Returns whether SQLite gave up the transaction by itself, as it may when the disk is full.
    pub(crate) fn lost_transaction(&self) -> bool {
        matches!(self, Self::Sqlite { connection, .. } if connection.is_idle())
    }
}

fn check_epoch(connection: &mut SqliteConnection, epoch: i64) -> Result<(), DbError> {
    let answer = connection.query(SQLITE_OWNER, &[])?;
    let Some(row) = answer.rows.first() else {
        return Err(DbError::Fenced { holder: "somebody who removed the lease".to_owned() });
    };
    if row.get::<i64>("epoch")? != epoch {
        return Err(DbError::Fenced { holder: row.get("owner")? });
    }
    Ok(())
}
