//! Receipts: how far somebody has read, told to the others or kept for his own devices.

use ruma::{EventId, RoomId, UserId};
use support_db::Tx;
use support_matrix_http::MatrixError;

use super::read;
use crate::{
    error::{Error, Result},
    house::SharedHouse,
    push::MAIN,
    requester::Requester,
    store::{self, events::StoredEvent, receipts::Receipt, rooms::Room},
};

/// Whom a receipt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// `m.read`: everybody in the room.
    Room,
    /// `m.read.private`: the reader's own devices.
    Reader,
}

/// How many relations lead from an event to its thread at most: the specification follows as many.
const STEPS: usize = 3;

/// Refuses a thread that the event is not of. One that was taken back says no longer what it was of.
async fn check_thread(
    house: &SharedHouse,
    nid: i64,
    event: &StoredEvent,
    thread: &str,
) -> Result<()> {
    if thread.is_empty() || thread == event.event_id || event.redacted_because.is_some() {
        return Ok(());
    }
    let mut of = event.event_id.clone();
    let mut is_of = thread == MAIN;
    for _ in 0..STEPS {
        let parent = store::relations::parent_of(&mut &house.db, nid, &of).await?;
        let Some((parent_id, rel_type)) = parent else { break };
        if rel_type == "m.thread" {
            is_of = thread == parent_id;
            break;
        }
        of = parent_id;
    }
    if is_of {
        return Ok(());
    }
    Err(MatrixError::invalid_param("The event is not of this thread.").into())
}

/// Writes a receipt, inside of a write job. `false`: it changes nothing.
pub(super) async fn put(
    tx: &mut Tx,
    house: &SharedHouse,
    room: &Room,
    reader: &UserId,
    receipt: &Receipt,
) -> Result<bool> {
    // The event stream's own numbers: one number then says how far a client has heard.
    let position = tx.next_position("events");
    let is_later = store::receipts::put(tx, room.nid, receipt, position).await?;
    if is_later {
        house.appservices.receipt_came(tx, &room.room_id, reader, receipt).await?;
    }
    // A receipt without thread is for the whole room.
    let thread = Some(receipt.thread.as_str()).filter(|thread| !thread.is_empty());
    let upto = receipt.event_position;
    let has_seen = store::notifications::see(tx, reader, room.nid, thread, upto, position).await?;
    Ok(is_later || has_seen)
}

/// Remembers that somebody has read up to an event. A receipt for an earlier one than before changes nothing.
pub(crate) async fn set(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    event_id: &EventId,
    audience: Audience,
    thread: &str,
) -> Result<()> {
    let room = read::check_joined(house, &who.user_id, room_id).await?;
    let event = store::events::by_id(&mut &house.db, room.nid, event_id).await?;
    let event =
        event.ok_or_else(|| MatrixError::not_found("There is no such event in this room."))?;
    check_thread(house, room.nid, &event, thread).await?;
    let kind = match audience {
        Audience::Room => "m.read",
        Audience::Reader => "m.read.private",
    };
    let receipt = Receipt {
        user_id: who.user_id.to_string(),
        kind: kind.to_owned(),
        thread: thread.to_owned(),
        event_id: event_id.to_string(),
        event_position: event.position,
        ts: house.clock.now_ms(),
    };
    let (shared, reader) = (house.clone(), who.user_id.clone());
    house
        .db
        .write(move |tx| {
            let (house, receipt, reader) = (shared.clone(), receipt.clone(), reader.clone());
            let room = room.clone();
            Box::pin(async move {
                let nid = room.nid;
                if put(tx, &house, &room, &reader, &receipt).await? {
                    tx.after_commit(move || match audience {
                        Audience::Room => house.sync.wake_room(nid, None),
                        Audience::Reader => house.sync.wake_user(&reader),
                    });
                }
                Ok::<_, Error>(())
            })
        })
        .await
}
