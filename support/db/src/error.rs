//! What can go wrong: [`DbError`] while working, [`OpenError`] while opening. Both are shaped by
//! what happens next; an `OpenError` ends the program, so it says what, why and what to do.

/// Why a statement or a job did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// Nothing was written. Works again when there is room.
    #[error("the disk that holds the database is full")]
    Full,
    /// Another program held the database for too long. Worth another attempt.
    #[error("another program keeps the database busy")]
    Busy,
    /// The server could not be reached for longer than a caller may be kept waiting. From a write
    /// (only while the database is being closed) it leaves open whether the work was done.
    #[error("the database server cannot be reached: {0}")]
    Lost(String),
    /// Another process owns the database now; this one has to stop.
    #[error("{holder} has taken over the database; this process must not write to it any more")]
    Fenced {
        /// Who it is, in its own words.
        holder: String,
    },
    /// The database was closed.
    #[error("the database is closed")]
    Closed,
    /// A job waited for another job of the same writer, which would wait for ever.
    #[error("a database job must not wait for another one")]
    Nested,
    /// The job dropped a statement before it had ended; nobody knows what became of it.
    #[error("a database job did not wait for its statement")]
    Abandoned,
    /// The job panicked. Its work was undone, the writer lives on.
    #[error("a database job panicked: {0}")]
    Panicked(String),
    /// The statement would break a rule of the schema.
    #[error("{kind:?} constraint {name} does not hold", name = name.as_deref().unwrap_or("(unnamed)"))]
    Constraint {
        /// Which kind of rule.
        kind: Constraint,
        /// Its name on PostgreSQL, its columns on SQLite: for logs, not for decisions.
        name: Option<String>,
    },
    /// `fetch_one` found nothing.
    #[error("the row is not there")]
    NoRow,
    /// A column is missing or of another kind than the program believes.
    #[error("column {column}: {problem}")]
    Column {
        /// The column.
        column: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The file does not make sense any more.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The disk refused to read or write.
    #[error("the disk that holds the database failed: {0}")]
    Disk(String),
    /// The database user lacks a right.
    #[error("the database user may not do this: {0}")]
    Denied(String),
    /// Everything else: in practice a mistake in a statement.
    #[error("database statement failed: {message} (statement: {sql})")]
    Statement {
        /// What the database says. Without the values, which may be secrets.
        message: String,
        /// The statement.
        sql: String,
    },
}

/// The rules a schema can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    /// A unique column or primary key.
    Unique,
    /// A reference to a row that is not there, or from one that still is.
    ForeignKey,
    /// A value that has to be there.
    NotNull,
    /// A condition.
    Check,
    /// Another rule.
    Other,
}

/// How far an error reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Only the job whose statement failed.
    Job,
    /// The transaction is gone and every job in it.
    Batch,
    /// The connection is gone; the batch can be tried on another.
    Connection,
}

impl DbError {
    /// Returns whether a unique column or primary key was violated.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Constraint { kind: Constraint::Unique, .. })
    }

    pub(crate) fn reach(&self) -> Reach {
        match self {
            Self::Lost(_) => Reach::Connection,
            Self::Full
            | Self::Busy
            | Self::Fenced { .. }
            | Self::Closed
            | Self::Damaged(_)
            | Self::Disk(_) => Reach::Batch,
            Self::Nested
            | Self::Abandoned
            | Self::Panicked(_)
            | Self::Constraint { .. }
            | Self::NoRow
            | Self::Column { .. }
            | Self::Denied(_)
            | Self::Statement { .. } => Reach::Job,
        }
    }
}

/// Why a database could not be opened, in words for the person who started the program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process works with it.
    #[error(
        "the database {place} is in use by {holder}. Only one process may work with it: stop the other one, or give this one a place of its own"
    )]
    Held {
        /// Which database.
        place: String,
        /// Who holds it, in its own words.
        holder: String,
    },
    /// A newer program has changed its schema.
    #[error(
        "the database {place} was last used by a newer version of this program: its schema is number {found}, this program knows up to {known}. Install the newer version again, or restore a backup from before the upgrade"
    )]
    Newer {
        /// Which database.
        place: String,
        /// The number of its newest migration.
        found: i64,
        /// The newest number this program knows.
        known: i64,
    },
    /// It is something else than our database.
    #[error(
        "{place} holds a database of another program ({why}). Give this program a file or schema of its own"
    )]
    Foreign {
        /// Which database.
        place: String,
        /// How one can tell.
        why: String,
    },
    /// The file does not make sense.
    #[error(
        "the database {place} is damaged: {why}. Check the disk, then restore the newest backup; `sqlite3 FILE .recover` may save parts of the file"
    )]
    Damaged {
        /// Which database.
        place: String,
        /// What SQLite says.
        why: String,
    },
    /// The file or its folder cannot be written.
    #[error(
        "the database {place} cannot be written: {why}. The folder has to exist and, like the files in it, belong to the user who runs this program"
    )]
    NotWritable {
        /// Which database.
        place: String,
        /// What the operating system says.
        why: String,
    },
    /// There is no room.
    #[error(
        "the disk that holds the database {place} is full. Free some space and start again; nothing was lost"
    )]
    DiskFull {
        /// Which database.
        place: String,
    },
    /// The server does not answer.
    #[error(
        "the database server cannot be reached ({place}): {why}. Check that PostgreSQL runs and that host and port in the database URL are right"
    )]
    Unreachable {
        /// Which database.
        place: String,
        /// What happened.
        why: String,
    },
    /// The server does not let us in.
    #[error(
        "the database server refuses the connection ({place}): {why}. Check user, password and database name in the database URL, and pg_hba.conf on the server"
    )]
    Refused {
        /// Which database.
        place: String,
        /// What the server says.
        why: String,
    },
    /// The server lets us in, but not create what we need.
    #[error(
        "the database user may not create the schema or its tables ({place}): {why}. Let an administrator run: GRANT CREATE ON DATABASE {database} TO {user}; or create the schema beforehand with: CREATE SCHEMA {schema} AUTHORIZATION {user};"
    )]
    NoRight {
        /// Which database.
        place: String,
        /// What the server says.
        why: String,
        /// The database's name.
        database: String,
        /// The user's name.
        user: String,
        /// The schema's name.
        schema: String,
    },
    /// The server is too old, or the place cannot be understood.
    #[error("the database {place} cannot be used: {why}")]
    Unusable {
        /// Which database.
        place: String,
        /// Why, and what to do.
        why: String,
    },
    /// A migration failed; it was undone.
    #[error(
        "the database {place} could not be brought up to date: migration {number} ({name}) failed: {why}. It was undone, the data is as before; please report this"
    )]
    Migration {
        /// Which database.
        place: String,
        /// The migration's number.
        number: i64,
        /// Its name.
        name: String,
        /// What the database says.
        why: String,
    },
    /// Everything else.
    #[error("the database {place} could not be opened: {why}")]
    Other {
        /// Which database.
        place: String,
        /// What happened.
        why: String,
    },
}
