//! SQLite's errors in our words.

use rusqlite::{Error, ErrorCode};

use crate::{Constraint, DbError};

pub(crate) fn translate(error: &Error, sql: &str) -> DbError {
    let (code, extended, message) = match error {
        Error::SqliteFailure(error, message) => {
            (error.code, error.extended_code, message.clone().unwrap_or_else(|| error.to_string()))
        }
        Error::SqlInputError { error, msg, .. } => (error.code, error.extended_code, msg.clone()),
        other => return DbError::Statement { message: other.to_string(), sql: sql.to_owned() },
    };
    match code {
        ErrorCode::DiskFull => DbError::Full,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => DbError::Busy,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => DbError::Damaged(message),
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly => {
            DbError::Disk(message)
        }
        ErrorCode::ConstraintViolation => constraint(extended, &message),
        _ => DbError::Statement { message, sql: sql.to_owned() },
    }
}

fn constraint(extended: i32, message: &str) -> DbError {
    use rusqlite::ffi;
    let kind = match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => Constraint::Unique,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Constraint::ForeignKey,
        ffi::SQLITE_CONSTRAINT_NOTNULL => Constraint::NotNull,
        ffi::SQLITE_CONSTRAINT_CHECK => Constraint::Check,
        _ => Constraint::Other,
    };
    // "UNIQUE constraint failed: account.name"
    let name = message.split_once(": ").map(|(_, name)| name.to_owned());
    DbError::Constraint { kind, name }
}
