//! The pairs that were bridged: which Matrix event is which remote message.

use support_db::{DbError, Tx, params};

use super::Store;
use crate::ids::{NetworkId, RemoteMessageId};

const INSERT: &str = "INSERT INTO message (portal_id, remote_id, part, room_id, event_id, network,
        sender_mxid, remote_sender, ts, row_seq)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (portal_id, remote_id, part, room_id) DO NOTHING";
const BY_EVENT: &str = "SELECT remote_id, remote_sender, sender_mxid FROM message
    WHERE event_id = $1 AND portal_id = $2
    ORDER BY row_seq, part, remote_id
    LIMIT 1";
const BY_REMOTE: &str = "SELECT event_id FROM message
    WHERE portal_id = $1 AND remote_id = $2 AND room_id = $3
    ORDER BY part
    LIMIT 1";
const KNOWN: &str = "SELECT part FROM message WHERE portal_id = $1 AND remote_id = $2 LIMIT 1";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[INSERT, BY_EVENT, BY_REMOTE, KNOWN];

/// One pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The chat.
    pub(crate) portal_id: i64,
    /// Its network.
    pub(crate) network: NetworkId,
    /// The remote message.
    pub(crate) remote_id: RemoteMessageId,
    /// Which part of it.
    pub(crate) part: i64,
    /// The room.
    pub(crate) room_id: String,
    /// The event.
    pub(crate) event_id: String,
    /// Who is seen as its sender on Matrix.
    pub(crate) sender_mxid: Option<String>,
    /// Who is seen as its sender on the network.
    pub(crate) remote_sender: Option<String>,
    /// When it was said.
    pub(crate) ts: Option<i64>,
    /// The row it went through.
    pub(crate) row_seq: i64,
}

/// The remote side of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageRef {
    /// The remote message (the first, where the event became several).
    pub(crate) remote_id: RemoteMessageId,
}

impl Message {
    /// Remembers the pair; a pair that is known stays as it is.
    pub(super) async fn insert(&self, tx: &mut Tx) -> Result<(), DbError> {
        tx.execute(
            INSERT,
            params![
                self.portal_id,
                self.remote_id.as_str(),
                self.part,
                self.room_id.as_str(),
                self.event_id.as_str(),
                self.network.as_str(),
                self.sender_mxid.as_deref(),
                self.remote_sender.as_deref(),
                self.ts,
                self.row_seq,
            ],
        )
        .await?;
        Ok(())
    }
}

impl Store {
    /// Returns what an event is in a portal.
    pub(crate) async fn message_of_event(
        &self,
        portal_id: i64,
        event_id: &str,
    ) -> Result<Option<MessageRef>, DbError> {
        let row = self.db.fetch_optional(BY_EVENT, params![event_id, portal_id]).await?;
        row.map(|row| {
            Ok(MessageRef { remote_id: RemoteMessageId::new(row.get::<String>("remote_id")?) })
        })
        .transpose()
    }

    /// Returns the event a remote message (its first part) is in a room.
    pub(crate) async fn event_of_message(
        &self,
        portal_id: i64,
        remote_id: &RemoteMessageId,
        room_id: &str,
    ) -> Result<Option<String>, DbError> {
        let params = params![portal_id, remote_id.as_str(), room_id];
        let row = self.db.fetch_optional(BY_REMOTE, params).await?;
        row.map(|row| row.get("event_id")).transpose()
    }

    /// Whether a remote message is on Matrix already, whoever brought it there.
    pub(crate) async fn knows_message(
        &self,
        portal_id: i64,
        remote_id: &RemoteMessageId,
    ) -> Result<bool, DbError> {
        let params = params![portal_id, remote_id.as_str()];
        Ok(self.db.fetch_optional(KNOWN, params).await?.is_some())
    }
}
