//! Rooms that somebody is invited to or has knocked at: he learns what they are, and no more.

use std::collections::HashMap;

use ruma::{
    api::client::sync::sync_events::v3::{InvitedRoom, KnockedRoom, Rooms},
    serde::Raw,
};
use support_db::Snapshot;

use super::{
    batch::Batch,
    piece::{Piece, Section},
};
use crate::{
    error::{Error, Result},
    events::client,
    rooms::read::STRIPPED,
    store::{
        events::StoredEvent,
        sweep::{self, Spot},
    },
};

impl Batch<'_> {
    /// Tells of rooms that the user is not in yet.
    pub(super) async fn tell_outside(
        &self,
        db: &mut Snapshot,
        pieces: Vec<Piece>,
        answer: &mut Rooms,
    ) -> Result<()> {
        if pieces.is_empty() {
            return Ok(());
        }
        let spot =
            |piece: &Piece, high, name| Spot { room_nid: piece.room.nid, low: 0, high, name };
        let own = self.question.user_id.as_str();
        let own = pieces.iter().map(|piece| spot(piece, piece.membership.position, own));
        let own = sweep::members(db, own.collect::<Vec<_>>()).await?;
        let own: HashMap<i64, StoredEvent> =
            own.into_iter().filter_map(|(nid, mut events)| Some((nid, events.pop()?))).collect();
        let types = pieces
            .iter()
            .flat_map(|piece| STRIPPED.into_iter().map(move |name| spot(piece, self.upto, name)));
        let types = types.collect::<Vec<_>>();
        let mut state = sweep::state_of_types(db, types).await?;
        let senders = pieces.iter().filter_map(|piece| {
            let sender = &own.get(&piece.room.nid)?.sender;
            // Who knocked tells of himself.
            (*sender != self.question.user_id).then(|| spot(piece, self.upto, sender.as_str()))
        });
        let senders = senders.collect::<Vec<_>>();
        let mut senders = sweep::members(db, senders).await?;
        for piece in pieces {
            let nid = piece.room.nid;
            let own =
                own.get(&nid).ok_or_else(|| Error::internal("an invitation without event"))?;
            let (state, sender) = (state.remove(&nid), senders.remove(&nid));
            let events = state.iter().flatten().chain(sender.iter().flatten()).chain([own]);
            let events = events
                .map(|event| client::stripped(event).map(Raw::from_json))
                .collect::<serde_json::Result<_>>()
                .map_err(Error::internal)?;
            if piece.section == Section::Invite {
                let mut room = InvitedRoom::new();
                room.invite_state.events = events;
                answer.invite.insert(piece.room.room_id, room);
            } else {
                let mut room = KnockedRoom::new();
                room.knock_state.events = events;
                answer.knock.insert(piece.room.room_id, room);
            }
        }
        Ok(())
    }
}
