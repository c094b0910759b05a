//! History: what was said elsewhere before a room knew of it, put into the room where it belongs.
//!
//! A batch goes before everything there is (backwards, page by page into the past) or after it. What goes before takes
//! stream positions below zero, each page below the one before: everything that reads a room in the order of its
//! positions then reads it in its true order, and nothing that asks what came after a token, as `/sync` does, ever
//! sees it. What goes after is news like every other event.
//!
//! Such an event stands on the room's create event alone and not on the state of the room, of which it was never a
//! part. So its hash, and with it its id, is the same whenever it is given: a batch that is given again inserts
//! nothing. Callers that want an id of their own name one; that id is then the event's.

mod batch;
mod insert;

use std::sync::Arc;

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, RoomId};
use support_matrix_http::MatrixError;

pub(crate) use self::batch::{Batch, Given};
use crate::{appservice::Appservice, error::Result, house::SharedHouse, requester::Requester};

/// Inserts a batch into a room and returns the ids of its events, in the order in which they were given. One
/// transaction: all of it is there or nothing.
pub(crate) async fn insert(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    batch: Batch,
) -> Result<Vec<OwnedEventId>> {
    let Some(appservice) = who.appservice.clone() else {
        let words = "Only an application service may insert history.";
        return Err(MatrixError::forbidden(words).into());
    };
    batch.check()?;
    let work = Arc::new(Work {
        house: house.clone(),
        caller: who.user_id.clone(),
        appservice,
        room_id: room_id.to_owned(),
        batch,
    });
    house
        .db
        .write(move |tx| {
            let work = Arc::clone(&work);
            Box::pin(async move { work.run(tx).await })
        })
        .await
}

/// One batch on its way in.
struct Work {
    house: SharedHouse,
    caller: OwnedUserId,
    appservice: Arc<Appservice>,
    room_id: OwnedRoomId,
    batch: Batch,
}
