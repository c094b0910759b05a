//! Everything the handlers and the background work of one homeserver share, handed to axum as its state.

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// One homeserver's shared parts. There is exactly one per [`crate::Homeserver`], always behind an [`Arc`].
#[derive(Debug)]
pub(crate) struct House {
    /// Owns every background task, so that a shutdown can wait for them.
    pub(crate) tasks: TaskTracker,
    /// Ends every background task and wakes every long poll with the answer it has.
    pub(crate) closing: CancellationToken,
}

/// What axum clones into each request.
pub(crate) type SharedHouse = Arc<House>;
