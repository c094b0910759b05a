//! What is known about ghosts without asking: a bounded memory that saves requests and may be
//! forgotten at any time.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many ghosts are kept in mind. Beyond, all are forgotten: simpler than choosing, and rare.
const MOST: usize = 20_000;

#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<String, Ghost>>);

#[derive(Debug, Default)]
struct Ghost {
    name: Option<String>,
    rooms: HashSet<String>,
}

impl Known {
    /// Whether a ghost exists and carries this name (or any, where none is asked for).
    pub(super) fn is_named(&self, mxid: &str, name: Option<&str>) -> bool {
        let known = self.lock();
        let Some(carried) = known.get(mxid).and_then(|ghost| ghost.name.as_deref()) else {
            return false;
        };
        name.is_none_or(|name| name == carried)
    }

    pub(super) fn named(&self, mxid: &str, name: &str) {
        let mut known = self.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.entry(mxid.to_owned()).or_default().name = Some(name.to_owned());
    }

    pub(super) fn is_in(&self, mxid: &str, room: &str) -> bool {
        self.lock().get(mxid).is_some_and(|ghost| ghost.rooms.contains(room))
    }

    pub(super) fn entered(&self, mxid: &str, room: &str) {
        self.lock().entry(mxid.to_owned()).or_default().rooms.insert(room.to_owned());
    }

    pub(super) fn left(&self, mxid: &str, room: &str) {
        if let Some(ghost) = self.lock().get_mut(mxid) {
            ghost.rooms.remove(room);
        }
    }

    pub(super) fn forget(&self, mxid: &str) {
        self.lock().remove(mxid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Ghost>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
