//! What the database has been doing, for benches and metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts since the database was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Commits, each one sync of the disk.
    pub commits: u64,
    /// Jobs that took effect.
    pub jobs: u64,
    /// Jobs that were answered with an error.
    pub failed_jobs: u64,
    /// Jobs in the largest batch.
    pub largest_batch: u64,
    /// Batches that ran again because their connection was lost.
    pub repeated_batches: u64,
    /// Statements that jobs ran.
    pub written_statements: u64,
    /// Reads outside jobs.
    pub reads: u64,
    /// Microseconds the writer was busy.
    pub busy_us: u64,
    /// Jobs that wait for the writer now.
    pub waiting: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) jobs: AtomicU64,
    pub(crate) failed_jobs: AtomicU64,
    pub(crate) largest_batch: AtomicU64,
    pub(crate) repeated_batches: AtomicU64,
    pub(crate) written_statements: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) busy_us: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self, waiting: usize) -> Stats {
        Stats {
            commits: self.commits.load(Relaxed),
            jobs: self.jobs.load(Relaxed),
            failed_jobs: self.failed_jobs.load(Relaxed),
            largest_batch: self.largest_batch.load(Relaxed),
            repeated_batches: self.repeated_batches.load(Relaxed),
            written_statements: self.written_statements.load(Relaxed),
            reads: self.reads.load(Relaxed),
            busy_us: self.busy_us.load(Relaxed),
            waiting: u64::try_from(waiting).unwrap_or(u64::MAX),
        }
    }
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
