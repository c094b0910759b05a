//! The pairs that were bridged: which Matrix event is which remote message.

use support_db::{DbError, Row, Tx, params};

use super::Store;
use crate::ids::{NetworkId, RemoteMessageId};

const INSERT: &str = "INSERT INTO message (portal_id, remote_id, part, room_id, event_id, network,
        sender_mxid, remote_sender, ts, row_seq)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (portal_id, remote_id, part, room_id) DO NOTHING";
const BY_EVENT: &str = "SELECT remote_id, part, room_id, event_id, sender_mxid, remote_sender, ts
    FROM message
    WHERE event_id = $1 AND portal_id = $2 AND NOT redacted
    ORDER BY row_seq, part, remote_id";
const BY_REMOTE: &str = "SELECT remote_id, part, room_id, event_id, sender_mxid, remote_sender, ts
    FROM message
    WHERE portal_id = $1 AND remote_id = $2 AND NOT redacted
    ORDER BY room_id, part";
const KNOWN: &str = "SELECT part FROM message WHERE portal_id = $1 AND remote_id = $2 LIMIT 1";
const REDACT: &str = "UPDATE message SET redacted = TRUE WHERE portal_id = $1 AND event_id = $2";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[INSERT, BY_EVENT, BY_REMOTE, KNOWN, REDACT];

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

/// A pair as it is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
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
    /// When it was said, where the network told.
    pub(crate) ts: Option<i64>,
}

impl Pair {
    fn read(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            remote_id: RemoteMessageId::new(row.get::<String>("remote_id")?),
            part: row.get("part")?,
            room_id: row.get("room_id")?,
            event_id: row.get("event_id")?,
            sender_mxid: row.get("sender_mxid")?,
            remote_sender: row.get("remote_sender")?,
            ts: row.get("ts")?,
        })
    }
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

/// Notes that a message was taken back.
pub(super) async fn redacted(tx: &mut Tx, portal_id: i64, event_id: &str) -> Result<(), DbError> {
    tx.execute(REDACT, params![portal_id, event_id]).await.map(drop)
}

impl Store {
    /// Returns what an event is in a portal: the remote messages it became, in order.
    pub(crate) async fn pairs_of_event(
        &self,
        portal_id: i64,
        event_id: &str,
    ) -> Result<Vec<Pair>, DbError> {
        let rows = self.db.fetch_all(BY_EVENT, params![event_id, portal_id]).await?;
        rows.iter().map(Pair::read).collect()
    }

    /// Returns what a remote message is on Matrix: its parts in each room.
    pub(crate) async fn pairs_of_message(
        &self,
        portal_id: i64,
        remote_id: &RemoteMessageId,
    ) -> Result<Vec<Pair>, DbError> {
        let rows = self.db.fetch_all(BY_REMOTE, params![portal_id, remote_id.as_str()]).await?;
        rows.iter().map(Pair::read).collect()
    }

    /// Whether a remote message is or was on Matrix, whoever brought it there.
    pub(crate) async fn knows_message(
        &self,
        portal_id: i64,
        remote_id: &RemoteMessageId,
    ) -> Result<bool, DbError> {
        let params = params![portal_id, remote_id.as_str()];
        Ok(self.db.fetch_optional(KNOWN, params).await?.is_some())
    }
}
