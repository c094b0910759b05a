//! What waits to be written: urgent lines (PONG, keep-alive, QUIT), which are never paced, and the
//! rest in the order asked, bounded by making askers wait.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::pending::PendingId;

/// Lines that may wait; who asks for more waits.
const ROOM: usize = 256;

/// A server that pings more often than we can write gets no more than this many answers.
const URGENT_ROOM: usize = 64;

/// A line to be paced.
#[derive(Debug)]
pub(super) struct Queued {
    /// The encoded line without its end.
    pub(super) line: String,
    /// Who waits for what comes of it.
    pub(super) id: PendingId,
    /// Its place in the queue.
    pub(super) _place: OwnedSemaphorePermit,
}

#[derive(Debug)]
pub(super) struct Outbox {
    queues: Mutex<Queues>,
    wake: Notify,
    room: std::sync::Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Queues {
    urgent: VecDeque<String>,
    normal: VecDeque<Queued>,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            queues: Mutex::default(),
            wake: Notify::new(),
            room: std::sync::Arc::new(Semaphore::new(ROOM)),
        }
    }

    /// Waits for a place. `None` when the outbox is closed.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        std::sync::Arc::clone(&self.room).acquire_owned().await.ok()
    }

    pub(super) fn push(&self, queued: Queued) {
        self.with(|queues| queues.normal.push_back(queued));
        self.wake.notify_one();
    }

    pub(super) fn push_urgent(&self, line: String) {
        self.with(|queues| {
            if queues.urgent.len() < URGENT_ROOM {
                queues.urgent.push_back(line);
            }
        });
        self.wake.notify_one();
    }

    pub(super) fn pop_urgent(&self) -> Option<String> {
        self.with(|queues| queues.urgent.pop_front())
    }

    pub(super) fn pop(&self) -> Option<Queued> {
        self.with(|queues| queues.normal.pop_front())
    }

    pub(super) fn has_normal(&self) -> bool {
        self.with(|queues| !queues.normal.is_empty())
    }

    /// Tells the writer to look again.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until there may be something to do.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Takes nothing more.
    pub(super) fn close(&self) {
        self.room.close();
        self.with(|queues| queues.normal.clear());
    }

    fn with<T>(&self, act: impl FnOnce(&mut Queues) -> T) -> T {
        // A panic elsewhere leaves the queues whole: each change is one push or pop.
        act(&mut self.queues.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
