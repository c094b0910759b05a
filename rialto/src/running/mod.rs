//! Everything the configuration names, running: the homeserver (or the way to one), the bridges, the listener, the admin socket.
//!
//! The two halves meet only here, and only as two routers that call each other.

mod reload;
mod staff;

use self::staff::Staff;
pub(crate) use self::staff::{not_ours, unserved};
use crate::{
    Kinds,
    admin::AdminSocket,
    config::{Config, Level, Loaded, Mode},
    data_dir::{DataDir, FoundKey, InstanceLock},
    external::External,
    failure::{Failure, config_failure},
    house::{self, Own},
    kinds::Made,
    listener, own_registration, page, watch,
};
use axum::Router;
use axum_server::{Handle, tls_rustls::RustlsConfig};
use bridge_core::{Bridge, BuildError, Observer, Permission, Permissions, SpoolOptions};
use homeserver::Homeserver;
use registration::{Registration, Token};
use rustls::ServerConfig;
use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};
use support_clock::{OsRandom, SharedClock, SharedRandom, SystemClock};
use support_db::Db;
use support_matrix_http::{HttpTransport, InProcess};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What the homeserver and the listener get of the time for stopping, after the bridges.
const LAST_PART: Duration = Duration::from_secs(2);

/// A running program.
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    homeserver: Option<Arc<Homeserver>>,
    bridge: Bridge,
    bridge_db: Db,
    http: Handle<SocketAddr>,
    tasks: TaskTracker,
    stop: CancellationToken,
    ready: watch::Ready,
    tls: Option<RustlsConfig>,
    data: DataDir,
    /// What is in effect.
    config: Config,
    _lock: InstanceLock,
}

/// What has to be there before anything is opened, so that the quickest faults are found first.
struct Prepared {
    networks: Vec<Made>,
    data: DataDir,
    lock: InstanceLock,
    port: TcpListener,
    tls: Option<Arc<ServerConfig>>,
}

/// How the bridges reach their homeserver and are known there.
struct Reach {
    registration: Registration,
    transport: Arc<dyn HttpTransport>,
    /// Acts as the homeserver's people, where we may.
    puppets: Option<Token>,
}

impl Running {
    /// Starts everything.
    pub(crate) async fn start(
        kinds: &Kinds,
        loaded: &Loaded,
        observer: Option<Observer>,
    ) -> Result<Running, Failure> {
        let prepared = prepare(kinds, loaded)?;
        let running = match loaded.config.homeserver.mode {
            Mode::Embedded => start_embedded(&loaded.config, prepared, observer).await?,
            Mode::External => start_external(&loaded.config, prepared, observer).await?,
        };
        running.note_config()?;
        Ok(running)
    }

    /// Returns the embedded homeserver.
    pub(crate) fn homeserver(&self) -> Option<&Arc<Homeserver>> {
        self.homeserver.as_ref()
    }

    /// Opens the admin socket's end.
    fn take_orders(&self, socket: AdminSocket) {
        let staff = Staff {
            homeserver: self.homeserver.clone(),
            bridges: self.bridge.operators_pages(),
            desk: self.bridge.desk(),
        };
        self.tasks.spawn(socket.serve(Arc::new(staff), self.stop.clone()));
    }

    /// Stops: nothing new is taken, what is under way gets until the deadline, the rest stays journalled.
    pub(crate) async fn stop(self, within: Duration) {
        let deadline = Instant::now() + within;
        let left = || deadline.saturating_duration_since(Instant::now());
        self.ready.set(false);
        self.stop.cancel();
        self.http.graceful_shutdown(Some(within));
        let for_bridges = left().saturating_sub(LAST_PART);
        let stopping = self.bridge.stop(for_bridges.saturating_sub(LAST_PART));
        if tokio::time::timeout(for_bridges, stopping).await.is_err() {
            tracing::warn!("the bridges did not end in time; what they had is journalled");
        }
        self.bridge_db.close().await;
        if self.homeserver.is_none() {
            // What is not answered by now cannot be stored any more.
            self.http.shutdown();
        }
        if let Some(homeserver) = self.homeserver {
            // The admin socket holds it, too, and lets go when its last order is done.
            self.tasks.close();
            house::close(homeserver, left().min(LAST_PART)).await;
        }
        self.tasks.close();
        if tokio::time::timeout(left(), self.tasks.wait()).await.is_err() {
            self.http.shutdown();
            tracing::warn!("some requests did not end in time");
        }
    }
}

