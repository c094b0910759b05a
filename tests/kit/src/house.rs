//! A whole house in one process: homeserver, bridge and demo network.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bridge_core::ids::NetworkId;
use bridge_core::network::{NetworkContext, NetworkFactory, NetworkPolicy};
use bridge_core::{Bridge, Observer, SpoolOptions};
use bridge_demo::{DemoNetwork, factory_for};
use bytes::Bytes;
use homeserver::Homeserver;
use http::{Request, Response};
use registration::{Blueprint, Registration};
use secrecy::SecretString;
use serde_json::{Value, json};
use support_clock::{OsRandom, SharedClock, SharedRandom, SystemClock};
use support_db::{Db, OpenOptions};
use support_matrix_http::{HttpTransport, InProcess, TransportError};
use tokio::sync::watch;

use crate::faulty::{Faults, FaultyTransport};
use crate::places::Place;
use crate::user::TestUser;

/// The name of every test house.
pub(crate) const SERVER: &str = "house.test";
/// The bot of every test house.
pub(crate) const BOT: &str = "rialtobot";
/// The network of every test house.
const NETWORK: &str = "demo";
/// Nobody's secret: the house is gone after the test.
const SEALING_KEY: [u8; 32] = [7; 32];
/// Where the world would reach the house.
const PUBLIC_URL: &str = "https://house.test";
const PASSWORD: &str = "a password of the house";
/// How long people wait, unless a test says otherwise: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(10);

/// What may be chosen about a house.
pub struct HouseOptions {
    /// Where the data is.
    pub place: Place,
    /// What goes wrong between bridge and homeserver, in both directions.
    pub faults: Faults,
    /// Decides when.
    pub seed: u64,
    /// The demo network's section: what it lacks, and how that is carried.
    pub demo: Value,
    /// Further networks: id, kind's factory, section.
    pub networks: Vec<(String, NetworkFactory, Value)>,
    /// Who watches messages cross.
    pub observer: Option<Observer>,
    /// The operator's secret of the provisioning API.
    pub provisioning_secret: Option<SecretString>,
    /// How long people wait for something before the test fails.
    pub patience: Duration,
    /// Whether the homeserver says that it inserts history; most others do not.
    pub inserts_history: bool,
}

impl Default for HouseOptions {
    fn default() -> Self {
        Self {
            place: Place::sqlite(),
            faults: Faults::default(),
            seed: 1,
            demo: json!({}),
            networks: Vec::new(),
            observer: None,
            provisioning_secret: None,
            patience: PATIENCE,
            inserts_history: true,
        }
    }
}

/// The transport to the homeserver of now; `None` while the house is down.
pub(crate) type Door = watch::Receiver<Option<Arc<dyn HttpTransport>>>;

/// A house.
pub struct TestHouse {
    options: HouseOptions,
    clock: SharedClock,
    random: SharedRandom,
    network: DemoNetwork,
    bridges: Registration,
    puppets: Registration,
    door: watch::Sender<Option<Arc<dyn HttpTransport>>>,
    running: Option<Running>,
    starts: u64,
}

struct Running {
    homeserver: Homeserver,
    bridge: Bridge,
    db: Db,
    to_homeserver: Arc<FaultyTransport>,
    to_bridge: Arc<FaultyTransport>,
}

impl TestHouse {
    /// Opens a house on SQLite on which nothing goes wrong.
    pub async fn new() -> Self {
        Self::with(HouseOptions::default()).await
    }

    /// Opens a house.
    ///
    /// # Panics
    /// If it does not start: a test cannot go on without.
    pub async fn with(options: HouseOptions) -> Self {
        let clock = SystemClock::shared();
        let server = SERVER.replace('.', r"\.");
        let bridges = bridge_core::blueprint("rialto", SERVER, BOT).url("http://bridge.invalid");
        let puppets = Blueprint::new("puppets", "rialto-puppets");
        let mut house = Self {
            network: DemoNetwork::new(clock.clone()),
            options,
            clock,
            random: Arc::new(OsRandom),
            bridges: Registration::generate(bridges),
            puppets: Registration::generate(puppets.shared_users(format!("@.*:{server}"))),
            door: watch::Sender::new(None),
            running: None,
            starts: 0,
        };
        house.start().await;
        house
    }

    /// Returns the demo network: what remote people say and see.
    pub fn network(&self) -> &DemoNetwork {
        &self.network
    }

    /// Makes a person with an account and a session.
    ///
    /// # Panics
    /// If the homeserver does not make one.
    pub async fn user(&self, name: &str) -> TestUser {
        let password = SecretString::from(PASSWORD);
        let homeserver = &self.running().homeserver;
        let made = homeserver.create_user(name, Some(&password), false).await;
        let id = made.expect("the account is new").to_string();
        TestUser::log_in(id, PASSWORD, self.door.subscribe(), self.options.patience).await
    }

    /// Returns the transport from the bridge to the homeserver, to make things go wrong on.
    pub fn to_homeserver(&self) -> &FaultyTransport {
        &self.running().to_homeserver
    }

