//! Who is registered: from files at start, attached by the program, or added at run time and stored.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use registration::{Clash, Registration, RegistrationError, find_clashes};
use ruma::OwnedUserId;
use support_db::{DbError, Job, Tx};
use support_matrix_http::{ClientError, HttpTransport, SocketTransport};
use url::Url;

use super::{Appservice, Appservices, SealError, start_sender};
use crate::{
    house::SharedHouse,
    store::{appservices, outbox, users},
    users::TokenHash,
};

/// Where a registration comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A file named in the configuration; gone when it is not named any more.
    File,
    /// The program itself: a bridge in the same process.
    Attached,
    /// Added at run time and stored.
    Added,
}

/// One appservice, for the operator.
#[derive(Debug, Clone)]
pub struct AppserviceInfo {
    /// Its id.
    pub id: String,
    /// Its own account.
    pub sender: OwnedUserId,
    /// Where events are pushed to.
    pub url: Option<String>,
    /// Where its registration comes from.
    pub origin: Origin,
    /// How many things it is owed.
    pub owed: i64,
    /// Since when the oldest of them waits, in unix milliseconds.
    pub oldest: Option<i64>,
    /// Attempts that failed since the last one that did not.
    pub failures: u32,
    /// Why the last one failed.
    pub last_failure: Option<String>,
}

/// Why an appservice cannot be registered or removed.
#[derive(Debug, thiserror::Error)]
pub enum AppserviceError {
    /// The registration itself is wrong.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// It is in the way of another one.
    #[error("{0}")]
    Clash(Clash),
    /// Its url cannot be one.
    #[error("the url of appservice {id} is no http or https address: {why}")]
    Url {
        /// The appservice.
        id: String,
        /// What is wrong.
        why: String,
    },
    /// No HTTP client could be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A stored registration cannot be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There is none of this id.
    #[error("there is no appservice {0}")]
    Unknown(String),
    /// It was not added at run time, so it cannot be removed there.
    #[error("appservice {0} comes from the configuration; remove it there and start again")]
    Configured(String),
    /// The database did not take it.
    #[error("the database failed: {0}")]
    Db(#[from] DbError),
}

/// All registered appservices at one moment.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    generation: u64,
    all: Vec<Arc<Appservice>>,
    pushing: Vec<Arc<Appservice>>,
    by_token: HashMap<TokenHash, Arc<Appservice>>,
}

impl Registry {
    fn new(generation: u64, all: Vec<Arc<Appservice>>) -> Self {
        let pushing = all.iter().filter(|one| one.pushes()).cloned().collect();
        let by_token = all.iter().map(|one| (*one.token_hash(), Arc::clone(one))).collect();
        Self { generation, all, pushing, by_token }
    }

    /// Grows with every change.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn all(&self) -> &[Arc<Appservice>] {
        &self.all
    }

    /// Those that events are pushed to.
    pub(crate) fn pushing(&self) -> &[Arc<Appservice>] {
        &self.pushing
    }

    pub(super) fn by_token(&self, hash: &TokenHash) -> Option<Arc<Appservice>> {
        self.by_token.get(hash).cloned()
    }

    fn find(&self, id: &str) -> Option<&Arc<Appservice>> {
        self.all.iter().find(|one| one.id == id)
    }
}

impl Appservices {
    fn with(&self, added: &Arc<Appservice>) -> Registry {
        let now = self.registry();
        let mut all: Vec<_> = now.all.iter().filter(|one| one.id != added.id).cloned().collect();
        all.push(Arc::clone(added));
        Registry::new(now.generation + 1, all)
    }

    fn without(&self, id: &str) -> Registry {
        let now = self.registry();
        let all = now.all.iter().filter(|one| one.id != id).cloned().collect();
        Registry::new(now.generation + 1, all)
    }
}

/// Registers an appservice and starts its sender. One that was added at run time may be added again: that replaces its
/// registration, keeps its queue, and ends the pause it may be in.
pub(crate) async fn register(
    house: &SharedHouse,
    registration: Registration,
    origin: Origin,
    transport: Option<Arc<dyn HttpTransport>>,
) -> Result<(), AppserviceError> {
    let appservices = &house.appservices;
    let _one_at_a_time = appservices.changing.lock().await;
    let replaced = appservices.registry().find(&registration.id).cloned();
    let replaced = replaced.filter(|old| (old.origin, origin) == (Origin::Added, Origin::Added));
    check_clashes(house, &registration, replaced.as_deref())?;
    let transport = match transport {
        Some(transport) => Some(transport),
        None => make_transport(house, &registration)?,
    };
    let appservice = Appservice::new(registration, &house.server_name, origin, transport)?;
    let appservice = Arc::new(appservice);
    let registration = appservice.registration().to_yaml();
    let sealed = (origin == Origin::Added)
        .then(|| appservices.seal.seal(&appservice.id, registration.as_bytes()));
    let (kept, shared) = (Arc::clone(&appservice), Arc::clone(house));
    let job = Register {
        id: appservice.id.clone(),
        sender: appservice.sender.clone(),
        sealed,
        now: house.clock.now_ms(),
        // In the writer, so that the first event after the commit already knows the appservice.
        effective: Arc::new(move || {
            shared.appservices.replace_registry(shared.appservices.with(&kept));
        }),
    };
    house.db.run(job).await?;
    if let Some(old) = replaced {
        old.end().await;
    }
    start_sender(house, &appservice);
    tracing::info!(appservice = %appservice.id, ?origin, "appservice registered");
    Ok(())
}

