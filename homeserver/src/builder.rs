//! Builds a homeserver: opens what it needs, compares it with what was there before, and starts the background work.

use std::{path::PathBuf, sync::Arc, time::Duration};

use registration::Registration;
use ruma::{OwnedServerName, ServerName};
use secrecy::SecretString;
use support_clock::{OsRandom, SharedClock, SharedRandom, SystemClock};
use support_db::{Db, DbError, Location, OpenError, OpenOptions};
use support_matrix_http::SocketOptions;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use crate::{
    Homeserver, MIGRATIONS,
    api::Nonces,
    appservice::{self, AppserviceError, Appservices, Origin, Seal, SealError},
    config::{RegistrationMode, Settings},
    house::House,
    keys::{KeyError, SigningKeys},
    limits::{Limits, Rates},
    media::{Media, collection},
    presence::{self, Presences},
    push::Push,
    rooms::{Rooms, typing::Typists},
    spreader,
    store::facts,
    sync::Waiters,
    users::Users,
};

/// The largest file people may upload when nobody says otherwise: 100 MiB.
const LARGEST_UPLOAD: u64 = 100 * 1024 * 1024;

/// How long an access token lives that can be refreshed, when nobody says otherwise.
const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Why a homeserver could not be built, in words for the person who started the program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// It is no server name.
    #[error(
        "`{name}` is no server name: {why}. A server name is a host name, with a port if need be, like example.org"
    )]
    ServerName {
        /// What was given.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database belongs to another name.
    #[error(
        "this database belongs to the homeserver {was}, but the configuration says {now}. A server name can never change: every user, room and event carries it. Set it back to {was}, or begin with an empty data folder"
    )]
    ServerNameChanged {
        /// The name everything in the database carries.
        was: String,
        /// The name that was given.
        now: String,
    },
    /// Something obligatory was not given.
    #[error("a homeserver needs {0}")]
    Missing(&'static str),
    /// The database could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database failed.
    #[error("the database failed: {0}")]
    Db(#[from] DbError),
    /// There is no usable signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is no usable sealing key.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The folder of uploaded files cannot be used.
    #[error(
        "the folder of uploaded files, {folder}, cannot be used: {why}. Make it writable for this program"
    )]
    Media {
        /// Which folder.
        folder: String,
        /// What the system says.
        why: String,
    },
    /// A registration is wrong or in another's way.
    #[error(transparent)]
    Appservice(#[from] AppserviceError),
}

/// Where the data is: a database that is open already, or a place to open.
#[derive(Debug, Clone)]
pub enum Database {
    /// Opened by the caller, with [`Homeserver::migrations`].
    Open(Db),
    /// To be opened.
    At(Location),
}

impl From<Db> for Database {
    fn from(db: Db) -> Self {
        Self::Open(db)
    }
}

impl From<Location> for Database {
    fn from(location: Location) -> Self {
        Self::At(location)
    }
}

/// Collects what a homeserver needs. Begin with [`Homeserver::builder`].
#[derive(Debug)]
pub struct HomeserverBuilder {
    server_name: String,
    database: Option<Database>,
    data_dir: Option<PathBuf>,
    clock: SharedClock,
    random: SharedRandom,
    holder: String,
    settings: Settings,
    largest_upload: u64,
    access_token_lifetime: Duration,
    presence: bool,
    rate_limits: bool,
    rates: Rates,
    registrations: Vec<Registration>,
}

impl HomeserverBuilder {
    pub(crate) fn new(server_name: impl Into<String>) -> Self {
        Self {
            server_name: server_name.into(),
            database: None,
            data_dir: None,
            clock: SystemClock::shared(),
            random: Arc::new(OsRandom),
            holder: format!("homeserver pid {}", std::process::id()),
            settings: Settings {
                registration: RegistrationMode::default(),
                shared_secret: None,
                public_url: None,
                outgoing: SocketOptions::default(),
            },
            largest_upload: LARGEST_UPLOAD,
            access_token_lifetime: ACCESS_TOKEN_LIFETIME,
            presence: false,
            rate_limits: true,
            rates: Rates::default(),
            registrations: Vec::new(),
        }
    }

