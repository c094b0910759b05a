//! Logins of the bridge, and a core that writes down what it is told.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use bridge_core::{
    ids::{LoginId, NetworkId, PortalKey, RemoteChatId, SendKey},
    network::{
        Batch, BridgeState, BridgeStateKind, CommitError, ConnectContext, Cursor, Directory,
        EventSource, JoinedChat, LoginRecord, LoginStep, MessageContent, NetworkClient,
        NetworkConnector as _, NetworkContext, NetworkError, Outgoing, OutgoingKind, RemoteEvent,
        RemoteEventKind, RemoteIntake, RemoteSink, SendOutcome, Speaker, StoredLogin,
    },
};
use bridge_irc::IrcConnector;
use secrecy::SecretString;
use serde_json::{Value, json};
use support_clock::{OsRandom, SystemClock};
use tokio::sync::mpsc;

/// Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// One configured network.
pub(crate) struct Network(IrcConnector);

impl Network {
    /// A plain network on which we may talk as fast as it listens.
    pub(crate) fn unpaced(address: &str) -> Self {
        let pacing = json!({ "burst": 10_000, "interval_ms": 1 });
        Self::with(json!({ "server": address, "tls": false, "pacing": pacing }))
    }

    pub(crate) fn with(section: Value) -> Self {
        let context = NetworkContext {
            id: NetworkId::new("net"),
            clock: Arc::new(SystemClock::new()),
            random: Arc::new(OsRandom),
        };
        Self(IrcConnector::from_config(context, section).expect("the section is right"))
    }

    /// Goes through the login's questions.
    pub(crate) async fn log_in(
        &self,
        answers: &[(&str, &str)],
    ) -> Result<LoginRecord, NetworkError> {
        let mut login = self.0.start_login("nick", "@someone:test").await?;
        login.start().await?;
        let answers: BTreeMap<_, _> = answers
            .iter()
            .map(|&(field, answer)| (field.to_owned(), SecretString::from(answer)))
            .collect();
        match login.submit(answers).await? {
            LoginStep::Complete { record, .. } => Ok(record),
            other => panic!("{other:?} is no end"),
        }
    }

    /// Logs in and connects.
    pub(crate) async fn account(&self, nick: &str) -> Account {
        let record = self.log_in(&[("nick", nick)]).await.expect("the nick is free");
        self.connect(record).await
    }

    pub(crate) async fn connect(&self, record: LoginRecord) -> Account {
        let id = LoginId::new(format!("net-{}", record.name));
        let login = StoredLogin {
            id: id.clone(),
            network: NetworkId::new("net"),
            owner: format!("@{}:test", record.name),
            record,
        };
        let client = self.0.load_login(login).expect("the record was just made");
        let (sender, told) = mpsc::unbounded_channel();
        let sink = RemoteSink::new(id.clone(), Arc::new(Recorder(sender)));
        client.connect(sink, ConnectContext::default()).await;
        let mut account = Account { id, client, told };
        account.until_state(BridgeStateKind::Connected).await;
        account
    }
}

/// A connected login.
pub(crate) struct Account {
    id: LoginId,
    pub(crate) client: Arc<dyn NetworkClient>,
    told: mpsc::UnboundedReceiver<Told>,
}

enum Told {
    Event(Box<RemoteEvent>),
    State(BridgeState),
}

struct Recorder(mpsc::UnboundedSender<Told>);

#[async_trait]
impl RemoteIntake for Recorder {
    async fn commit(&self, _: &LoginId, batch: Batch) -> Result<(), CommitError> {
        for event in batch.events {
            self.0.send(Told::Event(Box::new(event))).map_err(|_| CommitError::Closed)?;
        }
        Ok(())
    }

    fn ephemeral(&self, _: &LoginId, _: RemoteEvent) {}

    async fn state(&self, _: &LoginId, state: BridgeState) {
        // The story may be over.
        drop(self.0.send(Told::State(state)));
    }

    async fn cursor(&self, _: &LoginId, _: &str) -> Result<Option<Cursor>, CommitError> {
        Ok(None)
    }
}

impl Account {
    async fn next(&mut self) -> Told {
        let told = tokio::time::timeout(PATIENCE, self.told.recv()).await;
        told.expect("something is told in time").expect("the login lives")
    }

    pub(crate) async fn until_state(&mut self, kind: BridgeStateKind) -> BridgeState {
        loop {
            if let Told::State(state) = self.next().await
                && state.kind == kind
            {
                return state;
            }
        }
    }

    pub(crate) async fn until(&mut self, fits: impl Fn(&RemoteEvent) -> bool) -> RemoteEvent {
        loop {
            if let Told::Event(event) = self.next().await
                && fits(&event)
            {
                return *event;
            }
        }
    }

    /// Returns all texts in a chat up to one.
    pub(crate) async fn texts_until(&mut self, chat: &str, last: &str) -> Vec<String> {
        let mut texts = Vec::new();
        while texts.last().is_none_or(|text| text != last) {
            let event =
                self.until(|event| event.chat.as_str() == chat && text_of(event).is_some()).await;
            texts.extend(text_of(&event).map(str::to_owned));
        }
        texts
    }

    pub(crate) fn directory(&self) -> &dyn Directory {
        self.client.directory().expect("IRC has channels to join")
    }

    pub(crate) async fn join(&self, name: &str) -> Result<JoinedChat, NetworkError> {
        self.directory().join_chat(name).await
    }

    pub(crate) async fn say(&self, chat: &str, text: &str) -> Vec<SendOutcome> {
        let content = MessageContent::text(text);
        self.act(chat, OutgoingKind::Message { content, reply_to: None, thread: None }).await
    }

    /// Plans and sends as the core does: one step after the other.
    pub(crate) async fn act(&self, chat: &str, kind: OutgoingKind) -> Vec<SendOutcome> {
        let receiver = (!chat.starts_with('#')).then(|| self.id.clone());
        let portal =
            PortalKey { network: NetworkId::new("net"), chat: RemoteChatId::new(chat), receiver };
        let outgoing = Outgoing {
            portal: portal.clone(),
            speaker: Speaker::Login { login: self.id.clone() },
            source: EventSource {
                room_id: "!room:test".to_owned(),
                event_id: "$event".to_owned(),
                sender: "@someone:test".to_owned(),
                timestamp: 0,
            },
            kind,
        };
        let steps = self
            .client
            .plan(&outgoing, &self.client.capabilities(&portal))
            .expect("it can be planned");
        let key = SendKey::new("0".repeat(32));
        let mut outcomes = Vec::new();
        for step in steps {
            outcomes.push(self.client.send(&portal, &step, &key).await);
        }
        outcomes
    }
}

pub(crate) fn text_of(event: &RemoteEvent) -> Option<&str> {
    match &event.kind {
        RemoteEventKind::Message(message) => Some(&message.content.text.plain),
        _ => None,
    }
}

/// Returns the words of a refusal.
pub(crate) fn words(outcomes: &[SendOutcome]) -> &str {
    match outcomes {
        [SendOutcome::Failed { words }] => words,
        other => panic!("{other:?} is no refusal"),
    }
}

pub(crate) fn all_confirmed(outcomes: &[SendOutcome]) -> bool {
    outcomes.iter().all(|outcome| matches!(outcome, SendOutcome::Confirmed { .. }))
}
