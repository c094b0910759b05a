//! Logins as they are stored.

use std::sync::atomic::AtomicU64;

use secrecy::{ExposeSecret as _, SecretString};
use support_db::{Db, DbError, Row, Tx, params};
use thiserror::Error;

use super::{Entry, LoginChange, Logins, Sealing};
use crate::ids::{LoginId, NetworkId};
use crate::jobs::job;
use crate::network::{BridgeState, BridgeStateKind, LoginRecord, NetworkError, StoredLogin};

/// Why a login could not be kept or loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum LoginTrouble {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// There is no key to seal credentials with.
    #[error("there is no key to seal credentials with, so none are stored")]
    NoKey,
    /// The credentials do not open.
    #[error("the credentials of login {0} do not open with this sealing key")]
    WrongKey(LoginId),
    /// The token somebody handed in does not open.
    #[error("the token of {0} does not open with this sealing key")]
    WrongKeyOfPuppet(String),
    /// The bridge cannot read its record.
    #[error("{0}")]
    Network(#[from] NetworkError),
    /// Its network is not configured.
    #[error("the network {0} is not configured")]
    NoNetwork(NetworkId),
}

/// One row.
struct Stored {
    login: StoredLogin,
    number: i64,
    told: Option<String>,
    last_connected: Option<i64>,
}

const LOAD: &str =
    "SELECT id, network, number, owner, remote_id, name, metadata, sealed, told, last_connected
    FROM login
    ORDER BY network, number";

const COUNT_SEALED: &str = "SELECT
        (SELECT count(*) FROM login WHERE sealed IS NOT NULL)
        + (SELECT count(*) FROM double_puppet) AS sealed";

const FIND: &str = "SELECT id, number
    FROM login
    WHERE network = $1 AND owner = $2 AND remote_id = $3";

const NEXT_NUMBER: &str = "UPDATE network_instance
    SET last_login = last_login + 1
    WHERE id = $1
    RETURNING last_login";

const INSERT: &str =
    "INSERT INTO login (id, network, number, owner, remote_id, name, metadata, sealed, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (id) DO UPDATE
    SET name = excluded.name, metadata = excluded.metadata, sealed = excluded.sealed, told = NULL";

const RESEAL: &str = "UPDATE login SET sealed = $2 WHERE id = $1";

const DELETE: &str = "DELETE FROM login WHERE id = $1";

const LEAVE_PORTALS: &str = "DELETE FROM portal_login WHERE login_id = $1";

const STOP_LISTENING: &str = "UPDATE portal SET listener = NULL WHERE listener = $1";

const STOP_RELAYING: &str = "UPDATE portal SET relay = NULL WHERE relay = $1";

/// Returns how many sealed secrets there are.
pub(crate) async fn count_sealed(db: &Db) -> Result<i64, DbError> {
    db.fetch_one(COUNT_SEALED, params![]).await?.get("sealed")
}

impl Logins {
    /// Loads every stored login whose network is configured. A record that a bridge cannot read
    /// is reported and left alone; a secret that does not open ends the start.
    pub(crate) async fn load(&self) -> Result<(), LoginTrouble> {
        self.load_those(None).await.map(drop)
    }

    /// Loads the logins of a network that has just been added, and returns them.
    pub(crate) async fn load_network(
        &self,
        network: &NetworkId,
    ) -> Result<Vec<LoginId>, LoginTrouble> {
        self.load_those(Some(network)).await
    }

    /// Disconnects and forgets the logins of a network that is taken away. They stay stored, and what waits for
    /// them goes on waiting.
    pub(crate) async fn unload(&self, network: &NetworkId) {
        for login in self.of_network(network) {
            if let Some(client) = self.client(&login) {
                client.disconnect().await;
            }
            self.write().remove(&login);
            // Nobody listening is fine: the journal does as soon as it runs.
            drop(self.0.changes.send(LoginChange { login, connected: false, gone: false }));
        }
    }

    async fn load_those(&self, only: Option<&NetworkId>) -> Result<Vec<LoginId>, LoginTrouble> {
        let mut loaded = Vec::new();
        for row in self.0.db.fetch_all(LOAD, params![]).await? {
            let network = NetworkId::new(row.get::<String>("network")?);
            if only.is_some_and(|only| *only != network) {
                continue;
            }
            if !self.0.networks.contains(&network) {
                tracing::warn!(%network, "a login waits for a network that is not configured");
                continue;
            }
            let stored = read(&row, self.0.sealing.as_ref())?;
            let id = stored.login.id.clone();
            match self.enter(stored, false) {
                Ok(()) => loaded.push(id),
                Err(error) => tracing::error!(login = %id, %error, "a login could not be loaded"),
            }
        }
        Ok(loaded)
    }

    /// Keeps a new login, or new credentials of one that is there, and makes its client.
    pub(crate) async fn keep(
        &self,
        network: &NetworkId,
        owner: &str,
        record: LoginRecord,
    ) -> Result<LoginId, LoginTrouble> {
        if record.secret.is_some() && self.0.sealing.is_none() {
            return Err(LoginTrouble::NoKey);
        }
        let job = Keep {
            network: network.clone(),
            owner: owner.to_owned(),
            record: record.clone(),
            sealing: self.0.sealing.clone(),
            now: self.0.clock.now_ms(),
        };
        let (id, number) = self.0.db.run(job).await?;
        if let Some(old) = self.client(&id) {
            old.disconnect().await;
        }
        let login = StoredLogin {
            id: id.clone(),
            network: network.clone(),
            owner: owner.to_owned(),
            record,
        };
        self.enter(Stored { login, number, told: None, last_connected: None }, true)?;
        Ok(id)
    }

