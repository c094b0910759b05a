//! A login from its making to its end, against a server that follows a script and a core that
//! writes down what it is told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bridge_core::{
    ids::{LoginId, NetworkId, PortalKey, RemoteChatId, RemoteUserId, SendKey},
    network::{
        Batch, BridgeState, BridgeStateKind, CommitError, ConnectContext, Consent, Cursor,
        EventSource, LoginInput, LoginRecord, LoginStep, MessageContent, NetworkClient,
        NetworkConnector as _, NetworkContext, NetworkError, Outgoing, OutgoingKind, PlumbRequest,
        RemoteEvent, RemoteEventKind, RemoteIntake, RemoteSink, SendOutcome, Speaker, StoredLogin,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use support_clock::{OsRandom, SharedClock, TestClock};
use tokio::sync::mpsc;

use crate::{
    IrcConnector,
    connection::tests::{Peer, Server, clock},
};

/// What the core was told.
#[derive(Debug)]
enum Told {
    Events(Vec<RemoteEvent>),
    State(BridgeState),
    Secret(Option<SecretString>),
}

#[derive(Debug)]
struct Recorder {
    told: mpsc::UnboundedSender<Told>,
    /// How many commits fail before one succeeds.
    failures: Mutex<u32>,
}

#[async_trait]
impl RemoteIntake for Recorder {
    async fn commit(&self, _login: &LoginId, batch: Batch) -> Result<(), CommitError> {
        {
            let mut failures = self.failures.lock().unwrap();
            if *failures > 0 {
                *failures -= 1;
                return Err(CommitError::NotStored("disk full".to_owned()));
            }
        }
        self.told.send(Told::Events(batch.events)).map_err(|_| CommitError::Closed)
    }

    fn ephemeral(&self, _login: &LoginId, _event: RemoteEvent) {}

    async fn state(&self, _login: &LoginId, state: BridgeState) {
        drop(self.told.send(Told::State(state)));
    }

    async fn keep_secret(
        &self,
        _login: &LoginId,
        secret: Option<SecretString>,
    ) -> Result<(), CommitError> {
        self.told.send(Told::Secret(secret)).map_err(|_| CommitError::Closed)
    }

    async fn cursor(&self, _: &LoginId, _: &str) -> Result<Option<Cursor>, CommitError> {
        Ok(None)
    }
}

struct House {
    server: Server,
    connector: IrcConnector,
}

impl House {
    async fn new() -> Self {
        Self::with_clock(clock(), json!({})).await
    }

    async fn with_clock(clock: SharedClock, more: serde_json::Value) -> Self {
        let server = Server::start().await;
        let mut section = json!({
            "server": format!("127.0.0.1:{}", server.port),
            "tls": false,
            "pacing": { "burst": 100, "interval_ms": 0 },
        });
        for (key, value) in more.as_object().expect("a table") {
            section[key] = value.clone();
        }
        let context =
            NetworkContext { id: NetworkId::new("testnet"), clock, random: Arc::new(OsRandom) };
        Self { server, connector: IrcConnector::from_config(context, section).unwrap() }
    }

    async fn login(&self, input: &[(&str, &str)]) -> Result<LoginStep, NetworkError> {
        let mut process = self.connector.start_login("nick", "@alice:test").await.unwrap();
        let LoginStep::UserInput { fields, .. } = process.start().await.unwrap() else { panic!() };
        let secret: Vec<_> =
            fields.iter().filter(|f| f.kind.is_secret()).map(|f| f.id.as_str()).collect();
        assert_eq!(secret, ["password"]);
        let input: LoginInput = input
            .iter()
            .map(|&(field, value)| (field.to_owned(), SecretString::from(value)))
            .collect::<BTreeMap<_, _>>();
        process.submit(input).await
    }

    /// Connects a login that is in `#room`.
    async fn connected(&self, failures: u32) -> Connected {
        self.connected_with(failures, "").await
    }

    async fn connected_with(&self, failures: u32, caps: &str) -> Connected {
        let mut connected = self.connecting(failures, caps, None, "JOIN #room").await;
        connected.until_state(BridgeStateKind::Connected).await;
        connected
    }

    /// Connects a login with this sealed text; `joins` is what it says to join.
    async fn connecting(
        &self,
        failures: u32,
        caps: &str,
        secret: Option<&str>,
        joins: &str,
    ) -> Connected {
        let record = LoginRecord {
            remote_id: "alice".to_owned(),
            name: "alice".to_owned(),
            metadata: json!({ "nick": "alice" }),
            secret: secret.map(str::to_owned),
        };
        let id = LoginId::new("testnet-1");
        let login = StoredLogin {
            id: id.clone(),
            network: NetworkId::new("testnet"),
            owner: "@alice:test".to_owned(),
            record,
        };
        let client = self.connector.load_login(login).unwrap();
        let (sender, told) = mpsc::unbounded_channel();
        let recorder = Arc::new(Recorder { told: sender, failures: Mutex::new(failures) });
        let context = ConnectContext { portals: vec![portal()], ..ConnectContext::default() };
        client.connect(RemoteSink::new(id, recorder), context).await;
        let mut peer = self.server.welcome_with(caps).await;
        peer.expect(joins).await;
        peer.send(":alice!al@host JOIN #room").await;
        peer.send(":irc.test 353 alice = #room :alice bob").await;
        peer.send(":irc.test 366 alice #room :End").await;
        peer.pong().await;
        Connected { client, told, peer }
    }
}

struct Connected {
    client: Arc<dyn NetworkClient>,
    told: mpsc::UnboundedReceiver<Told>,
    peer: Peer,
}

impl Connected {
    /// Waits for a state and returns the events told before it.
    async fn until_state(&mut self, kind: BridgeStateKind) -> (Vec<RemoteEvent>, BridgeState) {
        let mut events = Vec::new();
        loop {
            match self.told.recv().await.unwrap() {
                Told::Events(more) => events.extend(more),
                Told::State(state) if state.kind == kind => return (events, state),
                Told::State(_) | Told::Secret(_) => {}
            }
        }
    }

    /// Waits for news of a kind.
    async fn until_event(&mut self, fits: impl Fn(&RemoteEventKind) -> bool) {
        loop {
            if let Told::Events(events) = self.told.recv().await.expect("the core listens")
                && events.iter().any(|event| fits(&event.kind))
            {
                return;
            }
        }
    }

    /// Waits for what is to be sealed.
    async fn until_secret(&mut self) -> Option<String> {
        loop {
            if let Told::Secret(secret) = self.told.recv().await.expect("the core listens") {
                return secret.map(|secret| secret.expose_secret().to_owned());
            }
        }
    }

    fn plan(&self, text: &str) -> Vec<bridge_core::network::RemoteStep> {
        let outgoing = Outgoing {
            portal: portal(),
            speaker: Speaker::Login { login: LoginId::new("testnet-1") },
            source: EventSource {
                room_id: "!r:test".to_owned(),
                event_id: "$e".to_owned(),
                sender: "@alice:test".to_owned(),
                timestamp: 0,
            },
            kind: OutgoingKind::Message {
                content: MessageContent::text(text),
                reply_to: None,
                thread: None,
            },
        };
        self.client.plan(&outgoing, &self.client.capabilities(&portal())).unwrap()
    }

    async fn send(&self, step: &bridge_core::network::RemoteStep) -> SendOutcome {
        self.client.send(&portal(), step, &SendKey::new("0".repeat(32))).await
    }
}

fn portal() -> PortalKey {
    PortalKey {
        network: NetworkId::new("testnet"),
        chat: RemoteChatId::new("#room"),
        receiver: None,
    }
}

#[tokio::test]
async fn a_login_is_tried_before_it_is_remembered() {
    let house = House::new().await;
    let script = async {
        let mut peer = house.server.welcome().await;
        peer.expect("QUIT").await;
    };
    let (step, ()) = tokio::join!(house.login(&[("nick", "Alice")]), script);
    let LoginStep::Complete { record, .. } = step.unwrap() else { panic!() };
    assert_eq!((record.remote_id.as_str(), record.name.as_str()), ("alice", "Alice"));
    assert_eq!((record.metadata, record.secret), (json!({ "nick": "Alice" }), None));
}

#[tokio::test]
async fn a_wrong_password_and_a_nick_in_use_are_told_in_words() {
    let house = House::new().await;
    let script = async {
        let mut peer = house.server.accept().await;
        peer.send(":irc.test CAP * LS :sasl").await;
        peer.send(":irc.test CAP * ACK :sasl").await;
        peer.send("AUTHENTICATE +").await;
        peer.send(":irc.test 904 alice :SASL authentication failed").await;
        peer.expect_end().await;
    };
    let (step, ()) = tokio::join!(house.login(&[("nick", "alice"), ("password", "wrong")]), script);
    let Err(NetworkError::BadCredentials(words)) = step else { panic!("{step:?}") };
    assert!(words.contains("password") && !words.contains("wrong password is wrong"));

    let script = async {
        let mut peer = house.server.accept().await;
        peer.send(":irc.test 433 * alice :Nickname is already in use").await;
        peer.expect_end().await;
    };
    let (step, ()) = tokio::join!(house.login(&[]), script);
    assert!(matches!(step, Err(NetworkError::Invalid(words)) if words.contains("nick=")));
    let step = house.login(&[("nick", "two words")]).await;
    assert!(matches!(step, Err(NetworkError::Invalid(words)) if words.contains("two_words")));
}

#[tokio::test]
async fn what_is_heard_is_committed_even_when_the_disk_was_full_for_a_while() {
    let house = House::new().await;
    let mut alice = house.connected(2).await;
    for number in 0..3 {
        alice.peer.send(&format!(":bob!b@h PRIVMSG #room :{number}")).await;
    }
    let mut heard = Vec::new();
    while heard.len() < 3 {
        let Some(Told::Events(events)) = alice.told.recv().await else { panic!() };
        heard.extend(events.into_iter().filter_map(|event| match event.kind {
            RemoteEventKind::Message(message) => Some(message.content.text.plain),
            _ => None,
        }));
    }
    assert_eq!(heard, ["0", "1", "2"]);
}

#[tokio::test]
async fn a_long_text_goes_line_by_line_and_each_is_confirmed() {
    let house = House::new().await;
    let mut alice = house.connected(0).await;
    let text = "ünïcödé ".repeat(150);
    let steps = alice.plan(&text);
    assert!(steps.len() > 2);
    let mut whole = String::new();
    let (chat, key) = (portal(), SendKey::new("0".repeat(32)));
    for step in &steps {
        let peer = &mut alice.peer;
        let script = async {
            let line = peer.expect_start("PRIVMSG #room :").await;
            whole.push_str(line.strip_prefix("PRIVMSG #room :").unwrap());
            peer.pong().await;
        };
        let (outcome, ()) = tokio::join!(alice.client.send(&chat, step, &key), script);
        assert!(matches!(outcome, SendOutcome::Confirmed { timestamp: None, .. }), "{outcome:?}");
    }
    assert_eq!(whole, text);
}

#[tokio::test]
async fn a_lost_connection_makes_a_line_under_way_unknown_and_the_next_wait() {
    let house = House::new().await;
    let alice = house.connected(0).await;
    let step = alice.plan("hello").remove(0);
    let Connected { client, told, mut peer } = alice;
    let key = SendKey::new("0".repeat(32));
    let chat = portal();
    let script = async {
        peer.expect("PRIVMSG #room :hello").await;
        drop(peer);
    };
    let (outcome, ()) = tokio::join!(client.send(&chat, &step, &key), script);
    assert!(matches!(outcome, SendOutcome::Unknown { .. }), "{outcome:?}");
    assert_eq!(client.send(&portal(), &step, &key).await, SendOutcome::Offline);
    assert!(matches!(client.resolve(&portal(), &step, &key).await, SendOutcome::Unknown { .. }));
    let mut waiting = Connected { client, told, peer: house_peer(&house).await };
    let (_, state) = waiting.until_state(BridgeStateKind::TransientDisconnect).await;
    assert!(!state.message.is_empty());
}

/// Accepts the next try, so that the keeper has somebody to talk to.
async fn house_peer(house: &House) -> Peer {
    house.server.accept().await
}

#[tokio::test]
async fn a_channel_we_were_kicked_from_takes_nothing_and_says_so() {
    let house = House::new().await;
    let mut alice = house.connected(0).await;
    let step = alice.plan("hello").remove(0);
    alice.peer.send(":bob!b@h KICK #room alice :out").await;
    loop {
        let Some(Told::Events(events)) = alice.told.recv().await else { panic!() };
        if events.iter().any(|e| matches!(e.kind, RemoteEventKind::BridgeNotice { .. })) {
            break;
        }
    }
    let SendOutcome::Failed { words } = alice.send(&step).await else { panic!() };
    assert!(words.contains("join"), "{words}");
}

#[tokio::test]
async fn joining_and_talking_to_people_are_asked_of_the_server() {
    let house = House::new().await;
    let Connected { client, mut peer, told: _told } = house.connected(0).await;
    let directory = client.directory().unwrap();
    let script = async {
        peer.expect("JOIN #Shut key").await;
        peer.send(":irc.test 475 alice #Shut :Cannot join channel (+k)").await;
        peer.pong().await;
        peer.expect("WHOIS nobody").await;
        peer.send(":irc.test 401 alice nobody :No such nick").await;
        peer.pong().await;
        peer.expect("WHOIS bob").await;
        peer.send(":irc.test 311 alice Bob b h * :Bob B.").await;
        peer.pong().await;
        peer.expect("PART #room").await;
        peer.send(":alice!al@host PART #room").await;
        peer.pong().await;
    };
    let asking = async {
        let shut = directory.join_chat("#Shut key").await;
        assert!(matches!(shut, Err(NetworkError::Forbidden(words)) if words.contains("key")));
        assert!(matches!(directory.join_chat("nobody").await, Err(NetworkError::NotFound(_))));
        let bob = directory.join_chat("bob").await.unwrap();
        assert_eq!((bob.chat.as_str(), bob.info.name.as_deref()), ("bob", Some("Bob")));
        assert_eq!(bob.receiver, Some(LoginId::new("testnet-1")));
        assert!(matches!(directory.join_chat("#a,#b").await, Err(NetworkError::Invalid(_))));
        directory.leave_chat(&RemoteChatId::new("#room")).await.unwrap();
    };
    tokio::join!(script, asking);
}

#[tokio::test]
async fn disconnecting_says_goodbye_and_leaves_nothing_running() {
    let house = House::new().await;
    let Connected { client, mut peer, mut told } = house.connected(0).await;
    let script = async {
        peer.expect_start("QUIT").await;
        drop(peer);
    };
    tokio::join!(client.disconnect(), script);
    while told.recv().await.is_some() {}
    client.disconnect().await;
}

fn wants_to_plumb(accounts: &[&str]) -> PlumbRequest {
    PlumbRequest {
        chat: RemoteChatId::new("#room"),
        mxid: "@carol:test".to_owned(),
        accounts: accounts.iter().map(|&nick| RemoteUserId::new(nick)).collect(),
    }
}

/// Asks an operator of the channel and returns what is made of the answer.
async fn asked(alice: &mut Connected, answers: &[&str]) -> Consent {
    let peer = &mut alice.peer;
    let script = async {
        let question = peer.expect_start("PRIVMSG #room :@carol:test would like to link").await;
        assert!(question.contains("alice: yes"), "{question}");
        peer.pong().await;
        for answer in answers {
            peer.send(answer).await;
        }
    };
    let request = wants_to_plumb(&[]);
    tokio::join!(alice.client.may_plumb(&request), script).0
}

#[tokio::test]
async fn a_channel_is_linked_only_when_an_operator_agrees() {
    let house = House::new().await;
    let mut alice = house.connected(0).await;
    let client = Arc::clone(&alice.client);
    let nobody = client.may_plumb(&wants_to_plumb(&["bob"])).await;
    assert!(matches!(nobody, Consent::Unknown { .. }), "{nobody:?}");

    alice.peer.send(":bob!b@h MODE #room +o bob").await;
    alice.until_event(|kind| matches!(kind, RemoteEventKind::PowerLevels { .. })).await;
    assert_eq!(client.may_plumb(&wants_to_plumb(&["bob"])).await, Consent::Yes);
    let agreed = [
        ":mallory!m@h PRIVMSG #room :alice: yes",
        ":bob!b@h PRIVMSG #room :what for?",
        ":bob!b@h PRIVMSG #room :Alice: yes!",
    ];
    assert_eq!(asked(&mut alice, &agreed).await, Consent::Yes);
    let refused = asked(&mut alice, &[":bob!b@h PRIVMSG #room :alice, no"]).await;
    assert!(matches!(&refused, Consent::No { words } if words.contains("bob")), "{refused:?}");
    let elsewhere = PlumbRequest { chat: RemoteChatId::new("#other"), ..wants_to_plumb(&["bob"]) };
    assert!(matches!(client.may_plumb(&elsewhere).await, Consent::No { .. }));
}

#[tokio::test]
async fn who_says_nothing_for_a_while_is_away_until_they_do() {
    let clock = Arc::new(TestClock::default());
    let more =
        json!({ "away_after_minutes": 5, "away_message": "asleep", "keep_alive_seconds": 600 });
    let shared: SharedClock = Arc::<TestClock>::clone(&clock);
    let house = House::with_clock(shared, more).await;
    let mut alice = house.connected(0).await;
    // Again and again, since the watch may not have begun when the time passes.
    let marked = loop {
        clock.advance(std::time::Duration::from_secs(20));
        let line = tokio::time::timeout(std::time::Duration::from_millis(100), alice.peer.line());
        if let Ok(line) = line.await {
            break line;
        }
    };
    assert_eq!(marked, "AWAY asleep");
    let step = alice.plan("hello").remove(0);
    let key = SendKey::new("0".repeat(32));
    let peer = &mut alice.peer;
    let script = async {
        peer.expect("AWAY").await;
        peer.expect("PRIVMSG #room :hello").await;
        peer.pong().await;
    };
    let chat = portal();
    let (outcome, ()) = tokio::join!(alice.client.send(&chat, &step, &key), script);
    assert!(matches!(outcome, SendOutcome::Confirmed { .. }), "{outcome:?}");
}

#[tokio::test]
async fn typing_is_told_at_most_once_in_a_while_and_ended_once() {
    let house = House::new().await;
    let mut alice = house.connected_with(0, "message-tags").await;
    let typing = |typing| OutgoingKind::Typing { typing };
    for state in [false, true, true, false, false] {
        alice.client.ephemeral(&portal(), &typing(state)).await;
    }
    alice.peer.expect("@+typing=active TAGMSG #room").await;
    alice.peer.expect("@+typing=done TAGMSG #room").await;
    alice.client.disconnect().await;
    assert_eq!(alice.peer.line().await, "QUIT :the bridge stops");
}

#[tokio::test]
async fn a_channels_key_is_sealed_and_used_after_a_restart() {
    let house = House::new().await;
    let mut connected = house.connected(0).await;
    let client = Arc::clone(&connected.client);
    let directory = client.directory().expect("channels can be joined");
    let joining = async {
        connected.peer.expect("JOIN #vault swordfish").await;
        connected.peer.send(":alice!al@host JOIN #vault").await;
        connected.peer.pong().await;
    };
    let (joined, ()) = tokio::join!(directory.join_chat("#vault swordfish"), joining);
    assert_eq!(joined.expect("it is let in").chat.as_str(), "#vault");
    let sealed = connected.until_secret().await.expect("something is sealed");
    assert!(sealed.contains("swordfish"));

    // Somebody changes the other channel's key, and another one removes it again.
    connected.peer.send(":bob!b@h MODE #Room +k opensesame").await;
    let sealed = connected.until_secret().await.expect("something is sealed");
    let again = House::new().await;
    again.connecting(0, "", Some(&sealed), "JOIN #room opensesame").await;
    connected.peer.send(":bob!b@h MODE #room -k *").await;
    let sealed = connected.until_secret().await.expect("something is sealed");
    let again = House::new().await;
    again.connecting(0, "", Some(&sealed), "JOIN #room").await;
}
