//! The connection that writes. It holds the lease: an advisory lock that the server takes away
//! with the session, and an epoch in `support_lease` that says whose lock it is. Because the lock
//! outlives a lost connection exactly as long as its session, whoever gets it next knows that the
//! session before has ended, with whatever it was committing.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{CONNECT_TIMEOUT, SERVER_TIMEOUT_MS, STATEMENT_TIMEOUT, query_on, translate, within};
use crate::{DbError, connection::Answer, params, value::Value};

const BACKEND: &str = "SELECT CAST(pid AS BIGINT) AS pid, CAST(backend_start AS TEXT) AS started
    FROM pg_stat_activity
    WHERE pid = pg_backend_pid()";
const END_BACKEND: &str = "SELECT pg_terminate_backend(pid) AS ended
    FROM pg_stat_activity
    WHERE pid = $1 AND CAST(backend_start AS TEXT) = $2 AND usename = current_user";
const LOCK: &str = "SELECT pg_try_advisory_lock($1) AS taken";
const LEASE: &str = "SELECT owner, epoch, batch FROM support_lease WHERE id = 1";

pub(crate) struct PostgresWriter {
    options: PgConnectOptions,
    schema: String,
    session: Option<Session>,
    /// The session that was lost, so that its remains can be cleared away.
    before: Option<Backend>,
}

struct Session {
    connection: PgConnection,
    backend: Backend,
}

/// A server process, for certain: the system uses numbers again.
#[derive(Clone)]
struct Backend {
    pid: i64,
    started: String,
}

impl PostgresWriter {
    pub(crate) fn new(options: PgConnectOptions, schema: String) -> Self {
        Self { options, schema, session: None, before: None }
    }

    /// Connects; neither the schema nor the lease is looked at.
    pub(crate) async fn connect(&mut self) -> Result<(), sqlx::Error> {
        let open = async {
            let mut connection = PgConnection::connect_with(&self.options).await?;
            sqlx::raw_sql(AssertSqlSafe(session_settings(&self.schema)))
                .execute(&mut connection)
                .await?;
            let gone = |error: DbError| sqlx::Error::Protocol(error.to_string());
            let row = query_on(&mut connection, BACKEND, &[]).await.map_err(gone)?.rows.pop();
            let row = row.ok_or(sqlx::Error::RowNotFound)?;
            let (pid, started) = (row.get("pid"), row.get("started"));
            let backend = Backend { pid: pid.map_err(gone)?, started: started.map_err(gone)? };
            Ok::<_, sqlx::Error>((connection, backend))
        };
        let opened = tokio::time::timeout(CONNECT_TIMEOUT, open).await;
        let (connection, backend) = opened.map_err(|_| {
            sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer"))
        })??;
        self.session = Some(Session { connection, backend });
        Ok(())
    }

    /// Tries to take the lock, without waiting.
    pub(crate) async fn lock(&mut self) -> Result<bool, DbError> {
        let key = lock_key(&self.schema);
        let answer = self.query(LOCK, &params![key].0).await?;
        answer.rows.first().ok_or(DbError::NoRow)?.get("taken")
    }

    /// Connects again, ends what is left of the session before, takes the lock again and returns
    /// the batch that was committed last. [`DbError::Lost`] means: try again.
    pub(crate) async fn resume(&mut self, epoch: i64) -> Result<String, DbError> {
        if self.session.is_some() {
            // The last attempt got this far and no further.
            self.drop_session();
        }
        self.connect().await.map_err(|error| {
            // Whatever keeps us out (a password changed, a server starting up), jobs wait for it.
            DbError::Lost(translate(&error, "connect").to_string())
        })?;
        if let Some(Backend { pid, started }) = self.before.clone() {
            self.query(END_BACKEND, &params![pid, started].0).await?;
        }
        let taken = self.lock().await?;
        let lease = self.query(LEASE, &[]).await?.rows.pop();
        let lease = lease.ok_or_else(|| DbError::Fenced { holder: "somebody".to_owned() })?;
        if lease.get::<i64>("epoch")? != epoch {
            return Err(DbError::Fenced { holder: lease.get("owner")? });
        }
        if !taken {
            return Err(DbError::Lost("another session still holds the lease".to_owned()));
        }
        self.before = None;
        lease.get("batch")
    }

