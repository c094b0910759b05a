//! The health of logins.

use std::sync::atomic::Ordering;
use std::time::Duration;

use support_db::params;

use super::{LoginChange, Logins};
use crate::ids::LoginId;
use crate::jobs::job;
use crate::network::BridgeState;

/// How often a connected login is remembered to be connected: how exact the start of a gap is
/// after a crash.
const HEARTBEAT: Duration = Duration::from_secs(60);

const REMEMBER: &str = "UPDATE login SET last_connected = $2 WHERE id = $1";

impl Logins {
    /// Takes a login's health from its client.
    pub(crate) async fn set_state(&self, login: &LoginId, state: BridgeState) {
        let now = self.0.clock.now_ms();
        let since = self.0.clock.monotonic();
        let heard = self.monotonic_ms();
        let before = {
            let mut entries = self.write();
            let Some(entry) = entries.get_mut(login) else { return };
            if entry.state.is_connected() || state.is_connected() {
                entry.last_connected = Some(now);
            }
            entry.heard.store(heard, Ordering::Relaxed);
            let before = std::mem::replace(&mut entry.state, state.clone());
            if before.kind != state.kind {
                entry.since = since;
            }
            before
        };
        if before == state {
            return;
        }
        // The message may quote the network, which may quote what was sent: only the kind is logged.
        tracing::info!(%login, state = ?state.kind, "a login's state has changed");
        if before.is_connected() != state.is_connected() {
            self.remember_connected(vec![login.clone()]).await;
        }
        let change =
            LoginChange { login: login.clone(), connected: state.is_connected(), gone: false };
        // Nobody listening is fine: the journal does as soon as it runs.
        drop(self.0.changes.send(change));
        self.0.news.notify_one();
    }

    /// Remembers, now and then, which logins are connected.
    pub(crate) fn start_heartbeat(&self) {
        let this = self.clone();
        let beating = async move {
            loop {
                this.0.clock.sleep(HEARTBEAT).await;
                let now = this.0.clock.now_ms();
                let mut connected = Vec::new();
                for (id, entry) in this.write().iter_mut() {
                    if entry.state.is_connected() {
                        entry.last_connected = Some(now);
                        connected.push(id.clone());
                    }
                }
                if !connected.is_empty() {
                    this.remember_connected(connected).await;
                }
            }
        };
        let stop = self.0.stop.clone();
        self.0.tasks.spawn(async move { stop.run_until_cancelled(beating).await });
    }

    async fn remember_connected(&self, logins: Vec<LoginId>) {
        let now = self.0.clock.now_ms();
        let job = job(move |tx| {
            let logins = logins.clone();
            Box::pin(async move {
                for login in &logins {
                    tx.execute(REMEMBER, params![login.as_str(), now]).await?;
                }
                Ok(())
            })
        });
        if let Err(error) = self.0.db.write(job).await {
            tracing::warn!(%error, "when the logins were connected could not be stored");
        }
    }
}
