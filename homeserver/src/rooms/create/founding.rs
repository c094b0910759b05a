//! A new room being written: its row, its names, and the events it starts with, inside somebody's write job.

use std::sync::Arc;

use ruma::{
    OwnedRoomAliasId, OwnedRoomId, OwnedUserId, RoomVersionId, room_version_rules::RoomVersionRules,
};
use support_db::Tx;
use support_matrix_http::MatrixError;

use crate::{
    error::{Error, Result},
    events::{Draft, Place, build, room_id_of},
    house::SharedHouse,
    rooms::{aliases, append::append_to, tip::Tip},
    store::{
        self,
        rooms::{NewRoom, Room},
    },
};

/// Under which names the room is found from its first event on: whoever cares for a name is told of all events.
#[derive(Debug)]
pub(crate) enum Aliases {
    None,
    /// A name nobody has.
    New(OwnedRoomAliasId),
    /// All names of the room it replaces.
    Of(Room),
}

/// Everything a write job needs to make a room.
#[derive(Debug)]
pub(crate) struct Founding {
    /// Versions like 12 make another one, of the create event.
    pub(crate) room_id: OwnedRoomId,
    pub(crate) creator: OwnedUserId,
    pub(crate) version: RoomVersionId,
    pub(crate) rules: Arc<RoomVersionRules>,
    pub(crate) published: bool,
    pub(crate) aliases: Aliases,
    /// The create event first.
    pub(crate) drafts: Vec<Draft>,
    pub(crate) now_ms: i64,
}

impl Founding {
    /// Makes the room. The tip is the caller's to put forward.
    pub(crate) async fn run(&self, tx: &mut Tx, house: &SharedHouse) -> Result<Tip> {
        let mut drafts = self.drafts.clone();
        let room_id = self.room_id(tx, house, &mut drafts[0]).await?;
        let nid = tx.next_position("events");
        let new = NewRoom {
            nid,
            room_id: &room_id,
            version: &self.version,
            creator: &self.creator,
            published: self.published,
            created_ms: self.now_ms,
        };
        store::rooms::insert(tx, &new).await?;
        let room =
            Room { nid, room_id, version: self.version.clone(), joined_count: 0, invited_count: 0 };
        self.name(tx, house, &room).await?;
        let mut tip = Tip::of_new_room(room, Arc::clone(&self.rules));
        for draft in &drafts {
            append_to(tx, house, &mut tip, draft, None)
                .await
                .map_err(|error| explain(draft, error))?;
        }
        Ok(tip)
    }

    async fn name(&self, tx: &mut Tx, house: &SharedHouse, room: &Room) -> Result<()> {
        match &self.aliases {
            Aliases::None => return Ok(()),
            Aliases::New(alias) => {
                if !store::aliases::insert(tx, alias, room.nid, &self.creator, self.now_ms).await? {
                    let status = http::StatusCode::BAD_REQUEST;
                    return Err(aliases::taken(alias, status, "M_ROOM_IN_USE").into());
                }
            }
            Aliases::Of(old) => {
                store::aliases::pass_on(tx, old.nid, room.nid).await?;
                house.appservices.alias_changed(tx, &old.room_id);
            }
        }
        house.appservices.alias_changed(tx, &room.room_id);
        Ok(())
    }

    /// Returns the room's id. Two create events that say the same in the same millisecond would make the
    /// same id, so the later one becomes a little later still.
    async fn room_id(
        &self,
        tx: &mut Tx,
        house: &SharedHouse,
        create: &mut Draft,
    ) -> Result<OwnedRoomId> {
        if self.rules.event_format.require_room_create_room_id {
            return Ok(self.room_id.clone());
        }
        loop {
            let place = Place { room_id: None, prev_events: &[], auth_events: &[], depth: 1 };
            let built = build(create, &place, &self.rules, &house.server_name, house.keys.pair())?;
            let room_id = room_id_of(&built.pdu.event_id);
            if store::rooms::by_id(tx, &room_id).await?.is_none() {
                return Ok(room_id);
            }
            create.origin_server_ts += 1;
        }
    }
}

fn explain(draft: &Draft, error: Error) -> Error {
    match error {
        Error::Matrix(error) if error.errcode == "M_FORBIDDEN" => {
            let words = format!(
                "The room would start with an event that is not allowed ({}): {}",
                draft.kind, error.message
            );
            let status = http::StatusCode::BAD_REQUEST;
            MatrixError::new(status, "M_INVALID_ROOM_STATE", words).into()
        }
        other => other,
    }
}
