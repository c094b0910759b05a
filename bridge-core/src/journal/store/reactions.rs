//! Reactions that stand: which event shows which account's reaction to which remote message.

use support_db::{DbError, Row, Tx, params};

use super::Store;
use crate::ids::RemoteMessageId;

const SET: &str =
    "INSERT INTO reaction (portal_id, remote_id, room_id, remote_sender, reaction_key,
        event_id, mxid, row_seq)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (portal_id, remote_id, room_id, remote_sender, reaction_key) DO NOTHING";
const END: &str = "DELETE FROM reaction WHERE portal_id = $1 AND event_id = $2";
const OF_EVENT: &str =
    "SELECT portal_id, remote_id, room_id, remote_sender, reaction_key, event_id, mxid, row_seq
    FROM reaction
    WHERE event_id = $1 AND portal_id = $2";
const STANDING: &str =
    "SELECT portal_id, remote_id, room_id, remote_sender, reaction_key, event_id, mxid, row_seq
    FROM reaction
    WHERE portal_id = $1 AND remote_id = $2 AND remote_sender = $3 AND reaction_key = $4
    ORDER BY room_id";

const REDACTED_BY_US: &str = "SELECT row_seq FROM journal_step
    WHERE operation = 'redact' AND remote_id = $1
    LIMIT 1";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[SET, END, OF_EVENT, STANDING, REDACTED_BY_US];

/// A reaction in one room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reaction {
    /// The chat.
    pub(crate) portal_id: i64,
    /// The message it belongs to.
    pub(crate) remote_id: RemoteMessageId,
    /// The room.
    pub(crate) room_id: String,
    /// The account that shows it on the network.
    pub(crate) remote_sender: String,
    /// What it is.
    pub(crate) key: String,
    /// The event that shows it.
    pub(crate) event_id: String,
    /// Who shows it on Matrix.
    pub(crate) mxid: String,
    /// The row it went through.
    pub(crate) row_seq: i64,
}

impl Reaction {
    fn read(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            portal_id: row.get("portal_id")?,
            remote_id: RemoteMessageId::new(row.get::<String>("remote_id")?),
            room_id: row.get("room_id")?,
            remote_sender: row.get("remote_sender")?,
            key: row.get("reaction_key")?,
            event_id: row.get("event_id")?,
            mxid: row.get("mxid")?,
            row_seq: row.get("row_seq")?,
        })
    }

    /// Remembers it; one that stands already stays as it is.
    pub(super) async fn set(&self, tx: &mut Tx) -> Result<(), DbError> {
        let params = params![
            self.portal_id,
            self.remote_id.as_str(),
            self.room_id.as_str(),
            self.remote_sender.as_str(),
            self.key.as_str(),
            self.event_id.as_str(),
            self.mxid.as_str(),
            self.row_seq,
        ];
        tx.execute(SET, params).await.map(drop)
    }
}

/// Forgets the reaction an event showed.
pub(super) async fn end(tx: &mut Tx, portal_id: i64, event_id: &str) -> Result<(), DbError> {
    tx.execute(END, params![portal_id, event_id]).await.map(drop)
}

impl Store {
    /// Returns the reaction an event shows in a portal.
    pub(crate) async fn reaction_of_event(
        &self,
        portal_id: i64,
        event_id: &str,
    ) -> Result<Option<Reaction>, DbError> {
        let row = self.db.fetch_optional(OF_EVENT, params![event_id, portal_id]).await?;
        row.as_ref().map(Reaction::read).transpose()
    }

    /// Whether we have taken an event back, or are about to: because it was taken back over there.
    pub(crate) async fn was_redacted_by_us(&self, event_id: &str) -> Result<bool, DbError> {
        Ok(self.db.fetch_optional(REDACTED_BY_US, params![event_id]).await?.is_some())
    }

    /// Returns an account's reaction to a message, in each room that shows it.
    pub(crate) async fn standing_reactions(
        &self,
        portal_id: i64,
        remote_id: &RemoteMessageId,
        sender: &str,
        key: &str,
    ) -> Result<Vec<Reaction>, DbError> {
        let params = params![portal_id, remote_id.as_str(), sender, key];
        let rows = self.db.fetch_all(STANDING, params).await?;
        rows.iter().map(Reaction::read).collect()
    }
}