    /// Returns the transport from the homeserver to the bridge.
    pub fn to_bridge(&self) -> &FaultyTransport {
        &self.running().to_bridge
    }

    /// Returns the bridge.
    pub fn bridge(&self) -> &Bridge {
        &self.running().bridge
    }

    /// Returns the bridge's database.
    pub fn database(&self) -> &Db {
        &self.running().db
    }

    /// Lets nothing go wrong any more.
    pub fn calm(&self) {
        self.to_homeserver().set(Faults::default());
        self.to_bridge().set(Faults::default());
    }

    /// Stops cleanly and starts again on the same data.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    /// Ends everything where it is and starts again on the same data.
    pub async fn crash(&mut self) {
        self.door.send_replace(None);
        if let Some(running) = self.running.take() {
            running.bridge.halt().await;
            running.homeserver.shutdown(Duration::ZERO).await;
            running.db.close().await;
        }
        self.start().await;
    }

    /// Stops cleanly.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.bridge.stop(STOP).await;
            running.db.close().await;
            self.door.send_replace(None);
            running.homeserver.shutdown(STOP).await;
        }
    }

    /// Starts what was stopped.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(&mut self) {
        self.starts += 1;
        let homeserver = Homeserver::builder(SERVER)
            .database(self.options.place.database("homeserver"))
            .data_dir(self.options.place.folder())
            .rate_limits(false)
            .clock(self.clock.clone())
            .random(self.random.clone())
            .build()
            .await
            .expect("the homeserver starts");
        let open = OpenOptions::new("test house", self.clock.clone(), self.random.clone());
        let place = self.options.place.database("bridges");
        let db = Db::open(place, Bridge::migrations(), open).await.expect("the database opens");
        let inside: Arc<dyn HttpTransport> = Arc::new(InProcess::new(homeserver.router()));
        let to_homeserver = match self.options.inserts_history {
            true => self.faulty(inside.clone(), 1),
            false => self.faulty(Arc::new(Modest(inside.clone())), 1),
        };
        let bridge = self.build_bridge(db.clone(), to_homeserver.clone()).await;
        let to_bridge = self.faulty(Arc::new(InProcess::new(bridge.router())), 2);
        for registration in [&self.bridges, &self.puppets] {
            let attached =
                homeserver.attach_appservice(registration.clone(), to_bridge.clone()).await;
            attached.expect("the bridge is attached");
        }
        bridge.start().await.expect("the bridge starts");
        self.running = Some(Running { homeserver, bridge, db, to_homeserver, to_bridge });
        self.door.send_replace(Some(inside));
    }

    async fn build_bridge(&self, db: Db, transport: Arc<dyn HttpTransport>) -> Bridge {
        let mut builder = Bridge::builder()
            .database(db)
            .registration(self.bridges.clone())
            .server_name(SERVER)
            .transport(transport)
            .idempotent_homeserver(true)
            .double_puppets(Some(self.puppets.as_token.clone()))
            .sealing_key(SEALING_KEY)
            .provisioning_secret(self.options.provisioning_secret.clone())
            .spool(SpoolOptions::new(self.options.place.folder().join("spool")))
            .public_url(Some(PUBLIC_URL.parse().expect("it is an address")))
            .clock(self.clock.clone())
            .random(self.random.clone());
        if let Some(observer) = &self.options.observer {
            builder = builder.observer(observer.clone());
        }
        let demo =
            (NETWORK.to_owned(), factory_for(self.network.clone()), self.options.demo.clone());
        for (id, factory, section) in std::iter::once(&demo).chain(&self.options.networks) {
            let id = NetworkId::new(id.as_str());
            let (clock, random) = (self.clock.clone(), self.random.clone());
            let context = NetworkContext { id: id.clone(), clock, random };
            let mut section = section.as_object().cloned().expect("a section is a table");
            let policy = NetworkPolicy::take_from(&mut section).expect("the choices are right");
            let connector = factory(context, section.into()).expect("the section is right");
            builder = builder.network_with(id, connector, policy);
        }
        builder.build().await.expect("the bridge fits together")
    }

    /// Each start and direction has a course of things going wrong of its own.
    fn faulty(&self, inner: Arc<dyn HttpTransport>, direction: u64) -> Arc<FaultyTransport> {
        let seed = self.options.seed.wrapping_mul(1009) + self.starts * 10 + direction;
        FaultyTransport::new(inner, self.clock.clone(), self.options.faults, seed)
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the house is open")
    }
}

/// A homeserver that keeps to itself what it can do beyond the specification.
#[derive(Debug)]
struct Modest(Arc<dyn HttpTransport>);

#[async_trait]
impl HttpTransport for Modest {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let is_versions = request.uri().path() == "/_matrix/client/versions";
        let mut answer = self.0.call(request).await?;
        if is_versions && let Ok(mut body) = serde_json::from_slice::<Value>(answer.body()) {
            body["unstable_features"] = json!({});
            *answer.body_mut() = Bytes::from(body.to_string());
        }
        Ok(answer)
    }
}
