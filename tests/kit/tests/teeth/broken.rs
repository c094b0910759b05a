//! Networks that are broken in one place: the demo network's bridge with a fault put over it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bridge_core::ids::{LoginId, PortalKey, RemoteChatId, RemoteMessageId, RemoteUserId, SendKey};
use bridge_core::network::{
    Batch, BridgeState, BridgeStateKind, Capabilities, ChatInfo, CommitError, ConnectContext,
    Consent, Cursor, Directory, IdOf, Level, LoginFlow, LoginInput, LoginProcess, LoginStep,
    MediaRef, MediaStream, NetworkClient, NetworkConnector, NetworkContext, NetworkError,
    NetworkFactory, NetworkFacts, Operation, Outgoing, OutgoingKind, PlumbRequest, Refusal,
    RemoteEvent, RemoteEventKind, RemoteIntake, RemoteMembership, RemoteSink, RemoteStep,
    SendOutcome, Speaker, StoredLogin, UserInfo,
};
use bridge_testkit::async_trait;
use bridge_testkit::conformance::{Act, DemoHarness, Done, Harness, Seen, Trouble};
use secrecy::SecretString;
use serde_json::Value;

use crate::faults::Fault;

/// The demo network with a fault in its bridge.
pub(crate) struct Broken {
    demo: DemoHarness,
    fault: Fault,
    memory: Arc<Memory>,
}

/// What a fault remembers.
#[derive(Default)]
struct Memory {
    heard: AtomicUsize,
    dice: AtomicU64,
    first: Mutex<Option<Arc<dyn NetworkClient>>>,
    first_chat: Mutex<Option<RemoteChatId>>,
    kept: Mutex<Option<RemoteEvent>>,
    loads: AtomicUsize,
    /// Somebody has the turn.
    busy: AtomicBool,
}

impl Broken {
    pub(crate) fn new(demo: DemoHarness, fault: Fault) -> Self {
        Self { demo, fault, memory: Arc::default() }
    }
}

#[async_trait]
impl Harness for Broken {
    async fn start() -> Self {
        unreachable!("made around a network that is there")
    }

    fn factory(&self) -> NetworkFactory {
        let (inner, fault, memory) = (self.demo.factory(), self.fault, self.memory.clone());
        Arc::new(move |context: NetworkContext, section: Value| {
            let inner = inner(context, section)?;
            Ok(Arc::new(Connector { inner, fault, memory: memory.clone() }))
        })
    }

    fn wrong_login(&self) -> Option<Vec<(&'static str, String)>> {
        self.demo.wrong_login()
    }

    fn other_chat(&self) -> Option<&'static str> {
        self.demo.other_chat()
    }

    fn command(&self) -> Option<(&'static str, &'static str)> {
        self.demo.command()
    }

    async fn does(&self, who: &str, chat: &str, act: Act) -> Done {
        self.demo.does(who, chat, act).await
    }

    async fn sees(&self, chat: &str) -> Seen {
        self.demo.sees(chat).await
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        self.demo.trouble(trouble).await
    }
}

struct Connector {
    inner: Arc<dyn NetworkConnector>,
    fault: Fault,
    memory: Arc<Memory>,
}

struct AnyName(Box<dyn LoginProcess>);

#[async_trait]
impl LoginProcess for AnyName {
    async fn start(&mut self) -> Result<LoginStep, NetworkError> {
        self.0.start().await
    }

    async fn submit(&mut self, _input: LoginInput) -> Result<LoginStep, NetworkError> {
        let name = ("name".to_owned(), SecretString::from("alice"));
        self.0.submit(LoginInput::from([name])).await
    }

    async fn cancel(&mut self) {}
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
        let process = self.inner.start_login(flow, owner).await?;
        Ok(match self.fault {
            Fault::TakeAnyName => Box::new(AnyName(process)),
            _ => process,
        })
    }

    fn load_login(&self, login: StoredLogin) -> Result<Arc<dyn NetworkClient>, NetworkError> {
        let loads = self.memory.loads.fetch_add(1, Ordering::SeqCst);
        if self.fault == Fault::ForgetLogins && loads > 0 {
            return Err(NetworkError::Invalid("what is this?".to_owned()));
        }
        let inner = self.inner.load_login(login)?;
        let mut first = self.memory.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| inner.clone());
        drop(first);
        Ok(Arc::new(Client { inner, fault: self.fault, memory: self.memory.clone() }))
    }
}

struct Client {
    inner: Arc<dyn NetworkClient>,
    fault: Fault,
    memory: Arc<Memory>,
}

