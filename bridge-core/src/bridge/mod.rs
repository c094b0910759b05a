//! The bridge as a whole: what a program builds, mounts, starts and stops.

mod builder;
mod instances;
mod pages;
mod reload;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use support_db::{Db, DbError, Migration};
use support_matrix_http::{Limits, harden, shelter};

pub use self::builder::{BridgeBuilder, BuildError};
pub use self::reload::Reload;
pub use self::watch::BridgeWatch;
use crate::journal::{Backlog, Journal, JournalDesk};
use crate::logins;
use crate::matrix::MatrixTrouble;
use crate::network::RemoteIntake;
use crate::parts::Parts;
use crate::provisioning::Provisioning;

/// The largest body the homeserver may push. A hundred events of the largest size fit.
const LARGEST_PUSH: usize = 16 * 1024 * 1024;

static MIGRATIONS: [Migration; 8] = [
    Migration {
        number: 1,
        name: "places and people",
        sqlite: include_str!("../../migrations/sqlite/0001_places_and_people.sql"),
        postgres: include_str!("../../migrations/postgres/0001_places_and_people.sql"),
    },
    Migration {
        number: 2,
        name: "journal",
        sqlite: include_str!("../../migrations/sqlite/0002_journal.sql"),
        postgres: include_str!("../../migrations/postgres/0002_journal.sql"),
    },
    Migration {
        number: 3,
        name: "kinds",
        sqlite: include_str!("../../migrations/sqlite/0003_kinds.sql"),
        postgres: include_str!("../../migrations/postgres/0003_kinds.sql"),
    },
    Migration {
        number: 4,
        name: "files",
        sqlite: include_str!("../../migrations/sqlite/0004_files.sql"),
        postgres: include_str!("../../migrations/postgres/0004_files.sql"),
    },
    Migration {
        number: 6,
        name: "double puppets",
        sqlite: include_str!("../../migrations/sqlite/0006_double_puppets.sql"),
        postgres: include_str!("../../migrations/postgres/0006_double_puppets.sql"),
    },
    Migration {
        number: 7,
        name: "desk",
        sqlite: include_str!("../../migrations/sqlite/0007_desk.sql"),
        postgres: include_str!("../../migrations/postgres/0007_desk.sql"),
    },
    Migration {
        number: 8,
        name: "more kinds",
        sqlite: include_str!("../../migrations/sqlite/0008_more_kinds.sql"),
        postgres: include_str!("../../migrations/postgres/0008_more_kinds.sql"),
    },
    Migration {
        number: 9,
        name: "history",
        sqlite: include_str!("../../migrations/sqlite/0009_history.sql"),
        postgres: include_str!("../../migrations/postgres/0009_history.sql"),
    },
];

/// One bridge: all networks of one process, behind one registration.
pub struct Bridge {
    parts: Parts,
    journal: Arc<Journal>,
    provisioning: Provisioning,
}

impl Bridge {
    /// Begins to build a bridge.
    pub fn builder() -> BridgeBuilder {
        BridgeBuilder::default()
    }

    /// Returns the migrations of the bridge's database, for [`Db::open`].
    pub fn migrations() -> &'static [Migration] {
        &MIGRATIONS
    }

    /// Whether a database holds sealed credentials: then a missing sealing key must not be made anew.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn has_sealed_logins(db: &Db) -> Result<bool, DbError> {
        Ok(logins::count_sealed(db).await? > 0)
    }

    /// Returns everything this bridge answers: what the homeserver calls, and the pages.
    pub fn router(&self) -> axum::Router {
        let router = self.journal.router().merge(self.page_routes());
        harden(router, Limits { body: LARGEST_PUSH })
    }

    /// Returns what people and other programs call: files behind links, provisioning, the networks' own
    /// pages. For a program whose listener answers for a homeserver too, to be merged into its router.
    pub fn pages(&self) -> axum::Router {
        shelter(self.page_routes(), Limits { body: LARGEST_PUSH })
    }

    /// Returns the provisioning API as the operator may use it: in anybody's name, without a token. For the
    /// program's own command line; it must not be mounted where others reach it.
    pub fn operators_pages(&self) -> axum::Router {
        shelter(self.provisioning.operators_router(), Limits { body: LARGEST_PUSH })
    }

    fn page_routes(&self) -> axum::Router {
        let networks = pages::router(self.parts.networks.clone());
        self.parts.media.router().merge(self.provisioning.router()).merge(networks)
    }

    /// Starts: takes up what the journal holds, connects the logins. The router should be mounted
    /// before. A homeserver that does not answer yet is waited for in the background.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn start(&self) -> Result<(), DbError> {
        self.introduce_bot().await;
        self.journal.start().await?;
        self.parts.logins.start_telling();
        self.parts.puppets.start_watching();
        self.parts.logins.start_heartbeat();
        self.parts.logins.connect_all();
        Ok(())
    }

    /// Stops: takes nothing more, lets what is under way finish until the deadline, disconnects.
    /// What is left stays journalled. The database is the caller's to close.
    pub async fn stop(&self, deadline: Duration) {
        self.journal.stop(deadline).await;
        self.end().await;
    }

    /// Ends everything where it is, as a crash would, but with every task gone afterwards.
    pub async fn halt(&self) {
        self.journal.halt().await;
        self.end().await;
    }

    /// Returns what looks after the bridge from outside.
    pub fn watch(&self) -> BridgeWatch {
        BridgeWatch::new(self.parts.clone(), Arc::clone(&self.journal))
    }

    /// Returns how much the journal holds that is not settled.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn backlog(&self) -> Result<Backlog, DbError> {
        self.journal.backlog().await
    }

    /// Returns where an operator asks after messages. It does not keep the bridge running.
    pub fn desk(&self) -> JournalDesk {
        self.journal.desk()
    }

    async fn end(&self) {
        self.parts.logins.disconnect_all().await;
        self.parts.stop.cancel();
        self.parts.tasks.close();
        self.parts.tasks.wait().await;
    }

    /// The bot's account and name. Asked for until the homeserver is there.
    async fn introduce_bot(&self) {
        let Err(trouble) = introduce(&self.parts).await else { return };
        tracing::warn!(%trouble, "the homeserver does not answer the bot yet; trying on");
        let (parts, stop) = (self.parts.clone(), self.parts.stop.clone());
        let trying = async move {
            let mut wait = Duration::from_secs(1);
            loop {
                parts.clock.sleep(parts.random.jitter(wait, 0.2)).await;
                wait = (wait * 2).min(Duration::from_secs(60));
                match introduce(&parts).await {
                    Ok(()) => return tracing::info!("the homeserver knows the bot now"),
                    Err(trouble) => tracing::debug!(%trouble, "the bot is still not known"),
                }
            }
        };
        self.parts.tasks.spawn(async move { stop.run_until_cancelled(trying).await });
    }
}

async fn introduce(parts: &Parts) -> Result<(), MatrixTrouble> {
    let bot = parts.matrix.bot();
    parts.matrix.register(bot).await?;
    if parts.matrix.profile(bot).await?.name.is_none() {
        parts.matrix.set_display_name(bot, "Rialto").await?;
    }
    Ok(())
}

/// Returns the journal as what the clients talk to.
fn intake(journal: &Arc<Journal>) -> Arc<dyn RemoteIntake> {
    journal.clone()
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge").field("networks", &self.parts.networks).finish_non_exhaustive()
    }
}
