//! Looking after a bridge from outside: is it alive, and how is it?

use std::fmt;
use std::sync::Arc;

use support_db::DbError;

use crate::journal::Journal;
use crate::metrics::Levels;
use crate::parts::Parts;

/// A view of a bridge for those who watch it. Cheap to clone; it does not keep the bridge running.
#[derive(Clone)]
pub struct BridgeWatch {
    parts: Parts,
    journal: Arc<Journal>,
}

impl BridgeWatch {
    pub(super) fn new(parts: Parts, journal: Arc<Journal>) -> Self {
        Self { parts, journal }
    }

    /// Writes all figures down in OpenMetrics, without the end mark: others may follow.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn metrics(&self) -> Result<String, DbError> {
        let levels = Levels {
            journal: self.journal.levels().await?,
            lanes: self.journal.busy_lanes(),
            logins: self.parts.logins.levels(),
        };
        let mut text = String::new();
        self.parts.metrics.write(&levels, &mut text).expect("a String takes every write");
        Ok(text)
    }

    /// Returns nothing if the bridge's database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn alive(&self) -> Result<(), DbError> {
        self.journal.backlog().await.map(drop)
    }
}

impl fmt::Debug for BridgeWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BridgeWatch").finish_non_exhaustive()
    }
}
