//! Stands between the core and the bridge under test: sees every commit and every send, stops the
//! world at a chosen one, loses answers, delivers twice, slows down. The bridge does not notice, and
//! needs to do nothing for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bridge_core::ids::{LoginId, PortalKey, RemoteChatId, RemoteUserId, SendKey};
use bridge_core::network::{
    Batch, BridgeState, Capabilities, ChatInfo, CommitError, ConnectContext, Consent, Cursor,
    Directory, History, LoginFlow, LoginProcess, MediaRef, MediaStream, NetworkClient,
    NetworkConnector, NetworkContext, NetworkError, NetworkFactory, NetworkFacts, Outgoing,
    OutgoingKind, PlumbRequest, Refusal, RemoteEvent, RemoteIntake, RemoteSink, RemoteStep,
    SendOutcome, StoredLogin, UserInfo,
};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::watch;

/// A moment at which the process may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// News was handed over and is not stored.
    BeforeCommit,
    /// News is stored, and the bridge does not know.
    AfterCommit,
    /// A send is marked, and no byte has left.
    BeforeSend,
    /// A send is done, and its answer is not stored.
    AfterSend,
}

/// A handle to what is seen and done between core and bridge.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    reached: watch::Sender<bool>,
    /// Counts what lets go of whoever waits here.
    freed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    clients: Vec<Arc<dyn NetworkClient>>,
    stop_at: Option<Point>,
    lose_answers: usize,
    commit_twice: bool,
    slow_files: Option<Duration>,
    /// Sends to this chat wait.
    held_chat: Option<RemoteChatId>,
    /// Plans that differed when they were made again.
    unsteady: Vec<String>,
    steps: Vec<RemoteStep>,
    events: Vec<RemoteEvent>,
    states: HashMap<LoginId, Vec<BridgeState>>,
}

impl Watch {
    /// Wraps what a bridge's factory makes.
    pub(crate) fn over(&self, inner: NetworkFactory) -> NetworkFactory {
        let watch = self.clone();
        Arc::new(move |context: NetworkContext, section: Value| {
            let inner = inner(context, section)?;
            Ok(Arc::new(Connector { inner, watch: watch.clone() }))
        })
    }

    /// Stops the world when it next comes to a point.
    pub(crate) fn stop_at(&self, point: Point) {
        self.0.reached.send_replace(false);
        self.lock().stop_at = Some(point);
    }

    /// Waits until the point is reached.
    pub(crate) async fn reached(&self) {
        let mut reached = self.0.reached.subscribe();
        // The sender lives as long as this handle.
        drop(reached.wait_for(|reached| *reached).await);
    }

    /// Lets commits that were stopped end: nothing is committed any more, the process is dying.
    pub(crate) fn let_die(&self) {
        self.lock().stop_at = None;
        self.0.freed.send_modify(|count| *count += 1);
    }

    /// Loses the answers to this many sends that come.
    pub(crate) fn lose_answers(&self, count: usize) {
        self.lock().lose_answers = count;
    }

    /// Commits everything twice from now on, as a network does that tells things again.
    pub(crate) fn commit_twice(&self) {
        self.lock().commit_twice = true;
    }

    /// Has every file of the network take a while.
    pub(crate) fn slow_files(&self, time: Duration) {
        self.lock().slow_files = Some(time);
    }

    /// Has sends to a chat wait, or no longer.
    pub(crate) fn hold_chat(&self, chat: Option<RemoteChatId>) {
        self.lock().held_chat = chat;
        self.0.freed.send_modify(|count| *count += 1);
    }

    /// Returns the table of a chat, as the newest client gives it.
    pub(crate) fn capabilities(&self, portal: &PortalKey) -> Option<Capabilities> {
        Some(self.lock().clients.last()?.capabilities(portal))
    }

    /// Whether the network shows what was said before.
    pub(crate) fn shows_history(&self) -> bool {
        self.lock().clients.last().is_some_and(|client| client.history().is_some())
    }

    /// Returns plans that were different when made again.
    pub(crate) fn unsteady(&self) -> Vec<String> {
        self.lock().unsteady.clone()
    }

    /// Returns every step that was sent.
    pub(crate) fn steps(&self) -> Vec<RemoteStep> {
        self.lock().steps.clone()
    }

    /// Returns everything that was committed.
    pub(crate) fn events(&self) -> Vec<RemoteEvent> {
        self.lock().events.clone()
    }

    /// Returns every state a login was reported in.
    pub(crate) fn states(&self) -> Vec<BridgeState> {
        self.lock().states.values().flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the world stops here.
    fn stops(&self, point: Point) -> bool {
        let mut state = self.lock();
        let stops = state.stop_at == Some(point);
        if stops {
            state.stop_at = None;
        }
        drop(state);
        if stops {
            self.0.reached.send_replace(true);
        }
        stops
    }
}

struct Connector {
    inner: Arc<dyn NetworkConnector>,
    watch: Watch,
}

#[async_trait]
impl NetworkConnector for Connector {
    fn facts(&self) -> NetworkFacts {
        self.inner.facts()
    }

    fn login_flows(&self) -> Vec<LoginFlow> {
        self.inner.login_flows()
    }

    async fn start_login(
        &self,
        flow: &str,
        owner: &str,
    ) -> Result<Box<dyn LoginProcess>, NetworkError> {
        self.inner.start_login(flow, owner).await
    }