fn check_clashes(
    house: &SharedHouse,
    registration: &Registration,
    replaced: Option<&Appservice>,
) -> Result<(), AppserviceError> {
    let registry = house.appservices.registry();
    let others = registry.all().iter();
    let others = others.filter(|one| replaced.is_none_or(|old| old.id != one.id));
    let mut registrations: Vec<_> = others.map(|one| one.registration().clone()).collect();
    registrations.push(registration.clone());
    let clashes = find_clashes(&registrations, &house.server_name)?;
    match clashes.into_iter().next() {
        Some(clash) => Err(AppserviceError::Clash(clash)),
        None => Ok(()),
    }
}

fn make_transport(
    house: &SharedHouse,
    registration: &Registration,
) -> Result<Option<Arc<dyn HttpTransport>>, AppserviceError> {
    let Some(url) = &registration.url else { return Ok(None) };
    let wrong = |why: String| AppserviceError::Url { id: registration.id.clone(), why };
    let url = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(format!("its scheme is {}", url.scheme())));
    }
    let transport = SocketTransport::new(&url, house.settings.outgoing.clone())?;
    Ok(Some(Arc::new(transport)))
}

/// Removes an appservice that was added at run time, with what it was owed. Its users stay.
pub(crate) async fn remove(house: &SharedHouse, id: &str) -> Result<(), AppserviceError> {
    let appservices = &house.appservices;
    let _one_at_a_time = appservices.changing.lock().await;
    let registry = appservices.registry();
    let appservice = registry.find(id).ok_or_else(|| AppserviceError::Unknown(id.to_owned()))?;
    if appservice.origin != Origin::Added {
        return Err(AppserviceError::Configured(id.to_owned()));
    }
    let (name, shared) = (id.to_owned(), Arc::clone(house));
    let job = Remove {
        id: id.to_owned(),
        effective: Arc::new(move || {
            shared.appservices.replace_registry(shared.appservices.without(&name));
        }),
    };
    house.db.run(job).await?;
    appservice.end().await;
    tracing::info!(appservice = %id, "appservice removed");
    Ok(())
}

/// Registers those that were added at run time before.
pub(crate) async fn load_added(house: &SharedHouse) -> Result<(), AppserviceError> {
    for (id, sealed) in appservices::added(&house.db).await? {
        let yaml = house.appservices.seal.open(&id, &sealed)?;
        let registration = Registration::parse(&String::from_utf8_lossy(&yaml))?;
        register(house, registration, Origin::Added, None).await?;
    }
    Ok(())
}

/// Lists all appservices with how their deliveries go.
pub(crate) async fn list(house: &SharedHouse) -> Result<Vec<AppserviceInfo>, DbError> {
    let mut infos = Vec::new();
    for appservice in house.appservices.registry().all() {
        let backlog = outbox::backlog(&house.db, &appservice.id).await?;
        let delivery = appservice.delivery();
        infos.push(AppserviceInfo {
            id: appservice.id.clone(),
            sender: appservice.sender.clone(),
            url: appservice.registration().url.clone(),
            origin: appservice.origin,
            owed: backlog.rows,
            oldest: backlog.oldest,
            failures: delivery.failures,
            last_failure: delivery.last_failure,
        });
    }
    Ok(infos)
}

/// What makes a stored change effective, run by the writer after the commit.
type Effect = Arc<dyn Fn() + Send + Sync>;

/// The write job that remembers an appservice and makes the account it acts as.
struct Register {
    id: String,
    sender: OwnedUserId,
    sealed: Option<Vec<u8>>,
    now: i64,
    effective: Effect,
}

#[async_trait]
impl Job for Register {
    type Output = ();
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<(), DbError> {
        match &self.sealed {
            Some(sealed) => appservices::put(tx, &self.id, sealed, self.now).await?,
            None => appservices::ensure(tx, &self.id, self.now).await?,
        }
        users::insert(tx, self.sender.as_str(), None, false, Some(&self.id), self.now).await?;
        let effective = Arc::clone(&self.effective);
        tx.after_commit(move || effective());
        Ok(())
    }
}

/// The write job that forgets an appservice and what it was owed.
struct Remove {
    id: String,
    effective: Effect,
}

#[async_trait]
impl Job for Remove {
    type Output = ();
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<(), DbError> {
        outbox::forget(tx, &self.id).await?;
        appservices::delete(tx, &self.id).await?;
        let effective = Arc::clone(&self.effective);
        tx.after_commit(move || effective());
        Ok(())
    }
}
