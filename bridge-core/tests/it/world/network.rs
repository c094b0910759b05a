//! A network in memory whose behaviour is told by the test: how it confirms, what goes wrong with
//! which text, which logins are connected. It outlives the bridge, as networks do.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use bridge_core::{
    ids::{LoginId, PortalKey, RemoteChatId, RemoteMessageId, RemoteUserId, SendKey},
    network::{
        Batch, BridgeState, BridgeStateKind, Capabilities, ChatInfo, ChatKind, CommitError,
        ConnectContext, DeliveryFacts, Level, Limits, LoginFlow, LoginProcess, LostAnswer,
        MediaRef, MediaStream, MessageContent, MessageKind, NetworkClient, NetworkConnector,
        NetworkError, NetworkFacts, Operation, Ordering, Outgoing, OutgoingKind, Refusal,
        RemoteEvent, RemoteEventKind, RemoteMessage, RemoteSender, RemoteSink, RemoteStep,
        SendOutcome, StoredLogin, UserInfo,
    },
};
use serde_json::json;
use tokio::sync::Semaphore;

use super::fuse::Fuse;

/// Something that was said on the network by one of our logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub chat: String,
    pub login: String,
    pub text: String,
    pub key: SendKey,
    pub id: String,
}

/// How the network confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirms {
    AtOnce,
    ByEcho,
}

/// What happens to the next send of a text.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    Retry(Duration),
    Offline,
    Failed(&'static str),
    Unknown {
        applied: bool,
    },
    /// Waits until the test opens the gate.
    Gate(Arc<Semaphore>),
    /// Is applied at once, and waits with its answer until the test opens the gate.
    SlowAnswer(Arc<Semaphore>),
    Panic,
}

/// How the network is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nature {
    pub confirms: Confirms,
    pub lost_answer: LostAnswer,
    pub ids_shared: bool,
    pub max_inflight: usize,
    /// Whether `resolve` finds what was said.
    pub resolves: bool,
    /// Whether messages can be changed.
    pub edits: bool,
}

impl Default for Nature {
    fn default() -> Self {
        Self {
            confirms: Confirms::AtOnce,
            lost_answer: LostAnswer::HistoryMatch,
            ids_shared: true,
            max_inflight: 1,
            resolves: true,
            edits: false,
        }
    }
}

/// The network.
pub(crate) struct Network {
    state: Mutex<State>,
    fuse: Arc<Fuse>,
}

#[derive(Default)]
struct State {
    nature: Nature,
    sinks: HashMap<String, RemoteSink>,
    said: Vec<Said>,
    script: Vec<(String, Script)>,
    offline: HashSet<String>,
    echoes: VecDeque<(String, RemoteEvent)>,
    attempts: Vec<String>,
    asked: usize,
    next: u64,
}

impl Network {
    pub(crate) fn new(fuse: Arc<Fuse>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), fuse })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn set_nature(&self, nature: Nature) {
        self.lock().nature = nature;
    }

    /// The next send of a text goes like this.
    pub(crate) fn script(&self, text: &str, script: Script) {
        self.lock().script.push((text.to_owned(), script));
    }

    /// A login hears something that may be lost.
    pub(crate) fn hears_for_now(&self, login: &str, event: RemoteEvent) {
        let sink = self.lock().sinks.get(login).cloned().unwrap();
        sink.ephemeral(event);
    }

    /// Whether something was tried.
    pub(crate) fn was_tried(&self, what: &str) -> bool {
        self.lock().attempts.iter().any(|tried| tried == what)
    }

    /// Returns the texts said in a chat, in order.
    pub(crate) fn texts(&self, chat: &str) -> Vec<String> {
        let state = self.lock();
        state.said.iter().filter(|said| said.chat == chat).map(|said| said.text.clone()).collect()
    }

    pub(crate) fn said(&self) -> Vec<Said> {
        self.lock().said.clone()
    }

    /// Returns the texts of all attempts, in order.
    pub(crate) fn attempts(&self) -> Vec<String> {
        self.lock().attempts.clone()
    }

    /// Returns how often the network was asked what became of a send.
    pub(crate) fn asked(&self) -> usize {
        self.lock().asked
    }

    /// A login loses its connection.
    pub(crate) async fn disconnects(&self, login: &str) {
        let sink = {
            let mut state = self.lock();
            state.offline.insert(login.to_owned());
            state.sinks.get(login).cloned()
        };
        let Some(sink) = sink else { return };
        sink.state(BridgeState::new(BridgeStateKind::TransientDisconnect)).await;
    }

    /// A login comes back.
    pub(crate) async fn reconnects(&self, login: &str) {
        let sink = {
            let mut state = self.lock();
            state.offline.remove(login);
            state.sinks.get(login).cloned()
        };
        let Some(sink) = sink else { return };
        sink.state(BridgeState::new(BridgeStateKind::Connected)).await;
    }

    /// Returns what a login commits through.
    pub(crate) fn sink(&self, login: &str) -> Option<RemoteSink> {
        self.lock().sinks.get(login).cloned()
    }

    /// A login hears something.
    pub(crate) async fn hears(&self, login: &str, event: RemoteEvent) -> Result<(), CommitError> {
        let sink = self.sink(login).ok_or(CommitError::Closed)?;
        sink.commit(Batch::event(event)).await
    }

    /// Delivers the echoes that are due; those that could not be committed stay.
    pub(crate) async fn deliver_echoes(&self) {
        loop {
            let next = self.lock().echoes.front().cloned();
            let Some((login, event)) = next else { return };
            if self.hears(&login, event).await.is_err() {
                return;
            }
            self.lock().echoes.pop_front();
        }
    }

    pub(crate) fn has_echoes(&self) -> bool {
        !self.lock().echoes.is_empty()
    }

    /// The bridge is gone.
    pub(crate) fn forget_sinks(&self) {
        self.lock().sinks.clear();
    }
}