    pub(crate) async fn query(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<Answer, DbError> {
        let session = self.session.as_mut().ok_or_else(gone)?;
        let result =
            within(STATEMENT_TIMEOUT, query_on(&mut session.connection, sql, params)).await;
        self.watch(result)
    }

    /// Runs a script that answers soon.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), DbError> {
        let session = self.session.as_mut().ok_or_else(gone)?;
        let work = async {
            let done = sqlx::raw_sql(sql).execute(&mut session.connection).await;
            done.map(drop).map_err(|error| translate(&error, sql))
        };
        let result = within(STATEMENT_TIMEOUT, work).await;
        self.watch(result)
    }

    /// Runs a script that may take as long as it takes.
    pub(crate) async fn long_script(&mut self, sql: &'static str) -> Result<(), DbError> {
        let session = self.session.as_mut().ok_or_else(gone)?;
        let result = sqlx::raw_sql(sql).execute(&mut session.connection).await;
        self.watch(result.map(drop).map_err(|error| translate(&error, sql)))
    }

    /// Makes the schema; its name was checked to need no quoting.
    pub(crate) async fn make_schema(&mut self) -> Result<(), DbError> {
        let script = format!("CREATE SCHEMA IF NOT EXISTS \"{}\"", self.schema);
        let session = self.session.as_mut().ok_or_else(gone)?;
        let made = sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut session.connection).await;
        self.watch(made.map(drop).map_err(|error| translate(&error, "CREATE SCHEMA")))
    }

    /// Opens the batch's transaction, signs the lease with the batch's name and opens the first
    /// savepoint, all in one round trip.
    pub(crate) async fn begin(&mut self, epoch: i64, batch: &str) -> Result<(), DbError> {
        let session = self.session.as_mut().ok_or_else(gone)?;
        // The batch is hex and the epoch a number: nothing here comes from outside.
        let script = format!(
            "BEGIN; UPDATE support_lease SET batch = '{batch}' WHERE id = 1 AND epoch = {epoch}; \
             SET LOCAL statement_timeout TO {SERVER_TIMEOUT_MS}; SAVEPOINT job"
        );
        let work = async {
            let begun = sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut session.connection).await;
            begun.map_err(|error| translate(&error, "BEGIN"))
        };
        let result = within(STATEMENT_TIMEOUT, work).await;
        if self.watch(result)?.rows_affected() == 1 {
            return Ok(());
        }
        let lease = self.query(LEASE, &[]).await?.rows.pop();
        let holder = lease.map_or(Ok("somebody".to_owned()), |lease| lease.get("owner"))?;
        Err(DbError::Fenced { holder })
    }

    /// Commits. Releasing the savepoint comes first because it fails in a transaction that is
    /// already void, where COMMIT would quietly roll back and report success.
    pub(crate) async fn commit(&mut self) -> Result<(), DbError> {
        self.script("RELEASE SAVEPOINT job; COMMIT").await
    }

    /// Says good-bye, which frees the lease at once.
    pub(crate) async fn end(mut self) {
        if let Some(session) = self.session.take() {
            within(CONNECT_TIMEOUT, async {
                session.connection.close().await.map_err(|error| translate(&error, "close"))
            })
            .await
            .ok();
        }
    }

    /// Drops a connection that is lost.
    fn watch<T>(&mut self, result: Result<T, DbError>) -> Result<T, DbError> {
        if matches!(result, Err(DbError::Lost(_))) {
            self.drop_session();
        }
        result
    }

    fn drop_session(&mut self) {
        if let Some(session) = self.session.take() {
            self.before = Some(session.backend);
        }
    }
}

/// What every connection is told first. `synchronous_commit` is pinned because a server may have
/// it off by default, and our word is that what is committed stays.
pub(crate) fn session_settings(schema: &str) -> String {
    format!(
        "SET search_path TO \"{schema}\"; SET synchronous_commit TO on; \
         SET client_min_messages TO warning; SET standard_conforming_strings TO on"
    )
}

/// Makes the advisory lock's number from the schema's name (FNV-1a). Locks are per database, so
/// other databases on the server do not matter.
fn lock_key(schema: &str) -> i64 {
    let bytes = b"rialto lease: ".iter().chain(schema.as_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    i64::from_le_bytes(hash.to_le_bytes())
}

fn gone() -> DbError {
    DbError::Lost("the connection is gone".to_owned())
}
