//! Settling a step from outside its lane: by an echo, a settlement or our own event coming back.

use support_db::{DbError, Tx, params};

use super::messages::Message;
use crate::{
    ids::{NetworkId, RemoteMessageId, SendKey},
    journal::{machine::StepChange, step::StepState},
};

const FIND: &str = "SELECT s.row_seq, s.step, s.portal_id, s.network, s.login_id,
        s.room_id AS step_room, s.remote_id, s.part, s.state, s.event_id AS step_event,
        r.lane, r.direction, r.room_id, r.event_id, r.sender
    FROM journal_step AS s
    JOIN journal_row AS r ON r.seq = s.row_seq
    WHERE s.send_key = $1";
pub(super) const CHANGE: &str = "UPDATE journal_step
    SET state = $3, next_at = $4, deadline = $5, remote_id = COALESCE($6, remote_id),
        remote_ts = COALESCE($7, remote_ts), event_id = COALESCE($8, event_id), reason = $9,
        payload = CASE WHEN $10 THEN NULL ELSE payload END
    WHERE row_seq = $1 AND step = $2
        AND state IN ('queued', 'sending', 'awaiting', 'retry', 'lost', 'unplanned')";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[FIND, CHANGE];

/// What was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    /// The lane whose worker should look.
    pub(crate) lane: String,
    /// The row.
    pub(crate) row_seq: i64,
    /// The room the step went to, for calls to the homeserver.
    pub(crate) room_id: Option<String>,
}

/// Changes the step that has this key, if its fate is open, and remembers the pair it made.
/// Returns `None` for a key that is not ours.
pub(crate) async fn settle_by_key(
    tx: &mut Tx,
    key: &SendKey,
    change: &StepChange,
) -> Result<Option<Settled>, DbError> {
    let Some(row) = tx.fetch_optional(FIND, params![key.as_str()]).await? else {
        return Ok(None);
    };
    let (row_seq, step) = (row.get::<i64>("row_seq")?, row.get::<i64>("step")?);
    if !StepState::parse(row.get("state")?)?.is_final() {
        change_step(tx, row_seq, step, change).await?;
    }
    if change.state == StepState::Sent {
        let to_network = row.get::<&str>("direction")? == "from_matrix";
        let (room, event) = if to_network {
            (row.get::<Option<String>>("room_id")?, row.get::<Option<String>>("event_id")?)
        } else {
            (row.get::<Option<String>>("step_room")?, change.event_id.clone())
        };
        let remote_id = match &change.remote_id {
            Some(id) => Some(id.clone()),
            None => row.get::<Option<String>>("remote_id")?.map(RemoteMessageId::new),
        };
        let portal_id = row.get::<Option<i64>>("portal_id")?;
        let network = row.get::<Option<String>>("network")?;
        if let (Some(portal_id), Some(network), Some(remote_id), Some(room_id), Some(event_id)) =
            (portal_id, network, remote_id, room, event)
        {
            let message = Message {
                portal_id,
                network: NetworkId::new(network),
                remote_id,
                part: row.get("part")?,
                room_id,
                event_id,
                sender_mxid: if to_network { row.get("sender")? } else { None },
                remote_sender: if to_network { None } else { row.get("sender")? },
                ts: change.remote_ts,
                row_seq,
            };
            message.insert(tx).await?;
        }
    }
    Ok(Some(Settled { lane: row.get("lane")?, row_seq, room_id: row.get("step_room")? }))
}

/// Changes a step whose fate is open; returns whether it was.
pub(super) async fn change_step(
    tx: &mut Tx,
    row_seq: i64,
    step: i64,
    change: &StepChange,
) -> Result<bool, DbError> {
    let touched = tx
        .execute(
            CHANGE,
            params![
                row_seq,
                step,
                change.state.as_str(),
                change.next_at,
                change.deadline,
                change.remote_id.as_ref().map(RemoteMessageId::as_str),
                change.remote_ts,
                change.event_id.as_deref(),
                change.reason.as_deref(),
                change.state.is_final(),
            ],
        )
        .await?;
    Ok(touched > 0)
}
