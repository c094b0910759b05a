//! Double puppeting by a person's own token: where no second registration lets the bridge act as everybody, a
//! person hands in the token of a session of their own. It is kept sealed, tried before it is believed, and
//! given up, with a word to its owner, as soon as the homeserver does not know it any more.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use support_clock::SharedClock;
use support_db::{Db, DbError, params};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ids::SendKey;
use crate::jobs::job;
use crate::logins::{LoginTrouble, Sealing, management_room};
use crate::matrix::{Matrix, MatrixOutcome, MatrixTrouble};

const LOAD: &str = "SELECT mxid, sealed FROM double_puppet ORDER BY mxid";

const KEEP: &str = "INSERT INTO double_puppet (mxid, sealed, created_at)
    VALUES ($1, $2, $3)
    ON CONFLICT (mxid) DO UPDATE
    SET sealed = excluded.sealed, created_at = excluded.created_at";

const FORGET: &str = "DELETE FROM double_puppet WHERE mxid = $1";

/// All statements, for the test that prepares them on both databases.
#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[LOAD, KEEP, FORGET];

/// What a token is sealed as.
fn seal_name(mxid: &str) -> String {
    format!("double puppet\0{mxid}")
}

/// Why a token was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum PuppetTrouble {
    /// The homeserver does not know it.
    #[error("the homeserver does not know this token")]
    Unknown,
    /// It is somebody else's.
    #[error("this token belongs to {0}")]
    SomebodyElses(String),
    /// There is no key to seal it with.
    #[error("there is no key to seal it with, so it is not stored")]
    NoKey,
    /// The homeserver could not be asked.
    #[error("the homeserver could not be asked about it: {0}")]
    Matrix(MatrixTrouble),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The tokens people handed in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Puppets(Arc<Inner>);

struct Inner {
    db: Db,
    clock: SharedClock,
    matrix: Matrix,
    sealing: Option<Sealing>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What a [`Puppets`] is made of.
pub(crate) struct PuppetsParts {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) matrix: Matrix,
    pub(crate) sealing: Option<Sealing>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Puppets {
    pub(crate) fn new(parts: PuppetsParts) -> Self {
        let PuppetsParts { db, clock, matrix, sealing, tasks, stop } = parts;
        Self(Arc::new(Inner { db, clock, matrix, sealing, tasks, stop }))
    }

    /// Opens what is stored.
    pub(crate) async fn load(&self) -> Result<(), LoginTrouble> {
        for row in self.0.db.fetch_all(LOAD, params![]).await? {
            let (mxid, sealed): (String, Vec<u8>) = (row.get("mxid")?, row.get("sealed")?);
            let sealing = self.0.sealing.as_ref().ok_or(LoginTrouble::NoKey)?;
            let opened = sealing.open_as(&seal_name(&mxid), &sealed);
            let token = opened.map_err(|_| LoginTrouble::WrongKeyOfPuppet(mxid.clone()))?;
            self.0.matrix.set_own_token(&mxid, SecretString::from(token));
        }
        Ok(())
    }

    /// Tries a token and keeps it if it is the person's.
    pub(crate) async fn keep(&self, mxid: &str, token: SecretString) -> Result<(), PuppetTrouble> {
        let sealing = self.0.sealing.as_ref().ok_or(PuppetTrouble::NoKey)?;
        match self.0.matrix.owner_of_token(&token).await {
            Ok(Some(owner)) if owner == mxid => {}
            Ok(Some(owner)) => return Err(PuppetTrouble::SomebodyElses(owner)),
            Ok(None) | Err(MatrixTrouble::Refused { .. }) => return Err(PuppetTrouble::Unknown),
            Err(trouble) => return Err(PuppetTrouble::Matrix(trouble)),
        }
        let sealed = sealing.seal_as(&seal_name(mxid), token.expose_secret());
        let (person, now) = (mxid.to_owned(), self.0.clock.now_ms());
        let keep = job(move |tx| {
            let (person, sealed) = (person.clone(), sealed.clone());
            Box::pin(async move { tx.execute(KEEP, params![person, sealed, now]).await.map(drop) })
        });
        self.0.db.write(keep).await?;
        self.0.matrix.set_own_token(mxid, token);
        tracing::info!("a person lets the bridge act in their name");
        Ok(())
    }

    /// Gives a person's token up; tells whether there was one.
    pub(crate) async fn forget(&self, mxid: &str) -> Result<bool, DbError> {
        self.delete(mxid).await?;
        Ok(self.0.matrix.drop_own_token(mxid))
    }

    /// Starts the task that cleans up after tokens the homeserver does not know any more.
    pub(crate) fn start_watching(&self) {
        let this = self.clone();
        let watching = async move {
            loop {
                for mxid in this.0.matrix.lost_tokens().await {
                    this.lost(&mxid).await;
                }
            }
        };
        let stop = self.0.stop.clone();
        self.0.tasks.spawn(async move { stop.run_until_cancelled(watching).await });
    }

    async fn lost(&self, mxid: &str) {
        tracing::warn!("a person's token is not valid any more; their ghost speaks in their place");
        // Left in the table, it is found out again after the next start.
        if let Err(error) = self.delete(mxid).await {
            tracing::warn!(%error, "a token that is not valid any more could not be deleted");
        }
        let room = match management_room(&self.0.db, mxid).await {
            Ok(Some(room)) => room,
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "an owner could not be told"),
        };
        let words = "The homeserver does not know the token any more with which I acted in your name. What you say elsewhere appears under a ghost's name from now on. `login-matrix TOKEN` brings it back.";
        let content = json!({ "msgtype": "m.notice", "body": words });
        let key = SendKey::new(format!("puppet-lost-{}", self.0.clock.now_ms()));
        let matrix = &self.0.matrix;
        let sent = matrix.send_event(matrix.bot(), &room, "m.room.message", &key, &content, None);
        if !matches!(sent.await, MatrixOutcome::Done { .. }) {
            tracing::warn!("an owner could not be told that their token is not valid any more");
        }
    }

    async fn delete(&self, mxid: &str) -> Result<(), DbError> {
        let person = mxid.to_owned();
        let forget = job(move |tx| {
            let person = person.clone();
            Box::pin(async move { tx.execute(FORGET, params![person]).await.map(drop) })
        });
        self.0.db.write(forget).await
    }
}

impl fmt::Debug for Puppets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Puppets").finish_non_exhaustive()
    }
}