    fn load_login(&self, login: StoredLogin) -> Result<Arc<dyn NetworkClient>, NetworkError> {
        let inner = self.inner.load_login(login)?;
        self.watch.lock().clients.push(inner.clone());
        Ok(Arc::new(Client { inner, watch: self.watch.clone() }))
    }

    fn routes(&self) -> Option<axum::Router> {
        self.inner.routes()
    }
}

struct Client {
    inner: Arc<dyn NetworkClient>,
    watch: Watch,
}

impl Client {
    async fn wait_for_chat(&self, chat: &RemoteChatId) {
        let mut freed = self.watch.0.freed.subscribe();
        while self.watch.lock().held_chat.as_ref() == Some(chat) {
            if freed.changed().await.is_err() {
                return;
            }
        }
    }
}

#[async_trait]
impl NetworkClient for Client {
    async fn connect(&self, sink: RemoteSink, context: ConnectContext) {
        let login = sink.login().clone();
        let intake = Intake { inner: sink, watch: self.watch.clone() };
        self.inner.connect(RemoteSink::new(login, Arc::new(intake)), context).await;
    }

    async fn disconnect(&self) {
        self.inner.disconnect().await;
    }

    async fn logout(&self) {
        self.inner.logout().await;
    }

    fn capabilities(&self, portal: &PortalKey) -> Capabilities {
        self.inner.capabilities(portal)
    }

    fn own_user(&self) -> Option<RemoteUserId> {
        self.inner.own_user()
    }

    async fn chat_info(&self, chat: &RemoteChatId) -> Result<ChatInfo, NetworkError> {
        self.inner.chat_info(chat).await
    }

    async fn user_info(&self, user: &RemoteUserId) -> Result<UserInfo, NetworkError> {
        self.inner.user_info(user).await
    }

    fn plan(
        &self,
        outgoing: &Outgoing,
        capabilities: &Capabilities,
    ) -> Result<Vec<RemoteStep>, Refusal> {
        let plan = self.inner.plan(outgoing, capabilities);
        if self.inner.plan(outgoing, capabilities) != plan {
            self.watch.lock().unsteady.push(format!("{:?}", outgoing.kind));
        }
        plan
    }

    async fn turn(&self, portal: &PortalKey, step: &RemoteStep) {
        self.inner.turn(portal, step).await;
    }

    async fn send(&self, portal: &PortalKey, step: &RemoteStep, key: &SendKey) -> SendOutcome {
        self.wait_for_chat(&portal.chat).await;
        if self.watch.stops(Point::BeforeSend) {
            return std::future::pending().await;
        }
        self.watch.lock().steps.push(step.clone());
        let outcome = self.inner.send(portal, step, key).await;
        if self.watch.stops(Point::AfterSend) {
            return std::future::pending().await;
        }
        let mut state = self.watch.lock();
        if state.lose_answers > 0 {
            state.lose_answers -= 1;
            return SendOutcome::Unknown { reason: "the answer was lost".to_owned() };
        }
        outcome
    }

    async fn resolve(&self, portal: &PortalKey, step: &RemoteStep, key: &SendKey) -> SendOutcome {
        self.inner.resolve(portal, step, key).await
    }

    async fn ephemeral(&self, portal: &PortalKey, what: &OutgoingKind) {
        self.inner.ephemeral(portal, what).await;
    }

    async fn fetch_media(&self, media: &MediaRef) -> Result<MediaStream, NetworkError> {
        let slow = self.watch.lock().slow_files;
        if let Some(slow) = slow {
            tokio::time::sleep(slow).await;
        }
        self.inner.fetch_media(media).await
    }

    async fn may_plumb(&self, request: &PlumbRequest) -> Consent {
        self.inner.may_plumb(request).await
    }

    fn history(&self) -> Option<&dyn History> {
        self.inner.history()
    }

    fn directory(&self) -> Option<&dyn Directory> {
        self.inner.directory()
    }
}

struct Intake {
    inner: RemoteSink,
    watch: Watch,
}

impl Intake {
    /// Stops here if the world is to stop at this point: what waits is dropped with the process, or
    /// let go while it dies.
    async fn stop(&self, point: Point) -> Result<(), CommitError> {
        let mut freed = self.watch.0.freed.subscribe();
        if !self.watch.stops(point) {
            return Ok(());
        }
        drop(freed.changed().await);
        Err(CommitError::Closed)
    }
}

#[async_trait]
impl RemoteIntake for Intake {
    async fn commit(&self, _login: &LoginId, batch: Batch) -> Result<(), CommitError> {
        self.stop(Point::BeforeCommit).await?;
        let twice = self.watch.lock().commit_twice;
        self.watch.lock().events.extend(batch.events.iter().cloned());
        if twice {
            self.inner.commit(batch.clone()).await?;
        }
        self.inner.commit(batch).await?;
        self.stop(Point::AfterCommit).await
    }

    fn ephemeral(&self, _login: &LoginId, event: RemoteEvent) {
        self.inner.ephemeral(event);
    }

    async fn state(&self, login: &LoginId, state: BridgeState) {
        self.watch.lock().states.entry(login.clone()).or_default().push(state.clone());
        self.inner.state(state).await;
    }

    async fn keep_secret(
        &self,
        _login: &LoginId,
        secret: Option<SecretString>,
    ) -> Result<(), CommitError> {
        self.inner.keep_secret(secret).await
    }

    async fn cursor(&self, _login: &LoginId, stream: &str) -> Result<Option<Cursor>, CommitError> {
        self.inner.cursor(stream).await
    }
}