    /// Seals other credentials of a login. False: it is gone.
    pub(crate) async fn keep_secret(
        &self,
        login: &LoginId,
        secret: Option<SecretString>,
    ) -> Result<bool, LoginTrouble> {
        let Some(network) = self.network(login) else { return Ok(false) };
        let sealed = match (&secret, &self.0.sealing) {
            (None, _) => None,
            (Some(_), None) => return Err(LoginTrouble::NoKey),
            (Some(secret), Some(sealing)) => {
                Some(sealing.seal(&network, login, secret.expose_secret()))
            }
        };
        let id = login.clone();
        let job = job(move |tx| {
            let (id, sealed) = (id.clone(), sealed.clone());
            Box::pin(async move { tx.execute(RESEAL, params![id.as_str(), sealed]).await })
        });
        Ok(self.0.db.write(job).await? > 0)
    }

    /// Ends a login for good: at the network as far as it knows such a thing, and here.
    pub(crate) async fn log_out(&self, login: &LoginId) -> Result<(), LoginTrouble> {
        if let Some(client) = self.client(login) {
            client.logout().await;
        }
        let id = login.clone();
        let job = job(move |tx| {
            let id = id.clone();
            Box::pin(async move {
                for sql in [DELETE, LEAVE_PORTALS, STOP_LISTENING, STOP_RELAYING] {
                    tx.execute(sql, params![id.as_str()]).await?;
                }
                Ok(())
            })
        });
        self.0.db.write(job).await?;
        self.write().remove(login);
        let change = LoginChange { login: login.clone(), connected: false, gone: true };
        // Nobody listening is fine: the journal does as soon as it runs.
        drop(self.0.changes.send(change));
        Ok(())
    }

    fn enter(&self, stored: Stored, watched: bool) -> Result<(), LoginTrouble> {
        let Stored { login, number, told, last_connected } = stored;
        let Some(connector) = self.0.networks.connector(&login.network) else {
            return Err(LoginTrouble::NoNetwork(login.network));
        };
        let entry = Entry {
            network: login.network.clone(),
            owner: login.owner.clone(),
            number,
            name: login.record.name.clone(),
            client: connector.load_login(login.clone())?,
            state: BridgeState::new(BridgeStateKind::Connecting),
            since: self.0.clock.monotonic(),
            last_connected,
            heard: AtomicU64::new(self.monotonic_ms()),
            told,
            watched,
        };
        self.write().insert(login.id, entry);
        Ok(())
    }
}

fn read(row: &Row, sealing: Option<&Sealing>) -> Result<Stored, LoginTrouble> {
    let id = LoginId::new(row.get::<String>("id")?);
    let network = NetworkId::new(row.get::<String>("network")?);
    let secret = match row.get::<Option<Vec<u8>>>("sealed")? {
        None => None,
        Some(sealed) => {
            let opened = sealing.ok_or(LoginTrouble::NoKey)?.open(&network, &id, &sealed);
            Some(opened.map_err(|_| LoginTrouble::WrongKey(id.clone()))?)
        }
    };
    let metadata: String = row.get("metadata")?;
    let record = LoginRecord {
        remote_id: row.get("remote_id")?,
        name: row.get("name")?,
        metadata: serde_json::from_str(&metadata).unwrap_or_default(),
        secret,
    };
    Ok(Stored {
        number: row.get("number")?,
        told: row.get("told")?,
        last_connected: row.get("last_connected")?,
        login: StoredLogin { id, network, owner: row.get("owner")?, record },
    })
}

/// Writes a login: under its old id if this person has this account here already.
struct Keep {
    network: NetworkId,
    owner: String,
    record: LoginRecord,
    sealing: Option<Sealing>,
    now: i64,
}

#[async_trait::async_trait]
impl support_db::Job for Keep {
    type Output = (LoginId, i64);
    type Error = LoginTrouble;

    async fn run(&self, tx: &mut Tx) -> Result<Self::Output, LoginTrouble> {
        let network = self.network.as_str();
        let remote = &self.record.remote_id;
        let known = tx.fetch_optional(FIND, params![network, &self.owner, remote]).await?;
        let (id, number) = match known {
            Some(row) => (LoginId::new(row.get::<String>("id")?), row.get::<i64>("number")?),
            None => {
                let row = tx.fetch_one(NEXT_NUMBER, params![network]).await?;
                let number: i64 = row.get("last_login")?;
                (LoginId::new(format!("{network}-{number}")), number)
            }
        };
        let sealed = match (&self.record.secret, &self.sealing) {
            (Some(secret), Some(sealing)) => Some(sealing.seal(&self.network, &id, secret)),
            (Some(_), None) => return Err(LoginTrouble::NoKey),
            (None, _) => None,
        };
        let metadata = self.record.metadata.to_string();
        let values = params![
            id.as_str(),
            network,
            number,
            &self.owner,
            remote,
            &self.record.name,
            metadata,
            sealed,
            self.now
        ];
        tx.execute(INSERT, values).await?;
        Ok((id, number))
    }
}
