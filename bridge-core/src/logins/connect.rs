//! Connecting: a few at a time and not all at once, so that a restart with many logins does not
//! look like an attack to a network.

use std::sync::Arc;
use std::time::Duration;

use support_db::{DbError, params};
use tokio::sync::Semaphore;

use super::Logins;
use crate::ids::{LoginId, NetworkId, PortalKey, RemoteChatId};
use crate::network::{BridgeState, BridgeStateKind, ConnectContext, RemoteSink};

/// How many logins are on their way up at once.
const AT_ONCE: usize = 8;
/// How much later each login starts than the one before, about.
const APART: Duration = Duration::from_millis(40);
/// How long a login that is on its way up keeps its place from the next.
const PLACE: Duration = Duration::from_secs(10);

const PORTALS: &str = "SELECT p.network, p.chat, p.receiver
    FROM portal_login l
    JOIN portal p ON p.id = l.portal_id
    WHERE l.login_id = $1
    ORDER BY p.id";

impl Logins {
    /// Starts to connect every login and returns.
    pub(crate) fn connect_all(&self) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let logins: Vec<LoginId> = self.read().keys().cloned().collect();
        for (index, login) in logins.into_iter().enumerate() {
            let (this, places) = (self.clone(), places.clone());
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let start = self.0.random.jitter(APART.saturating_mul(index), 0.5);
            let connecting = async move {
                this.0.clock.sleep(start).await;
                let _place = places.acquire_owned().await;
                this.connect(&login).await;
                this.settled(&login, PLACE).await;
            };
            let stop = self.0.stop.clone();
            self.0.tasks.spawn(async move { stop.run_until_cancelled(connecting).await });
        }
    }

    /// Starts to connect one login and returns. How it goes shows in its state.
    pub(crate) async fn connect(&self, login: &LoginId) {
        let (Some(client), Some(intake)) = (self.client(login), self.intake()) else { return };
        let portals = match self.portals_of(login).await {
            Ok(portals) => portals,
            Err(error) => {
                let words = format!("The bridge's storage does not answer: {error}");
                let state = BridgeState::with_message(BridgeStateKind::UnknownError, words);
                return self.set_state(login, state).await;
            }
        };
        let last_connected = self.entry(login, |entry| entry.last_connected).flatten();
        let media = match self.network(login) {
            Some(network) => self.0.media.of(network),
            None => self.0.media.clone(),
        };
        let context = ConnectContext { portals, last_connected, media };
        tracing::info!(%login, "connecting a login");
        client.connect(RemoteSink::new(login.clone(), intake), context).await;
    }

    /// Ends every connection.
    pub(crate) async fn disconnect_all(&self) {
        let clients: Vec<_> = self.read().values().map(|entry| entry.client.clone()).collect();
        futures_util::future::join_all(clients.iter().map(|client| client.disconnect())).await;
    }

    /// Waits until a login is no longer on its way up, at most for the given time, and returns
    /// its state then.
    pub(crate) async fn settled(&self, login: &LoginId, within: Duration) -> Option<BridgeState> {
        let mut changes = self.changes();
        let deadline = self.0.clock.sleep(within);
        tokio::pin!(deadline);
        loop {
            let state = self.state(login)?;
            if state.kind != BridgeStateKind::Connecting {
                return Some(state);
            }
            tokio::select! {
                () = &mut deadline => return self.state(login),
                // Whether it brought news or we lagged: look again.
                _ = changes.recv() => {}
            }
        }
    }

    async fn portals_of(&self, login: &LoginId) -> Result<Vec<PortalKey>, DbError> {
        let rows = self.0.db.fetch_all(PORTALS, params![login.as_str()]).await?;
        rows.iter()
            .map(|row| {
                let receiver: String = row.get("receiver")?;
                Ok(PortalKey {
                    network: NetworkId::new(row.get::<String>("network")?),
                    chat: RemoteChatId::new(row.get::<String>("chat")?),
                    receiver: (!receiver.is_empty()).then(|| LoginId::new(receiver)),
                })
            })
            .collect()
    }
}
