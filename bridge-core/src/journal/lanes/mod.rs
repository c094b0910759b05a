//! Lanes: rows that keep one order. A lane *is* its rows; this is who wakes the worker of one. A
//! worker lives while its lane has something to do, so that idle lanes cost nothing, and there are
//! as many as there are busy lanes, so that a slow one holds up no other.

mod moves;
mod worker;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::Journal;
use crate::ids::LoginId;

/// The workers of the lanes.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    signals: Mutex<HashMap<String, Arc<Signal>>>,
    draining: AtomicBool,
    tasks: TaskTracker,
}

/// What a worker is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// There are new rows.
    Rows,
    /// A step of this row changed behind the worker's back.
    Row(i64),
    /// Rows that wait for this login can go on.
    Login(LoginId),
}

/// News that a worker has not heard yet. Bounded: rows are one bit, the sets hold what is open.
#[derive(Debug, Default)]
struct Unheard {
    rows: bool,
    changed: BTreeSet<i64>,
    logins: BTreeSet<LoginId>,
}

impl Unheard {
    fn add(&mut self, news: News) {
        match news {
            News::Rows => self.rows = true,
            News::Row(seq) => {
                self.changed.insert(seq);
            }
            News::Login(login) => {
                self.logins.insert(login);
            }
        }
    }

    fn is_empty(&self) -> bool {
        !self.rows && self.changed.is_empty() && self.logins.is_empty()
    }
}

/// How a worker is reached.
#[derive(Debug, Default)]
struct Signal {
    unheard: Mutex<Unheard>,
    wake: Notify,
}

impl Signal {
    fn tell(&self, news: News) {
        self.lock().add(news);
        self.wake.notify_one();
    }

    fn take(&self) -> Unheard {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Unheard> {
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    /// Tells a lane's worker something, and starts one where there is none.
    pub(crate) fn tell(&self, journal: &Arc<Journal>, lane: &str, news: News) {
        if journal.is_halted() {
            return;
        }
        let mut signals = self.lock();
        if let Some(signal) = signals.get(lane) {
            signal.tell(news);
            return;
        }
        // What comes in while the lanes are drained stays journalled.
        if self.is_draining() && news == News::Rows {
            return;
        }
        let signal = Arc::new(Signal::default());
        signal.tell(news);
        signals.insert(lane.to_owned(), Arc::clone(&signal));
        drop(signals);
        let halt = journal.halt.clone();
        let work = worker::run(Arc::clone(journal), lane.to_owned(), signal);
        self.tasks.spawn(async move { halt.run_until_cancelled(work).await });
    }

    /// Whether new rows are left for the next start.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Lets the workers finish what can be finished now and end.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        for signal in self.lock().values() {
            signal.wake.notify_one();
        }
        self.tasks.close();
    }

    /// Waits until every worker has ended.
    pub(crate) async fn ended(&self) {
        self.tasks.wait().await;
    }

    /// Returns how many lanes are busy.
    pub(crate) fn busy(&self) -> usize {
        self.lock().len()
    }

    /// Takes a worker off the list, unless there is news for it.
    fn retire(&self, lane: &str, signal: &Signal) -> bool {
        let mut signals = self.lock();
        let leaves = self.is_draining() || signal.lock().is_empty();
        if leaves {
            signals.remove(lane);
        }
        leaves
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Signal>>> {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