/// Makes a message of somebody remote.
pub(crate) fn message(chat: &str, who: &str, id: Option<&str>, text: &str) -> RemoteEvent {
    let said = RemoteMessage::new(MessageContent::text(text));
    let mut event = RemoteEvent::new(RemoteChatId::new(chat), RemoteEventKind::Message(said));
    event.id = id.map(RemoteMessageId::new);
    event.sender = Some(RemoteSender { user: RemoteUserId::new(who), is_me: false, profile: None });
    event.creates = Some(ChatKind::Group);
    event
}

/// Makes the same heard by the login whose account said it.
pub(crate) fn from_me(mut event: RemoteEvent) -> RemoteEvent {
    if let Some(sender) = &mut event.sender {
        sender.is_me = true;
    }
    event
}

/// The connector of a [`Network`].
pub(crate) struct Connector(pub(crate) Arc<Network>);

#[async_trait]
impl NetworkConnector for Connector {
    fn facts(&self) -> NetworkFacts {
        NetworkFacts {
            kind: "test",
            protocol_name: "Test",
            display_name: "Test".to_owned(),
            url: "https://example.org",
        }
    }

    fn login_flows(&self) -> Vec<LoginFlow> {
        Vec::new()
    }

    async fn start_login(&self, _: &str, _: &str) -> Result<Box<dyn LoginProcess>, NetworkError> {
        Err(NetworkError::Invalid("logins are put into the database".to_owned()))
    }

    fn load_login(&self, login: StoredLogin) -> Result<Arc<dyn NetworkClient>, NetworkError> {
        Ok(Arc::new(Client {
            network: self.0.clone(),
            login: login.id,
            user: login.record.remote_id,
        }))
    }
}

struct Client {
    network: Arc<Network>,
    login: LoginId,
    user: String,
}

#[async_trait]
impl NetworkClient for Client {
    async fn connect(&self, sink: RemoteSink, _: ConnectContext) {
        let offline = {
            let mut state = self.network.lock();
            state.sinks.insert(self.login.as_str().to_owned(), sink.clone());
            state.offline.contains(self.login.as_str())
        };
        if !offline {
            sink.state(BridgeState::new(BridgeStateKind::Connected)).await;
        }
    }

    async fn disconnect(&self) {
        self.network.lock().sinks.remove(self.login.as_str());
    }

    fn capabilities(&self, _: &PortalKey) -> Capabilities {
        let nature = self.network.lock().nature;
        Capabilities::none(DeliveryFacts {
            ids_shared: nature.ids_shared,
            ordering: Ordering::PerChat,
            max_inflight: nature.max_inflight,
        })
        .with_text()
        .with(Operation::Redaction, Level::Full)
        .with(Operation::Reaction, Level::Degraded)
        .with(Operation::Edit, if nature.edits { Level::Full } else { Level::Rejected })
        .with(Operation::Topic, Level::Full)
        .with(Operation::Typing, Level::Full)
        .with(Operation::Message(MessageKind::File), Level::Degraded)
        .with_limits(Limits::default())
    }

    fn own_user(&self) -> Option<RemoteUserId> {
        Some(RemoteUserId::new(&*self.user))
    }

    async fn chat_info(&self, _: &RemoteChatId) -> Result<ChatInfo, NetworkError> {
        Ok(ChatInfo::default())
    }

    async fn user_info(&self, _: &RemoteUserId) -> Result<UserInfo, NetworkError> {
        Ok(UserInfo::default())
    }

