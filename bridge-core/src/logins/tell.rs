//! Telling owners how their logins are: in their management room, once per change that matters.
//! A connection that comes back by itself within a while is not worth a message.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use support_db::{Db, DbError, params};

use super::{Entry, Logins};
use crate::ids::{LoginId, SendKey};
use crate::jobs::job;
use crate::matrix::{MatrixOutcome, MatrixTrouble};
use crate::network::{BridgeState, BridgeStateKind};
use crate::permissions::Permission;

/// How long a connection may be away before its owner hears of it.
const PATIENCE: Duration = Duration::from_secs(45);

const MANAGEMENT_ROOM: &str = "SELECT room_id
    FROM management_room
    WHERE mxid = $1
    ORDER BY created_at DESC";

const TOLD: &str = "UPDATE login SET told = $2 WHERE id = $1";

/// What is to be told about one login.
struct Story {
    login: LoginId,
    owner: String,
    /// What is remembered as told.
    told: String,
    /// The words; `None`: nothing to say, but to remember.
    words: Option<String>,
}

/// What to do about one login now.
enum Due {
    Now(Story),
    In(Duration),
    Never,
}

impl Logins {
    /// Starts the task that tells owners.
    pub(crate) fn start_telling(&self) {
        let this = self.clone();
        let telling = async move {
            loop {
                let wait = this.tell_all().await;
                tokio::select! {
                    () = this.0.news.notified() => {}
                    () = this.0.clock.sleep(wait) => {}
                }
            }
        };
        let stop = self.0.stop.clone();
        self.0.tasks.spawn(async move { stop.run_until_cancelled(telling).await });
    }

    /// Ends a command's watch over a login; what it told need not be told again.
    pub(crate) async fn unwatch(&self, login: &LoginId, told: Option<&BridgeState>) {
        let told = told.map(fingerprint);
        let owner = {
            let mut entries = self.write();
            let Some(entry) = entries.get_mut(login) else { return };
            entry.watched = false;
            entry.owner.clone()
        };
        if let Some(told) = told {
            self.remember_told(Story { login: login.clone(), owner, told, words: None }).await;
        }
        self.0.news.notify_one();
    }

    async fn tell_all(&self) -> Duration {
        let mut wait = Duration::from_secs(3600);
        let logins: Vec<LoginId> = self.read().keys().cloned().collect();
        for login in logins {
            let now = self.0.clock.monotonic();
            match self.entry(&login, |entry| due(&login, entry, now)) {
                Some(Due::Now(story)) => {
                    if let Err(trouble) = self.tell(story).await {
                        tracing::warn!(%login, %trouble, "an owner could not be told");
                        wait = wait.min(Duration::from_secs(10));
                    }
                }
                Some(Due::In(rest)) => wait = wait.min(rest),
                Some(Due::Never) | None => {}
            }
        }
        wait
    }

    async fn tell(&self, story: Story) -> Result<(), MatrixTrouble> {
        if let Some(words) = &story.words
            && self.0.permissions.of(&story.owner) >= Permission::User
            && let Some(room) = self.management_room(&story.owner).await?
        {
            let key = story_key(&story, self.0.clock.now_ms());
            let content = json!({ "msgtype": "m.notice", "body": words });
            let matrix = &self.0.matrix;
            let sent =
                matrix.send_event(matrix.bot(), &room, "m.room.message", &key, &content, None);
            match sent.await {
                MatrixOutcome::Done { .. } => {}
                MatrixOutcome::Refused { errcode, words } => {
                    tracing::warn!(errcode, words, "the homeserver refuses a login's news");
                }
                MatrixOutcome::Retry { after, reason } => {
                    return Err(MatrixTrouble::Retry { after, reason });
                }
                MatrixOutcome::Unknown { reason } => return Err(MatrixTrouble::Unknown { reason }),
            }
        }
        self.remember_told(story).await;
        Ok(())
    }

    /// Returns the newest direct room of a person with the bot.
    pub(crate) async fn management_room(&self, owner: &str) -> Result<Option<String>, DbError> {
        management_room(&self.0.db, owner).await
    }

    async fn remember_told(&self, story: Story) {
        if let Some(entry) = self.write().get_mut(&story.login) {
            entry.told = Some(story.told.clone());
        }
        let job = job(move |tx| {
            let (login, told) = (story.login.clone(), story.told.clone());
            Box::pin(async move {
                tx.execute(TOLD, params![login.as_str(), told]).await?;
                Ok(())
            })
        });
        if let Err(error) = self.0.db.write(job).await {
            tracing::warn!(%error, "what an owner was told could not be stored");
        }
    }
}

/// Returns where a person is told something.
pub(crate) async fn management_room(db: &Db, owner: &str) -> Result<Option<String>, DbError> {
    let row = db.fetch_optional(MANAGEMENT_ROOM, params![owner]).await?;
    row.map(|row| row.get("room_id")).transpose()
}

/// A story told again after a lost answer is the same event; a later one is not.
fn story_key(story: &Story, now: i64) -> SendKey {
    let minute = now / 60_000;
    let hash = Sha256::digest(format!("{}\0{}\0{minute}", story.login, story.told));
    SendKey::new(hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// What makes two states the same news.
fn fingerprint(state: &BridgeState) -> String {
    match state.kind {
        BridgeStateKind::Connected
        | BridgeStateKind::Connecting
        | BridgeStateKind::TransientDisconnect => format!("{:?}", state.kind),
        _ => format!("{:?} {}", state.kind, state.message),
    }
}

fn due(login: &LoginId, entry: &Entry, now: Duration) -> Due {
    let told = fingerprint(&entry.state);
    if entry.watched || entry.told.as_ref() == Some(&told) {
        return Due::Never;
    }
    let name = &entry.name;
    let why = &entry.state.message;
    let words = match entry.state.kind {
        BridgeStateKind::Connecting => return Due::Never,
        BridgeStateKind::Connected => {
            // Only who heard of trouble wants to hear that it is over.
            let trouble = entry.told.as_deref().is_some_and(|told| told != "Connected");
            trouble.then(|| format!("{login} ({name}) is connected again."))
        }
        BridgeStateKind::TransientDisconnect => {
            let away = now.saturating_sub(entry.since);
            if away < PATIENCE {
                return Due::In(PATIENCE.saturating_sub(away));
            }
            Some(format!(
                "{login} ({name}) has lost its connection: {why} It is tried again by itself; messages wait."
            ))
        }
        BridgeStateKind::BadCredentials => Some(format!(
            "{login} ({name}) was refused: {why} Log in again with `login {}`; messages wait.",
            entry.network
        )),
        BridgeStateKind::LoggedOut => Some(format!(
            "{login} ({name}) was logged out: {why} Log in again with `login {}`.",
            entry.network
        )),
        BridgeStateKind::UnknownError => Some(format!("{login} ({name}) has stopped: {why}")),
    };
    Due::Now(Story { login: login.clone(), owner: entry.owner.clone(), told, words })
}
