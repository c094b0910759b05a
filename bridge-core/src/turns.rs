//! Turns: work on one thing is done by one at a time, work on different things side by side.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Gives out turns by key.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Weak<Semaphore>>>);

/// How many keys may pile up before those nobody waits for are swept.
const SWEEP_ABOVE: usize = 1024;

impl Turns {
    /// Waits for the key's turn; dropping the permit passes it on, first come first served.
    pub(crate) async fn take(&self, key: &str) -> OwnedSemaphorePermit {
        let semaphore = self.semaphore(key);
        semaphore.acquire_owned().await.expect("these semaphores are never closed")
    }

    fn semaphore(&self, key: &str) -> Arc<Semaphore> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = turns.get(key).and_then(Weak::upgrade) {
            return semaphore;
        }
        if turns.len() > SWEEP_ABOVE {
            turns.retain(|_, semaphore| semaphore.strong_count() > 0);
        }
        let semaphore = Arc::new(Semaphore::new(1));
        turns.insert(key.to_owned(), Arc::downgrade(&semaphore));
        semaphore
    }
}