fn prepare(kinds: &Kinds, loaded: &Loaded) -> Result<Prepared, Failure> {
    let config = &loaded.config;
    let networks = kinds
        .connectors(&config.networks)
        .map_err(|faults| config_failure(loaded.file.as_deref(), faults))?;
    let (listen, key, tls) = match config.homeserver.mode {
        Mode::Embedded => {
            let tls = config.homeserver.tls.as_ref().map(listener::load_tls).transpose()?;
            (&config.homeserver.listen, "homeserver.listen", tls)
        }
        Mode::External => (&config.appservice.listen, "appservice.listen", None),
    };
    let data = DataDir::open(&config.data_dir)?;
    let lock = data.lock()?;
    let port = listener::bind(listen, key)?;
    Ok(Prepared { networks, data, lock, port, tls })
}

async fn start_embedded(
    config: &Config,
    prepared: Prepared,
    observer: Option<Observer>,
) -> Result<Running, Failure> {
    let own = Own::keep(config, &prepared.data)?;
    let homeserver = house::open(config, &prepared.data, &own).await?;
    let reach = Reach {
        registration: own.bridges.clone(),
        transport: Arc::new(InProcess::new(homeserver.router())),
        puppets: Some(own.puppets.as_token.clone()),
    };
    let (bridge, bridge_db) =
        open_bridge(config, &prepared.data, prepared.networks, reach, observer).await?;
    house::attach(&homeserver, own, Arc::new(InProcess::new(bridge.router()))).await?;
    let socket = AdminSocket::bind(prepared.data.path())?;
    let router =
        homeserver.router().merge(bridge.pages()).merge(page::router(page_settings(config)));
    let running = serve(
        CancellationToken::new(),
        config,
        Opened {
            port: prepared.port,
            tls: prepared.tls,
            lock: prepared.lock,
            data: prepared.data,
            bridge,
            bridge_db,
        },
        Some(homeserver),
        router,
    )?;
    running.take_orders(socket);
    start_bridge(running).await
}

async fn start_external(
    config: &Config,
    prepared: Prepared,
    observer: Option<Observer>,
) -> Result<Running, Failure> {
    let clock: SharedClock = SystemClock::shared();
    let registration = own_registration::bridges(config, &prepared.data)?;
    let external = External::connect(config, &registration, &*clock).await?;
    let puppets = puppets_elsewhere(config, &prepared.data, &external).await?;
    let reach = Reach { registration, transport: external.transport(), puppets };
    let (bridge, bridge_db) =
        open_bridge(config, &prepared.data, prepared.networks, reach, observer).await?;
    let socket = AdminSocket::bind(prepared.data.path())?;
    let stop = CancellationToken::new();
    let pages = page::router(page_settings(config));
    let router = bridge.router().merge(pages);
    let running = serve(
        stop,
        config,
        Opened {
            port: prepared.port,
            tls: None,
            lock: prepared.lock,
            data: prepared.data,
            bridge,
            bridge_db,
        },
        None,
        router,
    )?;
    running.take_orders(socket);
    external.ping(&*clock).await?;
    let running = start_bridge(running).await?;
    external.nudge(&*clock).await;
    Ok(running)
}

/// Double puppeting elsewhere: by a second registration, if one was generated and the homeserver knows it.
async fn puppets_elsewhere(
    config: &Config,
    data: &DataDir,
    external: &External,
) -> Result<Option<Token>, Failure> {
    if !own_registration::has_double_puppets(data) {
        return Ok(None);
    }
    let puppets = own_registration::double_puppets(config, data)?;
    if external.knows(&puppets).await? {
        return Ok(Some(puppets.as_token));
    }
    tracing::warn!(
        "the homeserver does not know the registration for double puppets: people are invited instead of joined, and what they say from other programs appears under a ghost's name; add the file to its configuration and restart it"
    );
    Ok(None)
}

/// What the page has to know: the embedded homeserver is where the page comes from.
fn page_settings(config: &Config) -> page::Settings {
    let external =
        config.homeserver.url.as_ref().filter(|_| config.homeserver.mode == Mode::External);
    let homeserver = external.map(|url| url.as_str().trim_end_matches('/').to_owned());
    page::Settings {
        server_name: config.homeserver.server_name.to_string(),
        homeserver: homeserver.unwrap_or_default(),
    }
}

/// What is opened before the listener answers.
struct Opened {
    port: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    lock: InstanceLock,
    data: DataDir,
    bridge: Bridge,
    bridge_db: Db,
}

