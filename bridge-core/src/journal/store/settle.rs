//! Settling a step from outside its lane: by an echo, a settlement or our own event coming back.

use support_db::{DbError, Row, Tx, params};

use super::{
    memory::{Carried, Memory},
    messages::Message,
    notes::note,
};
use crate::{
    ids::{NetworkId, RemoteMessageId, SendKey},
    journal::{
        machine::StepChange,
        step::{StepState, parse},
    },
};

const FIND: &str = "SELECT s.row_seq, s.step, s.portal_id, s.network, s.login_id,
        s.room_id AS step_room, s.remote_id, s.part, s.state, s.operation, s.payload, r.lane, r.direction,
        r.room_id, r.event_id, r.sender
    FROM journal_step AS s
    JOIN journal_row AS r ON r.seq = s.row_seq
    WHERE s.send_key = $1";
pub(super) const CHANGE: &str = "UPDATE journal_step
    SET state = $3, next_at = $4, deadline = $5, remote_id = COALESCE($6, remote_id),
        remote_ts = COALESCE($7, remote_ts), event_id = COALESCE($8, event_id), reason = $9,
        answered_at = $11, attempts = CASE WHEN attempts < $12 THEN $12 ELSE attempts END,
        payload = CASE WHEN $10 THEN NULL ELSE payload END
    WHERE row_seq = $1 AND step = $2
        AND state IN ('queued', 'sending', 'awaiting', 'retry', 'lost', 'unplanned')";

/// Operations whose event and remote id are no pair.
const NO_PAIR: [&str; 3] = ["edit", "reaction", "redaction"];

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
    now: i64,
) -> Result<Option<Settled>, DbError> {
    let Some(row) = tx.fetch_optional(FIND, params![key.as_str()]).await? else {
        return Ok(None);
    };
    let (row_seq, step) = (row.get::<i64>("row_seq")?, row.get::<i64>("step")?);
    if !StepState::parse(row.get("state")?)?.is_final() {
        change_step(tx, row_seq, step, change, When { now, attempts: 0 }).await?;
    }
    if change.state == StepState::Sent
        && let Some(memory) = memory(&row, row_seq, change)?
    {
        memory.write(tx).await?;
    }
    Ok(Some(Settled { lane: row.get("lane")?, row_seq, room_id: row.get("step_room")? }))
}

/// Returns what is to be remembered of a step that was carried.
fn memory(row: &Row, row_seq: i64, change: &StepChange) -> Result<Option<Memory>, DbError> {
    let (Some(portal_id), Some(network)) =
        (row.get::<Option<i64>>("portal_id")?, row.get::<Option<String>>("network")?)
    else {
        return Ok(None);
    };
    let known = row.get::<Option<String>>("remote_id")?.map(RemoteMessageId::new);
    let remote_id = change.remote_id.clone().or(known);
    let network = NetworkId::new(network);
    let (row_room, row_event) = (row.get("room_id")?, row.get("event_id")?);
    let row_sender: Option<String> = row.get("sender")?;
    if let Some(payload) = row.get::<Option<&str>>("payload")? {
        let carried = Carried {
            row_seq,
            portal_id,
            network,
            work: &parse("payload", payload)?,
            remote_id,
            part: row.get("part")?,
            remote_ts: change.remote_ts,
            row_room,
            row_event,
            row_sender,
            event_id: change.event_id.clone(),
            own_user: None,
        };
        return Ok(carried.memory());
    }
    // It was settled before, without the id that is known now.
    let to_network = row.get::<&str>("direction")? == "from_matrix";
    if to_network && NO_PAIR.contains(&row.get::<&str>("operation")?) {
        return Ok(None);
    }
    let (room, event) = match to_network {
        true => (row_room, row_event),
        false => (row.get("step_room")?, change.event_id.clone()),
    };
    let (Some(remote_id), Some(room_id), Some(event_id)) = (remote_id, room, event) else {
        return Ok(None);
    };
    let (sender_mxid, remote_sender) =
        if to_network { (row_sender, None) } else { (None, row_sender) };
    Ok(Some(Memory::Message(Message {
        portal_id,
        network,
        remote_id,
        part: row.get("part")?,
        room_id,
        event_id,
        sender_mxid,
        remote_sender,
        ts: change.remote_ts,
        row_seq,
    })))
}

/// When a step changes, and how often it was tried by then; an attempt without a mark is counted here.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    /// The time.
    pub(super) now: i64,
    /// How often it was tried at least.
    pub(super) attempts: i64,
}

/// Changes a step whose fate is open; returns whether it was. What did not go straight is noted.
pub(super) async fn change_step(
    tx: &mut Tx,
    row_seq: i64,
    step: i64,
    change: &StepChange,
    when: When,
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
                when.now,
                when.attempts,
            ],
        )
        .await?;
    if let Some(reason) = change.reason.as_deref().filter(|_| touched > 0) {
        note(tx, row_seq, Some(step), when.now, change.state.as_str(), reason).await?;
    }
    Ok(touched > 0)
}
