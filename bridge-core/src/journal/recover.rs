//! The start: what an earlier process left is taken up again. Every attempt that was under way has
//! lost its answer; the lanes find out what became of it. Then the tasks beside the lanes begin:
//! who hears of logins, who reports, who sweeps.

use std::{sync::Arc, time::Duration};

use support_db::DbError;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{Journal, lanes::News, machine::millis};
use crate::{ids::LoginId, logins::LoginChange};

/// How often old rows are looked for.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

impl Journal {
    /// Takes up what is there and begins to work.
    pub(crate) async fn start(self: &Arc<Self>) -> Result<(), DbError> {
        // Before anything is read: a login that connects from now on is heard of.
        let changes = self.parts.logins.changes();
        let lost = self.store.lose_answers().await?;
        let lanes = self.store.open_lanes().await?;
        let reports = self.store.reporting().await?;
        tracing::info!(lanes = lanes.len(), lost, reports = reports.len(), "the journal starts");
        self.note_gone(self.store.gone_logins().await?);
        self.recovered.get_or_init(|| reports.iter().copied().collect());
        self.reporter.add(reports);
        // Before the lanes: where the past goes first, its portal's news waits.
        self.resume_history().await?;
        for lane in lanes {
            self.lanes.tell(self, &lane, News::Rows);
        }
        self.resume_connected().await?;
        self.spawn(Arc::clone(self).report());
        self.spawn(Arc::clone(self).follow_logins(changes));
        self.spawn(Arc::clone(self).sweep());
        Ok(())
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let halt = self.halt.clone();
        self.tasks.spawn(async move { halt.run_until_cancelled(task).await });
    }

    /// Puts rows back in their places whose logins came back.
    async fn follow_logins(self: Arc<Self>, mut changes: Receiver<LoginChange>) {
        loop {
            let change = tokio::select! {
                change = changes.recv() => change,
                () = self.lanes_ended.cancelled() => return,
            };
            let resumed = match change {
                Ok(change) if change.connected || change.gone => {
                    self.note_gone(change.gone.then(|| change.login.clone()));
                    self.resume(&change.login).await
                }
                Ok(_) => Ok(()),
                Err(RecvError::Lagged(_)) => self.resume_connected().await,
                Err(RecvError::Closed) => return,
            };
            if let Err(error) = resumed {
                tracing::error!(%error, "parked rows could not be looked up");
                if matches!(error, DbError::Closed | DbError::Fenced { .. }) {
                    return;
                }
                // Whatever was missed is found by looking at all of them.
                self.parts.clock.sleep(Duration::from_secs(1)).await;
                changes = changes.resubscribe();
                if let Err(error) = self.resume_connected().await {
                    tracing::error!(%error, "parked rows could not be looked up again");
                }
            }
        }
    }

    async fn resume_connected(self: &Arc<Self>) -> Result<(), DbError> {
        self.note_gone(self.store.gone_logins().await?);
        for login in self.store.parked_logins().await? {
            if self.can_send(&login) {
                self.resume(&login).await?;
            }
        }
        Ok(())
    }

    async fn resume(self: &Arc<Self>, login: &LoginId) -> Result<(), DbError> {
        for lane in self.store.parked_lanes(login).await? {
            self.lanes.tell(self, &lane, News::Login(login.clone()));
        }
        Ok(())
    }

    /// Forgets old rows, and lets go of what has waited too long for its login.
    async fn sweep(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = self.parts.clock.sleep(SWEEP_EVERY) => {}
                () = self.lanes_ended.cancelled() => return,
            }
            if let Err(error) = self.sweep_once().await {
                tracing::error!(%error, "old rows could not be swept");
            }
        }
    }

    /// Sweeps once.
    pub(super) async fn sweep_once(self: &Arc<Self>) -> Result<(), DbError> {
        let now = self.now();
        self.parts.media.sweep().await?;
        let swept = self.store.sweep(now - millis(self.options.keep_settled)).await?;
        let expired = self.store.parked_since(now - millis(self.options.expire_after)).await?;
        if swept > 0 || !expired.is_empty() {
            tracing::info!(swept, expired = expired.len(), "old rows were swept");
        }
        for (lane, login) in expired {
            self.lanes.tell(self, &lane, News::Login(login));
        }
        Ok(())
    }
}
