//! A mutex that is only ever held for the length of a closure, so that it cannot be held across an await.

use std::sync::{Mutex, PoisonError};

/// Data behind a lock.
#[derive(Debug, Default)]
pub(crate) struct Guarded<T>(Mutex<T>);

impl<T> Guarded<T> {
    /// Looks at the data. A panic of another holder leaves it as it was, which every holder here can bear.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
