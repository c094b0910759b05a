//! Gives a closure the shape of a database job, which the compiler cannot guess by itself.

use support_db::{BoxFuture, DbError, Tx};

/// Takes a closure as a job.
pub(crate) fn job<F, T>(work: F) -> F
where
    F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, DbError>> + Send + Sync + 'static,
{
    work
}