fn serve(
    stop: CancellationToken,
    config: &Config,
    opened: Opened,
    homeserver: Option<Arc<Homeserver>>,
    router: Router,
) -> Result<Running, Failure> {
    let address = opened.port.local_addr().map_err(|error| {
        Failure::new("cannot start", format!("the port is gone: {error}"), "Try again")
    })?;
    let (tasks, http) = (TaskTracker::new(), Handle::new());
    let ready = watch::Ready::default();
    let watched = watch::Watched {
        ready: ready.clone(),
        bridge: opened.bridge.watch(),
        homeserver: homeserver.as_ref().map(Arc::downgrade).unwrap_or_default(),
        token: watch::Watched::token_of(&config.metrics),
    };
    let router = router.merge(watch::router(watched));
    let tls = opened.tls.map(RustlsConfig::from_config);
    tasks.spawn(listener::serve(opened.port, router, tls.clone(), http.clone()));
    Ok(Running {
        address,
        homeserver,
        bridge: opened.bridge,
        bridge_db: opened.bridge_db,
        http,
        tasks,
        stop,
        ready,
        tls,
        data: opened.data,
        config: config.clone(),
        _lock: opened.lock,
    })
}

/// The last step: from here on messages cross.
async fn start_bridge(running: Running) -> Result<Running, Failure> {
    match running.bridge.start().await {
        Ok(()) => {
            running.ready.set(true);
            Ok(running)
        }
        Err(error) => Err(Failure::new("cannot start the bridges", error.to_string(), "Try again")),
    }
}

async fn open_bridge(
    config: &Config,
    data: &DataDir,
    networks: Vec<Made>,
    reach: Reach,
    observer: Option<Observer>,
) -> Result<(Bridge, Db), Failure> {
    let clock: SharedClock = SystemClock::shared();
    let random: SharedRandom = Arc::new(OsRandom);
    let db = house::open_bridges(config, data).await?;
    let mut builder = Bridge::builder()
        .database(db.clone())
        .registration(reach.registration)
        .server_name(config.homeserver.server_name.as_str())
        .transport(reach.transport)
        .idempotent_homeserver(config.homeserver.mode == Mode::Embedded)
        .answer_only_when_stored(config.homeserver.mode == Mode::External)
        .double_puppets(reach.puppets)
        .sealing_key(sealing_key(data, &db).await?)
        .public_url(config.bridge.public_url.clone())
        .provisioning_secret(
            config.bridge.provisioning_secret.as_ref().map(|secret| secret.expose().into()),
        )
        .spool(SpoolOptions {
            folder: data.file("spool"),
            largest: config.bridge.largest_file_mib.bytes(),
            room: config.bridge.spool_mib.bytes(),
        })
        .permissions(permissions(config))
        .clock(clock)
        .random(random)
        .bot_localpart(config.bridge.bot.as_str());
    for (id, connector, policy) in networks {
        builder = builder.network_with(id, connector, policy);
    }
    if let Some(observer) = observer {
        builder = builder.observer(observer);
    }
    let bridge = builder.build().await.map_err(unbuilt)?;
    Ok((bridge, db))
}

/// Reads the sealing key. A new one is made only where nothing was sealed with one that is gone.
async fn sealing_key(data: &DataDir, db: &Db) -> Result<[u8; 32], Failure> {
    let found = data.sealing_key()?;
    if matches!(found, FoundKey::New(_)) {
        let sealed = Bridge::has_sealed_logins(db).await;
        if sealed.map_err(|error| Failure::new("cannot start", error.to_string(), "Try again"))? {
            return Err(Failure::new(
                "cannot start",
                format!(
                    "the sealing key {} is missing, and the database holds logins sealed with it",
                    data.sealing_key_file().display()
                ),
                "Restore it from your backup; without it these logins cannot be read",
            ));
        }
        data.keep_key(&found)?;
    }
    Ok(found.key())
}

fn permissions(config: &Config) -> Permissions {
    let rules = config.permissions.lines().map(|(who, level)| {
        let permission = match level {
            Level::Block => Permission::Block,
            Level::Relay => Permission::Relay,
            Level::User => Permission::User,
            Level::Admin => Permission::Admin,
        };
        (who.to_owned(), permission)
    });
    Permissions::new(rules.collect())
}

/// The bridges' words say what, why and what to do by themselves.
fn unbuilt(error: BuildError) -> Failure {
    Failure::new("cannot start the bridges", error.to_string(), "")
}
