//! A crash at a chosen moment: every call into the world outside counts; when the count is reached,
//! whoever came there never comes back, and the crash is announced.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio_util::sync::CancellationToken;

/// The fuse.
#[derive(Debug)]
pub(crate) struct Fuse {
    left: AtomicI64,
    burnt: std::sync::Mutex<CancellationToken>,
}

impl Default for Fuse {
    fn default() -> Self {
        Self { left: AtomicI64::new(i64::MAX), burnt: std::sync::Mutex::default() }
    }
}

impl Fuse {
    /// Sets how many ticks are left; returns what is cancelled then.
    pub(crate) fn set(&self, ticks: i64) -> CancellationToken {
        let token = CancellationToken::new();
        *self.burnt.lock().unwrap() = token.clone();
        self.left.store(ticks, Ordering::SeqCst);
        token
    }

    /// Takes the fuse out.
    pub(crate) fn remove(&self) {
        self.left.store(i64::MAX, Ordering::SeqCst);
    }

    /// Counts; at the end it does not return.
    pub(crate) async fn tick(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) <= 1 {
            self.burnt.lock().unwrap().cancel();
            std::future::pending::<()>().await;
        }
    }
}
