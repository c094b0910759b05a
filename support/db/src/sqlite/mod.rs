//! SQLite. Statements run in place, on the thread that asks: the writer's batch and every read are
//! one visit to a blocking thread, not one visit per statement.

mod lock;
mod readers;
mod translate;

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use rusqlite::{OpenFlags, types::ValueRef};

pub(crate) use self::{
    lock::{FileLock, LockError},
    readers::SqliteReaders,
    translate::translate,
};
use crate::{
    DbError, Row,
    connection::Answer,
    value::{Kind, Value},
};

/// How long another program (a backup, a curious operator) may keep the file before we give up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// More than all statements of the largest crate, so that each is parsed once per connection.
const STATEMENT_CACHE: usize = 1024;

/// FULL: a commit is on the disk when it returns. A WAL of up to 16 MB makes checkpoints, which
/// cost syncs of their own, rare; `journal_size_limit` gives the room of a long one back. LIKE minds
/// upper and lower case because it does on PostgreSQL.
const WRITER_SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA case_sensitive_like = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -32000;
    PRAGMA mmap_size = 268435456;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = 67108864;
";

const READER_SETTINGS: &str = "
    PRAGMA query_only = ON;
    PRAGMA case_sensitive_like = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -8000;
    PRAGMA mmap_size = 268435456;
";

/// One connection and what it knows about the statements it has run.
#[derive(Debug)]
pub(crate) struct SqliteConnection {
    connection: rusqlite::Connection,
    /// By address and length of the text: statements are constants.
    shapes: HashMap<(usize, usize), Shape>,
}

/// What stays the same each time a statement runs.
#[derive(Debug, Clone)]
struct Shape {
    columns: Arc<[Box<str>]>,
    /// Which of our parameters each of SQLite's slots takes. SQLite reads `$2` as a name and
    /// numbers names in order of appearance.
    slots: Arc<[usize]>,
    parameters: usize,
    readonly: bool,
}

impl SqliteConnection {
    pub(crate) fn open_writer(path: &Path) -> Result<Self, DbError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::open(path, flags, WRITER_SETTINGS)
    }

    pub(crate) fn open_reader(path: &Path) -> Result<Self, DbError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::open(path, flags, READER_SETTINGS)
    }

    fn open(path: &Path, flags: OpenFlags, settings: &'static str) -> Result<Self, DbError> {
        let open = || {
            let connection = rusqlite::Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
            connection.execute_batch(settings)?;
            Ok(Self { connection, shapes: HashMap::new() })
        };
        open().map_err(|error| translate(&error, settings))
    }

    /// Runs a script without parameters.
    pub(crate) fn script(&mut self, sql: &str) -> Result<(), DbError> {
        self.connection.execute_batch(sql).map_err(|error| translate(&error, sql))
    }

    /// Runs a statement to its end and collects its rows.
    pub(crate) fn query(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<Answer, DbError> {
        self.query_inner(sql, params).map_err(|error| match error {
            Failure::Sqlite(error) => translate(&error, sql),
            Failure::Parameters(wanted) => DbError::Statement {
                message: format!("it takes {wanted} parameters, {} were given", params.len()),
                sql: sql.to_owned(),
            },
        })
    }

    fn query_inner(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<Answer, Failure> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let shape = self
            .shapes
            .entry((sql.as_ptr() as usize, sql.len()))
            .or_insert_with(|| Shape::of(&statement));
        if shape.parameters != params.len() {
            return Err(Failure::Parameters(shape.parameters));
        }
        for (slot, &parameter) in shape.slots.iter().enumerate() {
            let slot = slot + 1;
            match &params[parameter] {
                Value::Null(_) => statement.raw_bind_parameter(slot, rusqlite::types::Null),
                Value::Integer(integer) => statement.raw_bind_parameter(slot, integer),
                Value::Bool(bool) => statement.raw_bind_parameter(slot, bool),
                Value::Text(text) => statement.raw_bind_parameter(slot, &**text),
                Value::Bytes(bytes) => statement.raw_bind_parameter(slot, &**bytes),
            }?;
        }
        let mut rows = Vec::new();
        let mut found = statement.raw_query();
        while let Some(row) = found.next()? {
            let mut values = Vec::with_capacity(shape.columns.len());
            for index in 0..shape.columns.len() {
                values.push(read(row.get_ref(index)?));
            }
            rows.push(Row { columns: Arc::clone(&shape.columns), values });
        }
        drop(found);
        drop(statement);
        let affected = if shape.readonly { 0 } else { self.connection.changes() };
        Ok(Answer { rows, affected })
    }

    /// Returns whether no transaction is open, in particular because SQLite gave it up.
    pub(crate) fn is_idle(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// Parses a statement without running it.
    pub(crate) fn prepare(&mut self, sql: &'static str) -> Result<(), DbError> {
        self.connection.prepare(sql).map(drop).map_err(|error| translate(&error, sql))
    }
}

impl Shape {
    fn of(statement: &rusqlite::Statement<'_>) -> Self {
        let slots: Arc<[usize]> = (1..=statement.parameter_count())
            .map(|slot| {
                let name = statement.parameter_name(slot).and_then(|name| name.get(1..));
                name.and_then(|digits| digits.parse::<usize>().ok()).unwrap_or(slot).max(1) - 1
            })
            .collect();
        Self {
            columns: statement.column_names().into_iter().map(Box::from).collect(),
            parameters: slots.iter().map(|slot| slot + 1).max().unwrap_or(0),
            slots,
            readonly: statement.readonly(),
        }
    }
}

enum Failure {
    Sqlite(rusqlite::Error),
    Parameters(usize),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn read(value: ValueRef<'_>) -> Value<'static> {
    match value {
        ValueRef::Null => Value::Null(Kind::Text),
        ValueRef::Integer(integer) => Value::Integer(integer),
        // No column of ours is a float; an expression that makes one is shown as text.
        ValueRef::Real(real) => Value::Text(real.to_string().into()),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned().into()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec().into()),
    }
}