    /// Sets where the data is.
    #[must_use]
    pub fn database(mut self, database: impl Into<Database>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// Sets the folder of the keys. It has to be there.
    #[must_use]
    pub fn data_dir(mut self, data_dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(data_dir.into());
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the randomness.
    #[must_use]
    pub fn random(mut self, random: SharedRandom) -> Self {
        self.random = random;
        self
    }

    /// Sets what others are told while this process holds the database, if the builder opens it.
    #[must_use]
    pub fn holder(mut self, holder: impl Into<String>) -> Self {
        self.holder = holder.into();
        self
    }

    /// Sets who may make an account.
    #[must_use]
    pub fn registration(mut self, mode: RegistrationMode) -> Self {
        self.settings.registration = mode;
        self
    }

    /// Enables registration by shared secret, as Synapse has it.
    #[must_use]
    pub fn shared_secret(mut self, secret: Option<SecretString>) -> Self {
        self.settings.shared_secret = secret;
        self
    }

    /// Sets the address clients are told in `.well-known`; without one they are told the address they used.
    #[must_use]
    pub fn public_url(mut self, url: Option<Url>) -> Self {
        self.settings.public_url = url;
        self
    }

    /// Switches the limits on (as they are) or off.
    #[must_use]
    pub fn rate_limits(mut self, enabled: bool) -> Self {
        self.rate_limits = enabled;
        self
    }

    /// Sets how often somebody may do what, while the limits are on.
    #[must_use]
    pub fn rates(mut self, rates: Rates) -> Self {
        self.rates = rates;
        self
    }

    /// Sets how appservices with a url are called: time-outs, and whether any certificate will do.
    #[must_use]
    pub fn outgoing(mut self, options: SocketOptions) -> Self {
        self.settings.outgoing = options;
        self
    }

    /// Sets how large an uploaded file may be, in bytes.
    #[must_use]
    pub fn largest_upload(mut self, bytes: u64) -> Self {
        self.largest_upload = bytes;
        self
    }

    /// Sets how long an access token lives whose device can refresh it.
    #[must_use]
    pub fn access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_token_lifetime = lifetime;
        self
    }

    /// Sets whether people see of each other who is online. Off, as it is, it costs nothing.
    #[must_use]
    pub fn presence(mut self, enabled: bool) -> Self {
        self.presence = enabled;
        self
    }

    /// Adds an appservice from a file of the configuration.
    #[must_use]
    pub fn appservice(mut self, registration: Registration) -> Self {
        self.registrations.push(registration);
        self
    }

    /// Opens everything and starts the background work.
    pub async fn build(self) -> Result<Homeserver, BuildError> {
        let server_name = ServerName::parse(&self.server_name).map_err(|error| {
            BuildError::ServerName { name: self.server_name.clone(), why: error.to_string() }
        })?;
        let data_dir = self.data_dir.ok_or(BuildError::Missing("a data folder"))?;
        let database = self.database.ok_or(BuildError::Missing("a database"))?;
        let (clock, random) = (self.clock, self.random);
        let db = match database {
            Database::Open(db) => db,
            Database::At(location) => {
                let options = OpenOptions::new(self.holder, clock.clone(), random.clone());
                Db::open(location, MIGRATIONS, options).await?
            }
        };
        let txn_prefix = check_facts(&db, &server_name, &random).await?;
        let keys = SigningKeys::load_or_create(&data_dir, &*random)?;
        let seal = Seal::load_or_create(&data_dir, random.clone())?;
        let media =
            Media::open(&data_dir, db.clone(), clock.clone(), random.clone(), self.largest_upload)
                .map_err(|error| BuildError::Media {
                    folder: data_dir.join("media").display().to_string(),
                    why: error.to_string(),
                })?;
        let users = Users::new(
            db.clone(),
            clock.clone(),
            random.clone(),
            server_name.clone(),
            self.access_token_lifetime,
        );
        let users = Arc::new(users);
        let appservices = Appservices::new(
            clock.clone(),
            server_name.clone(),
            Arc::clone(&users),
            txn_prefix,
            seal,
        );
        let house = Arc::new(House {
            users,
            limits: Limits::new(self.rate_limits.then_some(self.rates)),
            media,
            push: Push::new(),
            rooms: Rooms::new(),
            typists: Typists::new(clock.now_ms()),
            presence: Presences::new(self.presence, clock.clone()),
            sync: Waiters::new(),
            nonces: Nonces::default(),
            profile_changed: Notify::new(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            settings: self.settings,
            server_name,
            db,
            clock,
            random,
            keys,
            appservices,
        });
        // From here on a failure has to end what was started, so the homeserver exists first.
        let homeserver = Homeserver::new(Arc::clone(&house));
        for registration in self.registrations {
            appservice::register(&house, registration, Origin::File, None).await?;
        }
        appservice::load_added(&house).await?;
        spreader::start(&house);
        collection::start(&house);
        presence::start(&house);
        Ok(homeserver)
    }
}

/// Stores what may never change, or compares it, and returns the prefix of transaction ids.
async fn check_facts(
    db: &Db,
    server_name: &OwnedServerName,
    random: &SharedRandom,
) -> Result<String, BuildError> {
    if let Some(was) = facts::get(db, facts::SERVER_NAME).await?
        && was != server_name.as_str()
    {
        return Err(BuildError::ServerNameChanged { was, now: server_name.to_string() });
    }
    let (name, prefix) = (server_name.to_string(), random.hex(4));
    db.write(move |tx| {
        let (name, prefix) = (name.clone(), prefix.clone());
        Box::pin(async move {
            facts::put(tx, facts::SERVER_NAME, &name).await?;
            facts::put(tx, facts::TXN_PREFIX, &prefix).await?;
            Ok::<_, DbError>(())
        })
    })
    .await?;
    let prefix = facts::get(db, facts::TXN_PREFIX).await?;
    prefix.ok_or(BuildError::Db(DbError::NoRow))
}
