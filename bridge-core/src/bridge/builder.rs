//! Builds a bridge from what it is handed: nothing is taken from the surroundings.

use std::fmt;
use std::sync::Arc;

use registration::{Registration, Token};
use secrecy::SecretString;
use support_clock::{OsRandom, SharedClock, SharedRandom, SystemClock};
use support_db::{Db, DbError};
use support_matrix_http::HttpTransport;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::instances::{Misfit, NoteInstances};
use super::{Bridge, intake};
use crate::bot::{Bot, BotParts};
use crate::crossing::Observer;
use crate::ghosts::Ghosts;
use crate::ids::{LoginId, NetworkId};
use crate::journal::Journal;
use crate::logins::{self, LoginTrouble, Logins, LoginsParts, Sealing};
use crate::matrix::{Matrix, MatrixSettings, NameError, Names};
use crate::media::{KnownFiles, Media, MediaParts, Spool, SpoolOptions};
use crate::metrics::Metrics;
use crate::network::{NetworkConnector, NetworkFacts, NetworkPolicy};
use crate::networks::Networks;
use crate::parts::Parts;
use crate::permissions::Permissions;
use crate::portals::{Portals, PortalsParts};
use crate::provisioning::Provisioning;
use crate::puppets::{Puppets, PuppetsParts};
use crate::switches::Switches;

