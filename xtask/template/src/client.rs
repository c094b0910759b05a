//! One login: it reads what the network says after the position the core has stored, commits it, and
//! only then asks for more; and it sends what the core hands it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bridge_core::ids::{PortalKey, RemoteChatId, RemoteUserId, SendKey};
use bridge_core::network::{
    Batch, BridgeState, BridgeStateKind, Capabilities, ChatInfo, CommitError, ConnectContext,
    Cursor, Directory, NetworkClient, NetworkError, Outgoing, Refusal, RemoteSink, RemoteStep,
    SendOutcome, UserInfo,
};
use support_clock::SharedClock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::capabilities;
use crate::chat_info;
use crate::error::send_outcome;
use crate::from_matrix::{self, Post};
use crate::ids::{make_message_id, make_user_id, parse_chat_id, parse_user_id};
use crate::login::Metadata;
use crate::network::{NewNet, Refused};
use crate::to_matrix;

/// The one stream of updates there is.
const STREAM: &str = "updates";
/// How long the core is given when its storage is in trouble.
const PAUSE: Duration = Duration::from_secs(1);

/// One login's client.
pub(crate) struct NewNetClient {
    inner: Arc<Inner>,
    tasks: TaskTracker,
    /// Ends the connection of now; replaced by each `connect`.
    connection: Mutex<CancellationToken>,
}

struct Inner {
    network: NewNet,
    clock: SharedClock,
    metadata: Metadata,
}

impl NewNetClient {
    pub(crate) fn new(network: NewNet, clock: SharedClock, metadata: Metadata) -> Self {
        let inner = Arc::new(Inner { network, clock, metadata });
        Self { inner, tasks: TaskTracker::new(), connection: Mutex::default() }
    }

    pub(crate) fn network(&self) -> &NewNet {
        &self.inner.network
    }

    pub(crate) fn account(&self) -> &str {
        &self.inner.metadata.account
    }

    fn replace_connection(&self) -> CancellationToken {
        let new = CancellationToken::new();
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *connection, new.clone()).cancel();
        new
    }
}

#[async_trait]
impl NetworkClient for NewNetClient {
    async fn connect(&self, sink: RemoteSink, _context: ConnectContext) {
        let connection = self.replace_connection();
        let inner = self.inner.clone();
        // An error says that the core serves this login no longer: there is nobody left to tell.
        let listening = async move { inner.listen(&sink).await.ok() };
        self.tasks.spawn(async move { connection.run_until_cancelled(listening).await });
    }

    async fn disconnect(&self) {
        self.replace_connection().cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    fn capabilities(&self, _portal: &PortalKey) -> Capabilities {
        capabilities::capabilities()
    }

    fn own_user(&self) -> Option<RemoteUserId> {
        Some(make_user_id(self.account()))
    }

    async fn chat_info(&self, chat: &RemoteChatId) -> Result<ChatInfo, NetworkError> {
        chat_info::chat_info(self.network(), self.account(), chat)
    }

    async fn user_info(&self, user: &RemoteUserId) -> Result<UserInfo, NetworkError> {
        Ok(to_matrix::profile(parse_user_id(user)))
    }

    fn plan(
        &self,
        outgoing: &Outgoing,
        capabilities: &Capabilities,
    ) -> Result<Vec<RemoteStep>, Refusal> {
        from_matrix::plan(outgoing, capabilities)
    }

    async fn send(&self, portal: &PortalKey, step: &RemoteStep, key: &SendKey) -> SendOutcome {
        let text = match Post::parse(step) {
            Ok(Post::Say { text }) => text,
            Err(error) => return SendOutcome::Failed { words: error.to_string() },
        };
        let chat = parse_chat_id(&portal.chat);
        match self.network().post(self.account(), chat, &text, key.as_str()) {
            Ok(number) => said(number),
            Err(refused) => send_outcome(refused),
        }
    }

    async fn resolve(&self, _portal: &PortalKey, _step: &RemoteStep, key: &SendKey) -> SendOutcome {
        match self.network().find_by_key(self.account(), key.as_str()) {
            Some(number) => said(number),
            None => SendOutcome::Unknown { reason: "the network knows no such send".to_owned() },
        }
    }

    fn directory(&self) -> Option<&dyn Directory> {
        Some(self)
    }
}

fn said(number: i64) -> SendOutcome {
    SendOutcome::Confirmed { remote_id: Some(make_message_id(number)), timestamp: None }
}

impl Inner {
    /// Stays connected for good. Ends when the core serves this login no longer.
    async fn listen(&self, sink: &RemoteSink) -> Result<(), CommitError> {
        let account = self.metadata.account.as_str();
        let mut position = self.stored_position(sink).await?;
        sink.state(BridgeState::new(BridgeStateKind::Connected)).await;
        loop {
            let updates = match self.network.updates(account, position).await {
                Ok(updates) => updates,
                Err(refused) => {
                    sink.state(ended(&refused)).await;
                    return Ok(());
                }
            };
            let Some(last) = updates.last().map(|update| update.number) else { continue };
            let events = updates.iter().map(|update| to_matrix::event(update, account)).collect();
            let cursor = Cursor { stream: STREAM.to_owned(), value: last.to_string(), order: last };
            let batch = Batch { events, cursors: vec![cursor], settlements: vec![] };
            self.commit(sink, batch).await?;
            position = last;
        }
    }

    /// Commits a batch, again if storage was in trouble: the network does not say it again before we
    /// go on.
    async fn commit(&self, sink: &RemoteSink, batch: Batch) -> Result<(), CommitError> {
        while let Err(error) = sink.commit(batch.clone()).await {
            match error {
                CommitError::NotStored(_) => self.clock.sleep(PAUSE).await,
                CommitError::Closed => return Err(error),
            }
        }
        Ok(())
    }

    async fn stored_position(&self, sink: &RemoteSink) -> Result<i64, CommitError> {
        loop {
            match sink.cursor(STREAM).await {
                Ok(Some(cursor)) => return Ok(cursor.order.max(self.metadata.since)),
                Ok(None) => return Ok(self.metadata.since),
                Err(CommitError::NotStored(_)) => self.clock.sleep(PAUSE).await,
                Err(CommitError::Closed) => return Err(CommitError::Closed),
            }
        }
    }
}

fn ended(refused: &Refused) -> BridgeState {
    BridgeState::with_message(BridgeStateKind::BadCredentials, format!("{refused}."))
}
