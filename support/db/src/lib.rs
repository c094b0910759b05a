//! One database behind one type: SQLite for the embedded default, PostgreSQL a URL away.
//!
//! What enters: SQL texts (constants, `$1..$n`, one text for both databases) with [`params!`], and
//! *jobs*, pieces of work that write. What leaves: [`Row`]s, and a job's answer once its work is
//! durable.
//!
//! All writing goes through one writer per [`Db`]. It takes whatever jobs are waiting, runs each
//! in a savepoint of its own, commits them together (one fsync for many jobs), then runs what the
//! jobs left for [`Tx::after_commit`], then answers. Three rules follow for a job:
//!
//! - **It may run more than once** (a connection died, the answer to COMMIT was lost). It takes
//!   effect once, but its closure runs again: keep side effects in `after_commit`.
//! - **A statement that fails ends it**: PostgreSQL refuses to go on in that savepoint, so SQLite
//!   is held to the same. Write `ON CONFLICT` where a conflict is expected.
//! - **It must not wait for another job** of the same [`Db`], nor for anybody who does: the writer
//!   would wait for itself. A direct attempt is answered with [`DbError::Nested`]. Waiting for
//!   anything else that is slow is allowed but rude: nobody writes meanwhile.
//!
//! SQL that both databases understand: integers `BIGINT`, times `BIGINT` (unix ms), JSON `TEXT`,
//! flags `BOOLEAN`, bytes `BLOB` or `BYTEA`, `ON CONFLICT`, `RETURNING`, `CAST(sum(x) AS BIGINT)`, and for
//! lists `IN (SELECT value FROM json_each($1))` with [`text_list`] or [`integer_list`] (there
//! `CAST(value AS BIGINT)`). What is ordered or compared by text is declared `COLLATE "C"` on
//! PostgreSQL, to order as SQLite does. No deferred constraints: at the commit they would fail the
//! whole batch. `INSERT .. SELECT .. ON CONFLICT` needs a `WHERE TRUE` before `ON`.

mod backoff;
mod connection;
mod db;
mod error;
mod job;
mod list;
mod location;
mod migration;
mod open;
mod postgres;
mod row;
mod snapshot;
mod sqlite;
mod stats;
mod streams;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;
mod value;
mod writer;

pub use self::{
    db::Db,
    error::{Constraint, DbError, OpenError},
    job::Job,
    list::{integer_list, text_list},
    location::Location,
    migration::Migration,
    open::OpenOptions,
    row::{FromValue, Row},
    snapshot::Snapshot,
    stats::Stats,
    tx::Tx,
    value::{IntoValue, Kind, Params, Value},
};

/// A boxed future, as the closures of [`Db::write`] and [`Db::read`] return it.
pub type BoxFuture<'a, T> = futures_util::future::BoxFuture<'a, T>;
