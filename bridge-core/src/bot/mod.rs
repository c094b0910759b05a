//! The bot: commands in words, answers in words. In a direct room with the bot every message is a
//! command; elsewhere a command begins with `!rialto`.

mod carry;
mod commands;
mod history;
mod journal;
mod login;
mod parse;
mod plumbing;
mod puppets;
mod rooms;
mod words;

use std::fmt;
use std::sync::{Arc, OnceLock};

use support_clock::SharedClock;
use support_db::{Db, DbError};

pub(crate) use self::history::NoHistory;
use self::login::Conversations;
pub(crate) use self::words::state_words;
use crate::journal::JournalDesk;
use crate::logins::Logins;
use crate::matrix::Matrix;
use crate::networks::Networks;
use crate::permissions::{Permission, Permissions};
use crate::portals::Portals;
use crate::puppets::Puppets;
use crate::switches::Switches;

/// What stands before a command outside a management room.
pub(crate) const PREFIX: &str = "!rialto";

/// The bot. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Bot(Arc<Inner>);

struct Inner {
    db: Db,
    clock: SharedClock,
    matrix: Matrix,
    networks: Networks,
    permissions: Arc<Permissions>,
    logins: Logins,
    portals: Portals,
    puppets: Puppets,
    switches: Switches,
    conversations: Conversations,
    /// Set once the journal is there, which is made after the bot.
    desk: OnceLock<JournalDesk>,
}

/// What a [`Bot`] is made of.
pub(crate) struct BotParts {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) matrix: Matrix,
    pub(crate) networks: Networks,
    pub(crate) permissions: Arc<Permissions>,
    pub(crate) logins: Logins,
    pub(crate) portals: Portals,
    pub(crate) puppets: Puppets,
    pub(crate) switches: Switches,
}

/// Something said to the bot. Never printed: it may carry a secret.
pub(crate) struct CommandRequest {
    /// Where.
    pub(crate) room: String,
    /// The event.
    pub(crate) event_id: String,
    /// By whom.
    pub(crate) sender: String,
    /// What.
    pub(crate) body: String,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BotReply {
    /// In words.
    pub(crate) text: String,
    /// With markup.
    pub(crate) html: Option<String>,
}

impl BotReply {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), html: None }
    }
}

impl Bot {
    pub(crate) fn new(parts: BotParts) -> Self {
        let BotParts {
            db,
            clock,
            matrix,
            networks,
            permissions,
            logins,
            portals,
            puppets,
            switches,
        } = parts;
        let conversations = Conversations::default();
        Self(Arc::new(Inner {
            db,
            clock,
            matrix,
            networks,
            permissions,
            logins,
            portals,
            puppets,
            switches,
            conversations,
            desk: OnceLock::new(),
        }))
    }

    /// Sets where the bot asks after messages.
    pub(crate) fn set_desk(&self, desk: JournalDesk) {
        self.0.desk.get_or_init(|| desk);
    }

    /// Whether something said in a room is said to the bot.
    pub(crate) async fn is_command(
        &self,
        room: &str,
        sender: &str,
        body: &str,
    ) -> Result<bool, DbError> {
        if parse::after_prefix(body).is_some() {
            return Ok(true);
        }
        rooms::is_management_room(&self.0.db, room, sender).await
    }

    /// Does what was asked and returns what to answer. Doing it again (after a crash) does no harm.
    pub(crate) async fn handle(&self, request: CommandRequest) -> Vec<BotReply> {
        match self.0.permissions.of(&request.sender) {
            // Answering them would let them make us talk.
            Permission::Block => Vec::new(),
            permission => self.command(&request, permission).await,
        }
    }
}

impl fmt::Debug for Bot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bot").finish_non_exhaustive()
    }
}

impl fmt::Debug for CommandRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandRequest").field("room", &self.room).finish_non_exhaustive()
    }
}