impl Client {
    fn speaker(&self) -> Arc<dyn NetworkClient> {
        let first = self.memory.first.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.fault, &*first) {
            (Fault::LeakLogin, Some(first)) => first.clone(),
            _ => self.inner.clone(),
        }
    }

    fn spoil_outgoing(&self, outgoing: &Outgoing) -> Outgoing {
        let mut outgoing = outgoing.clone();
        if self.fault == Fault::HideRelayed
            && let Speaker::Relay { login, .. } = outgoing.speaker.clone()
        {
            outgoing.speaker = Speaker::Login { login };
        }
        if let OutgoingKind::Message { content, reply_to, .. } = &mut outgoing.kind {
            match self.fault {
                Fault::LoseReplies => *reply_to = None,
                Fault::Mangle => {
                    if let Some(html) = content.text.html.take() {
                        content.text.plain = html;
                    }
                }
                _ => {}
            }
        }
        outgoing
    }
}

#[async_trait]
impl NetworkClient for Client {
    async fn connect(&self, sink: RemoteSink, context: ConnectContext) {
        let login = sink.login().clone();
        let intake = Intake { inner: sink, fault: self.fault, memory: self.memory.clone() };
        self.inner.connect(RemoteSink::new(login, Arc::new(intake)), context).await;
    }

    async fn disconnect(&self) {
        self.inner.disconnect().await;
    }

    fn capabilities(&self, portal: &PortalKey) -> Capabilities {
        let table = self.inner.capabilities(portal);
        match self.fault {
            Fault::Claim => table.with(Operation::Poll, Level::Full),
            _ => table,
        }
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
        let mut steps = self.inner.plan(&self.spoil_outgoing(outgoing), capabilities)?;
        match self.fault {
            Fault::Cut => steps.truncate(1),
            Fault::Dice => {
                let thrown = self.memory.dice.fetch_add(1, Ordering::SeqCst);
                for step in &mut steps {
                    step.payload["dice"] = thrown.into();
                }
            }
            Fault::DoubleReactions if matches!(outgoing.kind, OutgoingKind::Reaction { .. }) => {
                steps.extend(steps.clone());
            }
            _ => {}
        }
        Ok(steps)
    }

    async fn turn(&self, portal: &PortalKey, step: &RemoteStep) {
        if self.fault == Fault::OneAtATime {
            // Until the one before has been sent, whatever chat it goes to.
            while self.memory.busy.load(Ordering::SeqCst) {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            if portal.chat.as_str() == "arsenale" {
                self.memory.busy.store(true, Ordering::SeqCst);
            }
        }
        self.inner.turn(portal, step).await;
    }

    async fn send(&self, portal: &PortalKey, step: &RemoteStep, key: &SendKey) -> SendOutcome {
        let done = SendOutcome::Confirmed { remote_id: None, timestamp: None };
        let lost = match self.fault {
            Fault::LoseEdits => step.operation == Operation::Edit,
            Fault::LosePins => step.operation == Operation::Pin,
            Fault::LoseTimers => step.operation == Operation::DisappearingTimer,
            Fault::LosePictures => step.operation == Operation::Avatar,
            Fault::LoseCommands => step.operation == Operation::Command,
            Fault::LoseState => {
                use Operation::{Membership, Name, Topic};
                matches!(step.operation, Name | Topic | Membership)
            }
            _ => false,
        };
        if lost {
            return done;
        }
        let key = match self.fault {
            Fault::NewKeys => {
                SendKey::new(format!("{key}-{}", self.memory.dice.fetch_add(1, Ordering::SeqCst)))
            }
            _ => key.clone(),
        };
        let outcome = self.speaker().send(portal, step, &key).await;
        if self.fault == Fault::OneAtATime && portal.chat.as_str() == "arsenale" {
            self.memory.busy.store(false, Ordering::SeqCst);
        }
        match (self.fault, outcome) {
            (Fault::SwallowErrors, SendOutcome::Failed { .. }) => done,
            (Fault::IgnoreLimit, SendOutcome::Retry { reason, .. }) => {
                SendOutcome::Failed { words: reason }
            }
            (_, outcome) => outcome,
        }
    }

    async fn resolve(&self, portal: &PortalKey, step: &RemoteStep, key: &SendKey) -> SendOutcome {
        self.inner.resolve(portal, step, key).await
    }

    async fn fetch_media(&self, media: &MediaRef) -> Result<MediaStream, NetworkError> {
        let file = self.inner.fetch_media(media).await?;
        if self.fault != Fault::BreakFiles {
            return Ok(file);
        }
        let content_type = file.content_type.clone().unwrap_or_default();
        let bytes = file.collect(u64::MAX).await?;
        let half = bytes.slice(..bytes.len() - 1);
        Ok(MediaStream::bytes(half).with_content_type(content_type))
    }

    async fn may_plumb(&self, request: &PlumbRequest) -> Consent {
        self.inner.may_plumb(request).await
    }

    fn directory(&self) -> Option<&dyn Directory> {
        self.inner.directory()
    }
}

struct Intake {
    inner: RemoteSink,
    fault: Fault,
    memory: Arc<Memory>,
}

fn is_message(event: &RemoteEvent) -> bool {
    matches!(event.kind, RemoteEventKind::Message(_))
}

impl Intake {
    /// Spoils what was heard.
    fn spoil(&self, events: Vec<RemoteEvent>) -> Vec<RemoteEvent> {
        let mut spoiled = Vec::new();
        for event in events {
            self.spoil_one(event, &mut spoiled);
        }
        spoiled
    }