/// Why a bridge cannot be built, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A part was not given: the program's mistake.
    #[error("the bridge was built without its {0}")]
    Missing(&'static str),
    /// A network id cannot be part of a Matrix id.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The same network twice.
    #[error("the network `{0}` is configured twice")]
    Twice(NetworkId),
    /// An instance's kind is not what it was.
    #[error(
        "the network `{network}` was of kind `{was}` and is configured as `{is}` now. A network's id is permanent: set the kind back, or give the new network an id of its own"
    )]
    KindChanged {
        /// The instance.
        network: NetworkId,
        /// As stored.
        was: String,
        /// As configured.
        is: String,
    },
    /// Credentials are stored and there is no key.
    #[error(
        "the sealing key is missing, but the database holds {0} credentials sealed with it. Restore `secrets.key` from your backup; without it these credentials cannot be read"
    )]
    SealingKeyMissing(i64),
    /// Credentials are stored and the key is another one.
    #[error(
        "the sealing key does not open the credentials of login {0}. Restore the `secrets.key` that belongs to this database"
    )]
    SealingKeyWrong(LoginId),
    /// A person's token is stored and the key is another one.
    #[error(
        "the sealing key does not open the token of {0}. Restore the `secrets.key` that belongs to this database"
    )]
    SealingKeyWrongForPuppet(String),
    /// The folder for files cannot be used.
    #[error(
        "the folder for files on their way, {folder}, cannot be used: {why}. Make it writable for this program, or make room on its disk"
    )]
    Spool {
        /// The folder.
        folder: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database does not answer.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Collects what a bridge needs. Begin with [`Bridge::builder`].
pub struct BridgeBuilder {
    db: Option<Db>,
    registration: Option<Registration>,
    server_name: Option<String>,
    transport: Option<Arc<dyn HttpTransport>>,
    idempotent: bool,
    answers_only_when_stored: bool,
    puppet_token: Option<Token>,
    sealing_key: Option<[u8; 32]>,
    public_url: Option<Url>,
    spool: Option<SpoolOptions>,
    permissions: Option<Permissions>,
    clock: SharedClock,
    random: SharedRandom,
    networks: Vec<(NetworkId, Arc<dyn NetworkConnector>, NetworkPolicy)>,
    bot_localpart: Option<String>,
    observer: Option<Observer>,
    provisioning_secret: Option<SecretString>,
}

impl Default for BridgeBuilder {
    fn default() -> Self {
        Self {
            db: None,
            registration: None,
            server_name: None,
            transport: None,
            idempotent: false,
            answers_only_when_stored: false,
            puppet_token: None,
            sealing_key: None,
            public_url: None,
            spool: None,
            permissions: None,
            clock: SystemClock::shared(),
            random: Arc::new(OsRandom),
            networks: Vec::new(),
            bot_localpart: None,
            observer: None,
            provisioning_secret: None,
        }
    }
}

impl BridgeBuilder {
    /// Sets the database, opened with [`Bridge::migrations`]. Needed.
    #[must_use]
    pub fn database(mut self, db: Db) -> Self {
        self.db = Some(db);
        self
    }

    /// Sets the registration the homeserver knows the bridge by. Needed.
    #[must_use]
    pub fn registration(mut self, registration: Registration) -> Self {
        self.registration = Some(registration);
        self
    }

    /// Sets the homeserver's name. Needed.
    #[must_use]
    pub fn server_name(mut self, server_name: impl Into<String>) -> Self {
        self.server_name = Some(server_name.into());
        self
    }

    /// Sets how requests reach the homeserver. Needed.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn HttpTransport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Says whether the homeserver remembers transaction ids for good (the embedded one does).
    #[must_use]
    pub fn idempotent_homeserver(mut self, idempotent: bool) -> Self {
        self.idempotent = idempotent;
        self
    }

    /// Leaves a transaction that cannot be stored unanswered until it can, instead of refusing it: for homeservers that
    /// may take any answer for a delivery.
    #[must_use]
    pub fn answer_only_when_stored(mut self, patient: bool) -> Self {
        self.answers_only_when_stored = patient;
        self
    }

    /// Sets the token of a second registration with which any local person can be asserted.
    #[must_use]
    pub fn double_puppets(mut self, token: Option<Token>) -> Self {
        self.puppet_token = token;
        self
    }

    /// Sets the key that seals credentials. Without one, logins that have credentials are refused.
    #[must_use]
    pub fn sealing_key(mut self, key: [u8; 32]) -> Self {
        self.sealing_key = Some(key);
        self
    }

    /// Sets where the world reaches this program: what signed links to files begin with. Without it,
    /// networks that carry text only are told a file's name.
    #[must_use]
    pub fn public_url(mut self, public_url: Option<Url>) -> Self {
        self.public_url = public_url;
        self
    }

    /// Sets where files lie while they cross. Without it, none does: a message says so in its place.
    #[must_use]
    pub fn spool(mut self, spool: SpoolOptions) -> Self {
        self.spool = Some(spool);
        self
    }

    /// Sets who may do what; without, the own server's people are users.
    #[must_use]
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = Some(permissions);
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

    /// Adds a network.
    #[must_use]
    pub fn network(self, id: NetworkId, connector: Arc<dyn NetworkConnector>) -> Self {
        self.network_with(id, connector, NetworkPolicy::default())
    }

    /// Adds a network with the operator's choices about it.
    #[must_use]
    pub fn network_with(
        mut self,
        id: NetworkId,
        connector: Arc<dyn NetworkConnector>,
        policy: NetworkPolicy,
    ) -> Self {
        self.networks.push((id, connector, policy));
        self
    }

    /// Sets the bot's localpart, where it is not the registration's sender.
    #[must_use]
    pub fn bot_localpart(mut self, localpart: impl Into<String>) -> Self {
        self.bot_localpart = Some(localpart.into());
        self
    }

    /// Sets who watches messages cross.
    #[must_use]
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Sets the secret with which a program may log people in and out over HTTP. Without one, only people
    /// themselves do, with their own tokens.
    #[must_use]
    pub fn provisioning_secret(mut self, secret: Option<SecretString>) -> Self {
        self.provisioning_secret = secret;
        self
    }

    /// Builds the bridge. Nothing is sent before [`Bridge::start`].
    ///
    /// # Errors
    /// Something is missing or does not fit what the database holds; see [`BuildError`].
    pub async fn build(self) -> Result<Bridge, BuildError> {
        let db = self.db.ok_or(BuildError::Missing("database"))?;
        let registration = self.registration.ok_or(BuildError::Missing("registration"))?;
        let server_name = self.server_name.ok_or(BuildError::Missing("server name"))?;
        let transport = self.transport.ok_or(BuildError::Missing("transport"))?;
        let bot = self.bot_localpart.unwrap_or_else(|| registration.sender_localpart.clone());
        let ids = distinct(&self.networks)?;
        let names = Names::new(&server_name, &bot, ids.clone())?;
        let networks = Networks::new(self.networks);
        let facts = networks.all().into_iter().map(|(id, facts)| (id, (*facts).clone())).collect();
        let missing = note_instances(&db, facts, &ids, self.clock.now_ms()).await?;
        for network in missing {
            tracing::warn!(%network, "a network is no longer configured; what belongs to it waits");
        }
        let metrics = Metrics::new();
        let matrix = Matrix::new(MatrixSettings {
            transport,
            as_token: secret(&registration.as_token),
            puppet_token: self.puppet_token.as_ref().map(secret),
            names,
            idempotent: self.idempotent,
            clock: self.clock.clone(),
            metrics: metrics.clone(),
        });
        let permissions =
            Arc::new(self.permissions.unwrap_or_else(|| Permissions::of_server(&server_name)));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let sealing = self.sealing_key.map(|key| Sealing::new(&key, self.random.clone()));
        let largest = self.spool.as_ref().map_or(u64::MAX, |spool| spool.largest);
        let spool = match self.spool {
            Some(options) => Some(open_spool(options, &db, &self.clock, &self.random).await?),
            None => None,
        };
        let media = Media::new(MediaParts {
            db: db.clone(),
            clock: self.clock.clone(),
            matrix: matrix.clone(),
            spool,
            largest,
            sealing_key: self.sealing_key.as_ref(),
            public_url: self.public_url,
        });
        let logins = Logins::new(LoginsParts {
            db: db.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            matrix: matrix.clone(),
            networks: networks.clone(),
            permissions: permissions.clone(),
            sealing: sealing.clone(),
            media: media.source(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        let puppets = Puppets::new(PuppetsParts {
            db: db.clone(),
            clock: self.clock.clone(),
            matrix: matrix.clone(),
            sealing,
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        load(&logins, &puppets, &db).await?;
        let ghosts = Ghosts::new(db.clone(), self.clock.clone(), matrix.clone(), logins.clone());
        ghosts.load().await?;
        let portals = Portals::new(PortalsParts {
            db: db.clone(),
            clock: self.clock.clone(),
            matrix: matrix.clone(),
            networks: networks.clone(),
            logins: logins.clone(),
            ghosts: ghosts.clone(),
            largest_file: largest,
        });
        let switches = Switches::load(db.clone(), networks.clone()).await?;
        let bot = Bot::new(BotParts {
            db: db.clone(),
            clock: self.clock.clone(),
            matrix: matrix.clone(),
            networks: networks.clone(),
            permissions: permissions.clone(),
            logins: logins.clone(),
            portals: portals.clone(),
            puppets: puppets.clone(),
            switches: switches.clone(),
        });
        let parts = Parts {
            db,
            clock: self.clock,
            random: self.random,
            matrix,
            networks,
            portals,
            ghosts,
            logins,
            puppets,
            switches,
            bot,
            media,
            metrics,
            permissions,
            hs_token: secret(&registration.hs_token),
            answers_only_when_stored: self.answers_only_when_stored,
            observer: self.observer,
            tasks,
            stop,
        };
        let journal = Journal::open(parts.clone()).await?;
        parts.logins.set_intake(&intake(&journal));
        parts.bot.set_desk(journal.desk());
        let provisioning = Provisioning::new(parts.clone(), self.provisioning_secret);
        Ok(Bridge { parts, journal, provisioning })
    }
}

/// Opens the spool; what an earlier process had announced is still there.
async fn open_spool(
    options: SpoolOptions,
    db: &Db,
    clock: &SharedClock,
    random: &SharedRandom,
) -> Result<Spool, BuildError> {
    let kept = KnownFiles::new(db.clone()).spooled().await?;
    let folder = options.folder.display().to_string();
    Spool::open(options, clock.clone(), random.clone(), &kept)
        .map_err(|error| BuildError::Spool { folder, why: error.to_string() })
}

fn secret(token: &Token) -> SecretString {
    SecretString::from(token.expose())
}

fn distinct(
    networks: &[(NetworkId, Arc<dyn NetworkConnector>, NetworkPolicy)],
) -> Result<Vec<NetworkId>, BuildError> {
    let mut ids: Vec<NetworkId> = Vec::with_capacity(networks.len());
    for (id, ..) in networks {
        if ids.contains(id) {
            return Err(BuildError::Twice(id.clone()));
        }
        ids.push(id.clone());
    }
    Ok(ids)
}

/// Notes new networks, refuses those of another kind than before, and returns stored ones that are not configured.
pub(super) async fn note_instances(
    db: &Db,
    networks: Vec<(NetworkId, NetworkFacts)>,
    configured: &[NetworkId],
    now: i64,
) -> Result<Vec<NetworkId>, BuildError> {
    let job = NoteInstances { networks, configured: configured.to_vec(), now };
    db.run(job).await.map_err(|misfit| match misfit {
        Misfit::Db(error) => BuildError::Db(error),
        Misfit::Kind(error) => error,
    })
}

async fn load(logins: &Logins, puppets: &Puppets, db: &Db) -> Result<(), BuildError> {
    let loaded = match logins.load().await {
        Ok(()) => puppets.load().await,
        trouble => trouble,
    };
    match loaded {
        Ok(()) => Ok(()),
        Err(LoginTrouble::NoKey) => {
            Err(BuildError::SealingKeyMissing(logins::count_sealed(db).await?))
        }
        Err(LoginTrouble::WrongKey(login)) => Err(BuildError::SealingKeyWrong(login)),
        Err(LoginTrouble::WrongKeyOfPuppet(who)) => Err(BuildError::SealingKeyWrongForPuppet(who)),
        Err(LoginTrouble::Db(error)) => Err(BuildError::Db(error)),
        // One login's trouble is reported by `load` and holds up no other.
        Err(LoginTrouble::Network(_) | LoginTrouble::NoNetwork(_)) => Ok(()),
    }
}

impl fmt::Debug for BridgeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks: Vec<&NetworkId> = self.networks.iter().map(|(id, ..)| id).collect();
        f.debug_struct("BridgeBuilder").field("networks", &networks).finish_non_exhaustive()
    }
}
