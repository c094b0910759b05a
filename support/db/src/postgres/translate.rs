//! PostgreSQL's errors in our words. Only the server's short message is taken along: its details
//! quote values.

use sqlx::{Error, error::DatabaseError};

use crate::{Constraint, DbError};

pub(crate) fn translate(error: &Error, sql: &str) -> DbError {
    match error {
        Error::Database(error) => answered(&**error, sql),
        Error::Io(error) => DbError::Lost(error.to_string()),
        Error::Tls(error) => DbError::Lost(error.to_string()),
        Error::Protocol(words) => DbError::Lost(words.clone()),
        Error::PoolTimedOut => DbError::Lost("no connection became free in time".to_owned()),
        Error::WorkerCrashed => DbError::Lost("the connection's task ended".to_owned()),
        Error::PoolClosed => DbError::Closed,
        other => DbError::Statement { message: other.to_string(), sql: sql.to_owned() },
    }
}

fn answered(error: &dyn DatabaseError, sql: &str) -> DbError {
    let message = || error.message().to_owned();
    let code = error.code().unwrap_or_default();
    match &*code {
        "53100" => DbError::Full,
        "55P03" => DbError::Busy,
        "58030" => DbError::Disk(message()),
        "XX001" | "XX002" => DbError::Damaged(message()),
        // Shut down, crashed, starting up; too many connections; a standby after a fail-over.
        "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "25006" => DbError::Lost(message()),
        // No right; and no schema "selected" is a schema that may not even be looked into.
        "42501" | "3F000" => DbError::Denied(message()),
        // 08P01 is a protocol violation: a wrong number of parameters, which trying again repeats.
        code if code.starts_with("08") && code != "08P01" => DbError::Lost(message()),
        code if code.starts_with("23") => DbError::Constraint {
            kind: match code {
                "23505" => Constraint::Unique,
                "23503" => Constraint::ForeignKey,
                "23502" => Constraint::NotNull,
                "23514" => Constraint::Check,
                _ => Constraint::Other,
            },
            name: error.constraint().map(str::to_owned),
        },
        _ => DbError::Statement { message: message(), sql: sql.to_owned() },
    }
}