    /// Counts what came.
    fn is_third(&self) -> bool {
        self.memory.heard.fetch_add(1, Ordering::SeqCst) % 3 == 2
    }

    fn spoil_one(&self, mut event: RemoteEvent, to: &mut Vec<RemoteEvent>) {
        match self.fault {
            Fault::DropThird if is_message(&event) && self.is_third() => return,
            Fault::Double if is_message(&event) && event.echo_of.is_none() => {
                let mut again = event.clone();
                let id = again.id.as_ref().map_or("x", RemoteMessageId::as_str);
                again.id = Some(RemoteMessageId::new(format!("{id}-again")));
                to.push(again);
            }
            Fault::Swap if is_message(&event) && event.echo_of.is_none() => {
                let mut kept = self.memory.kept.lock().unwrap_or_else(PoisonError::into_inner);
                match kept.take() {
                    None => {
                        *kept = Some(event);
                        return;
                    }
                    Some(first) => {
                        to.extend([event, first]);
                        return;
                    }
                }
            }
            Fault::Echo if is_message(&event) => {
                let own = event.sender.as_ref().is_some_and(|sender| sender.is_me);
                if own {
                    event.echo_of = None;
                    let id = event.id.as_ref().map_or("x", RemoteMessageId::as_str);
                    event.id = Some(RemoteMessageId::new(format!("{id}-echo")));
                    if let Some(sender) = &mut event.sender {
                        sender.is_me = false;
                        sender.user = RemoteUserId::new("somebody");
                    }
                }
            }
            Fault::MixChats if is_message(&event) => {
                let mut first =
                    self.memory.first_chat.lock().unwrap_or_else(PoisonError::into_inner);
                event.chat = first.get_or_insert_with(|| event.chat.clone()).clone();
            }
            Fault::OneVoice => {
                if let Some(sender) = event.sender.as_mut().filter(|sender| !sender.is_me) {
                    sender.user = RemoteUserId::new("voice");
                    sender.profile = None;
                }
            }
            Fault::LoseDeliveries if matches!(event.kind, RemoteEventKind::Delivery { .. }) => {
                return;
            }
            Fault::NewChats
                if matches!(event.kind, RemoteEventKind::IdChanged { of: IdOf::Chat, .. }) =>
            {
                return;
            }
            Fault::LoseRedactions if matches!(event.kind, RemoteEventKind::Redaction { .. }) => {
                return;
            }
            _ => {}
        }
        match (self.fault, &mut event.kind) {
            (Fault::NewPeople, RemoteEventKind::IdChanged { of, .. }) => *of = IdOf::Name,
            (Fault::NamelessReactions, RemoteEventKind::Reaction { picture, .. }) => {
                *picture = None;
            }
            (Fault::KeepBans, RemoteEventKind::Membership(change))
                if change.membership == RemoteMembership::Unban =>
            {
                return;
            }
            (Fault::LoseInvitations, RemoteEventKind::Membership(change))
                if change.membership == RemoteMembership::Invite =>
            {
                return;
            }
            (Fault::LoseContacts, RemoteEventKind::Message(message)) => {
                message.content.contact = None;
            }
            _ => {}
        }
        if let RemoteEventKind::Membership(change) = &mut event.kind
            && self.fault == Fault::SoftenBans
            && change.membership == RemoteMembership::Ban
        {
            change.membership = RemoteMembership::Kick;
        }
        if let RemoteEventKind::Message(message) = &mut event.kind {
            match self.fault {
                Fault::LoseReplies => message.reply_to = None,
                Fault::LoseParts => message.more.clear(),
                Fault::Mangle => message.content.text.html = None,
                Fault::Shout => {
                    message.content.text.plain = message.content.text.plain.to_uppercase();
                }
                _ => {}
            }
        }
        to.push(event);
    }
}

#[async_trait]
impl RemoteIntake for Intake {
    async fn commit(&self, _login: &LoginId, mut batch: Batch) -> Result<(), CommitError> {
        batch.events = self.spoil(batch.events);
        if self.fault == Fault::AcknowledgeEarly {
            let cursors = std::mem::take(&mut batch.cursors);
            self.inner.commit(Batch { cursors, ..Batch::default() }).await?;
        }
        self.inner.commit(batch).await
    }

    fn ephemeral(&self, _login: &LoginId, event: RemoteEvent) {
        self.inner.ephemeral(event);
    }

    async fn state(&self, _login: &LoginId, state: BridgeState) {
        if self.fault == Fault::AlwaysConnected && state.kind != BridgeStateKind::Connecting {
            return self.inner.state(BridgeState::new(BridgeStateKind::Connected)).await;
        }
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