    fn plan(&self, outgoing: &Outgoing, _: &Capabilities) -> Result<Vec<RemoteStep>, Refusal> {
        let lost_answer = self.network.lock().nature.lost_answer;
        let step = |text: String| RemoteStep {
            operation: outgoing.kind.operation(),
            lost_answer,
            payload: json!({ "text": text }),
        };
        match &outgoing.kind {
            OutgoingKind::Message { content, .. } if content.text.plain == "refuse me" => {
                Err(Refusal::new("This network does not like that text."))
            }
            OutgoingKind::Message { content, .. } => {
                Ok(content.text.plain.lines().map(|line| step(line.to_owned())).collect())
            }
            OutgoingKind::Redaction { target } => Ok(vec![step(format!("redact {target}"))]),
            OutgoingKind::Topic { topic } => Ok(vec![step(format!("topic {topic}"))]),
            other => Ok(vec![step(format!("{other:?}"))]),
        }
    }

    async fn send(&self, portal: &PortalKey, step: &RemoteStep, key: &SendKey) -> SendOutcome {
        self.network.fuse.tick().await;
        let text = step.payload["text"].as_str().unwrap().to_owned();
        let login = self.login.as_str().to_owned();
        let script = {
            let mut state = self.network.lock();
            state.attempts.push(text.clone());
            if state.offline.contains(&login) {
                return SendOutcome::Offline;
            }
            let place = state.script.iter().position(|(wanted, _)| text.contains(wanted.as_str()));
            place.map(|place| state.script.remove(place).1)
        };
        let mut applied = true;
        let mut lost = false;
        let mut slow = None;
        match script {
            None => {}
            Some(Script::Retry(after)) => {
                return SendOutcome::Retry { after, reason: "busy".to_owned() };
            }
            Some(Script::Offline) => return SendOutcome::Offline,
            Some(Script::Failed(words)) => return SendOutcome::Failed { words: words.to_owned() },
            Some(Script::Unknown { applied: a }) => {
                applied = a;
                lost = true;
            }
            Some(Script::Gate(gate)) => gate.acquire().await.unwrap().forget(),
            Some(Script::SlowAnswer(gate)) => slow = Some(gate),
            Some(Script::Panic) => panic!("the bridge has a bug"),
        }
        let (confirms, id) = {
            let mut state = self.network.lock();
            state.next += 1;
            let id = format!("m{}", state.next);
            // A network with keys of its clients ignores the second one.
            let keyed = matches!(state.nature.lost_answer, LostAnswer::ClientKey { .. });
            let known = state.said.iter().find(|said| keyed && said.key == *key);
            let id = known.map_or(id, |said| said.id.clone());
            if applied && !state.said.iter().any(|said| said.id == id) {
                let said = Said {
                    chat: portal.chat.as_str().to_owned(),
                    login: login.clone(),
                    text: text.clone(),
                    key: key.clone(),
                    id: id.clone(),
                };
                state.said.push(said);
            }
            (state.nature.confirms, id)
        };
        let echo = || {
            let mut event = from_me(message(portal.chat.as_str(), &self.user, Some(&id), &text));
            event.echo_of = Some(key.clone());
            event
        };
        if confirms == Confirms::ByEcho && applied {
            self.network.lock().echoes.push_back((login, echo()));
        }
        if let Some(gate) = slow {
            gate.acquire().await.unwrap().forget();
        }
        self.network.fuse.tick().await;
        if lost {
            return SendOutcome::Unknown { reason: "the connection broke".to_owned() };
        }
        match confirms {
            Confirms::AtOnce => SendOutcome::Confirmed {
                remote_id: Some(RemoteMessageId::new(id)),
                timestamp: Some(1),
            },
            Confirms::ByEcho => SendOutcome::AwaitEcho { within: Duration::from_secs(30) },
        }
    }

    async fn ephemeral(&self, portal: &PortalKey, what: &OutgoingKind) {
        self.network.lock().attempts.push(format!("{} {what:?}", portal.chat));
    }

    async fn fetch_media(&self, media: &MediaRef) -> Result<MediaStream, NetworkError> {
        let text = media.locator.as_str().unwrap_or_default().to_owned();
        Ok(MediaStream::bytes(text.into_bytes()).with_content_type("image/png"))
    }

    async fn resolve(&self, _: &PortalKey, _: &RemoteStep, key: &SendKey) -> SendOutcome {
        self.network.fuse.tick().await;
        let mut state = self.network.lock();
        state.asked += 1;
        if !state.nature.resolves {
            return SendOutcome::Unknown { reason: "nothing can be found".to_owned() };
        }
        match state.said.iter().find(|said| said.key == *key) {
            Some(said) => SendOutcome::Confirmed {
                remote_id: Some(RemoteMessageId::new(&*said.id)),
                timestamp: Some(1),
            },
            None => SendOutcome::Retry { after: Duration::ZERO, reason: "not there".to_owned() },
        }
    }
}
