//! Jobs: pieces of work that write, and how they travel to the writer and their answers back.

use std::{any::Any, marker::PhantomData, panic::AssertUnwindSafe};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use crate::{BoxFuture, DbError, Tx};

/// A piece of work for the writer. See the crate's page for its three rules.
#[async_trait]
pub trait Job: Send + Sync + 'static {
    /// What it answers.
    type Output: Send + 'static;
    /// How it fails; a failure of its own undoes this job and no other.
    type Error: From<DbError> + Send + 'static;

    /// Does the work. May be called again when the connection was lost before the commit.
    async fn run(&self, tx: &mut Tx) -> Result<Self::Output, Self::Error>;
}

/// A closure as a job.
pub(crate) struct Closure<F, T, E> {
    pub(crate) work: F,
    pub(crate) answer: PhantomData<fn() -> (T, E)>,
}

#[async_trait]
impl<F, T, E> Job for Closure<F, T, E>
where
    F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    type Output = T;
    type Error = E;

    async fn run(&self, tx: &mut Tx) -> Result<T, E> {
        (self.work)(tx).await
    }
}

/// A job in the queue, whatever its types.
pub(crate) trait Queued: Send {
    /// Runs the job and keeps its answer; returns whether its work is to be kept.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool>;

    /// Answers the caller: the batch was committed, or failed for this reason.
    fn answer(self: Box<Self>, batch: Result<(), DbError>);
}

pub(crate) struct Ticket<J: Job> {
    pub(crate) job: J,
    pub(crate) result: Option<Result<J::Output, J::Error>>,
    pub(crate) caller: oneshot::Sender<Result<J::Output, J::Error>>,
}

impl<J: Job> Queued for Ticket<J> {
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            // A panic must not take the writer along: other people's jobs are in the batch.
            let work = AssertUnwindSafe(async { self.job.run(tx).await });
            let result = match work.catch_unwind().await {
                Ok(Ok(output)) => match tx.failed() {
                    None => Ok(output),
                    Some(error) => Err(error.clone().into()),
                },
                Ok(Err(error)) => Err(error),
                Err(panic) => Err(DbError::Panicked(panic_words(&*panic)).into()),
            };
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn answer(self: Box<Self>, batch: Result<(), DbError>) {
        let result = match batch {
            Ok(()) => self.result.unwrap_or_else(|| Err(DbError::Closed.into())),
            Err(error) => Err(error.into()),
        };
        // A caller that stopped waiting loses the answer, not the work.
        drop(self.caller.send(result));
    }
}

pub(crate) fn panic_words(panic: &(dyn Any + Send)) -> String {
    if let Some(words) = panic.downcast_ref::<&str>() {
        (*words).to_owned()
    } else if let Some(words) = panic.downcast_ref::<String>() {
        words.clone()
    } else {
        "without words".to_owned()
    }
}
