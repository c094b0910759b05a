//! Everything the bridge is made of, wired once and handed to the journal.

use std::sync::Arc;

use secrecy::SecretString;
use support_clock::{SharedClock, SharedRandom};
use support_db::Db;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bot::Bot;
use crate::crossing::Observer;
use crate::ghosts::Ghosts;
use crate::logins::Logins;
use crate::matrix::Matrix;
use crate::media::Media;
use crate::metrics::Metrics;
use crate::networks::Networks;
use crate::permissions::Permissions;
use crate::portals::Portals;
use crate::puppets::Puppets;
use crate::switches::Switches;

/// The parts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Parts {
    /// The store.
    pub(crate) db: Db,
    /// The time.
    pub(crate) clock: SharedClock,
    /// Randomness.
    pub(crate) random: SharedRandom,
    /// The homeserver.
    pub(crate) matrix: Matrix,
    /// The networks.
    pub(crate) networks: Networks,
    /// Chats and their rooms.
    pub(crate) portals: Portals,
    /// Remote people.
    pub(crate) ghosts: Ghosts,
    /// Remote accounts.
    pub(crate) logins: Logins,
    /// Tokens people handed in.
    pub(crate) puppets: Puppets,
    /// What is switched off.
    pub(crate) switches: Switches,
    /// The bot.
    pub(crate) bot: Bot,
    /// Files.
    pub(crate) media: Media,
    /// Figures.
    pub(crate) metrics: Metrics,
    /// Who may do what.
    pub(crate) permissions: Arc<Permissions>,
    /// What the homeserver shows when it pushes.
    pub(crate) hs_token: SecretString,
    /// Whether a transaction that cannot be stored stays unanswered instead of being refused.
    pub(crate) answers_only_when_stored: bool,
    /// Who watches messages cross.
    pub(crate) observer: Option<Observer>,
    /// Owns every task.
    pub(crate) tasks: TaskTracker,
    /// Ends every task.
    pub(crate) stop: CancellationToken,
}
