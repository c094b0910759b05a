//! Taking back what was said: a redaction is an event of its own, and strips the one it names in the same
//! transaction.

use ruma::{EventId, RoomId, events::TimelineEventType};
use support_db::Tx;
use support_matrix_http::MatrixError;

use super::{
    append::{self, Appended, append},
    power::{self, Action},
    search,
    tip::Tip,
};
use crate::{
    error::Result,
    events::{Draft, redacts_of, strip},
    house::SharedHouse,
    requester::Requester,
    store,
};

/// Redacts an event of a room.
pub(crate) async fn redact(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    target: &EventId,
    txn_id: &str,
    reason: Option<String>,
) -> Result<Appended> {
    let mut content = serde_json::json!({ "redacts": target });
    if let Some(reason) = reason {
        content["reason"] = reason.into();
    }
    let draft = Draft {
        sender: who.user_id.clone(),
        kind: TimelineEventType::RoomRedaction,
        state_key: None,
        content: append::content(content)?,
        origin_server_ts: house.clock.now_ms(),
    };
    draft.check()?;
    let txn = append::txn(&who.scope(), room_id, &txn_path(target.as_str()), txn_id);
    let (house, room_id) = (house.clone(), room_id.to_owned());
    let db = house.db.clone();
    db.write(move |tx| {
        let (house, room_id, draft, txn) =
            (house.clone(), room_id.clone(), draft.clone(), txn.clone());
        Box::pin(async move { append(tx, &house, &room_id, &draft, Some(&txn)).await })
    })
    .await
}

/// The path that the transaction id of a redaction belongs to.
pub(crate) fn txn_path(target: &str) -> String {
    format!("redact/{target}")
}

/// A redaction that is allowed.
#[derive(Debug)]
pub(crate) struct Redaction {
    target: i64,
    is_state: bool,
    stripped: String,
}

/// Finds what a draft redacts and whether its sender may. The rules of versions since 3 leave that to us:
/// one's own events, or the power to redact those of others.
pub(crate) async fn prepare(
    tx: &mut Tx,
    tip: &mut Tip,
    draft: &Draft,
) -> Result<Option<Redaction>> {
    if draft.kind != TimelineEventType::RoomRedaction || draft.state_key.is_some() {
        return Ok(None);
    }
    let no_target = || MatrixError::not_found("There is no such event to redact in this room.");
    let target = redacts_of(draft)
        .ok_or_else(|| MatrixError::bad_json("A redaction names the event it `redacts`."))?;
    let target = store::events::by_id(tx, tip.room.nid, &target).await?.ok_or_else(no_target)?;
    if target.kind == "m.room.create" {
        return Err(
            MatrixError::forbidden("The event that created a room cannot be redacted.").into()
        );
    }
    if target.sender != draft.sender && !power::may(tx, tip, &draft.sender, Action::Redact).await? {
        let words = "You do not have the power to redact other people's events in this room.";
        return Err(MatrixError::forbidden(words).into());
    }
    Ok(Some(Redaction {
        target: target.position,
        is_state: target.state_key.is_some(),
        stripped: strip(&target.json, &tip.rules)?,
    }))
}

impl Redaction {
    /// Strips the event.
    pub(crate) async fn apply(self, tx: &mut Tx, tip: &mut Tip, position: i64) -> Result<()> {
        store::events::redact(tx, self.target, position, &self.stripped).await?;
        search::forget(tx, self.target).await?;
        store::relations::delete(tx, self.target).await?;
        store::notifications::take_back(tx, self.target, position).await?;
        if self.is_state {
            tip.forget_state();
        }
        Ok(())
    }
}
