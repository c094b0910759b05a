//! The state a client needs to understand a timeline or, if it asks for that, what it is after it.

use std::collections::HashMap;

use ruma::api::client::filter::LazyLoadOptions;
use support_db::Snapshot;

use super::{
    batch::Batch,
    piece::{Known, Piece, Section},
};
use crate::{
    error::Result,
    store::{
        events::StoredEvent,
        sweep::{self, ByRoom, Spot},
    },
};

impl Batch<'_> {
    /// Reads the state of each room, with lazy loading without members where the client knows nothing yet; those
    /// are added by [`Batch::add_members`].
    pub(super) async fn read_state(&self, db: &mut Snapshot, pieces: &mut [Piece]) -> Result<()> {
        let spot =
            |piece: &Piece, low, high| Spot { room_nid: piece.room.nid, low, high, name: "" };
        let (whole, partly): (Vec<&Piece>, Vec<&Piece>) = pieces
            .iter()
            .filter(|piece| self.may_know_state(piece))
            .partition(|piece| self.needs_all(piece));
        let whole: Vec<_> =
            whole.into_iter().map(|piece| spot(piece, 0, self.end(piece))).collect();
        let gaps: Vec<_> = partly
            .into_iter()
            .filter_map(|piece| match piece.known {
                Known::Upto(since) if self.end(piece) > since => {
                    Some(spot(piece, since + 1, self.end(piece)))
                }
                _ => None,
            })
            .collect();
        let holes: Vec<_> = pieces
            .iter()
            .filter(|piece| {
                self.may_know_state(piece) && !self.question.state_after && piece.has_holes()
            })
            .map(|piece| spot(piece, piece.before_timeline() + 1, piece.upto))
            .filter(|spot| spot.low <= spot.high)
            .collect();
        let mut found = if self.is_lazy() {
            sweep::state_without_members(db, whole).await?
        } else {
            sweep::state(db, whole).await?
        };
        found.extend(sweep::changes(db, gaps).await?);
        let mut hidden = sweep::changes(db, holes).await?;
        for piece in pieces {
            piece.state = found.remove(&piece.room.nid).unwrap_or_default();
            if let Some(mut hidden) = hidden.remove(&piece.room.nid) {
                let timeline = &piece.timeline.events;
                hidden.retain(|event| timeline.iter().all(|it| it.position != event.position));
                overlay(piece, hidden);
            }
        }
        Ok(())
    }

    /// With lazy loading, adds the members who speak in the timelines, those by whom a nameless room is known, and
    /// in a room that is told of from scratch the user himself. Nothing is remembered of what a device was sent
    /// before, so some come again; that is allowed.
    pub(super) async fn add_members(&self, db: &mut Snapshot, pieces: &mut [Piece]) -> Result<()> {
        if !self.is_lazy() {
            return Ok(());
        }
        let mut spots = Vec::new();
        for piece in pieces.iter().filter(|piece| self.may_know_state(piece)) {
            let all = self.needs_all(piece);
            let mut wanted = piece.speakers();
            wanted.extend(piece.summary.heroes.iter().map(|hero| &**hero));
            if all {
                wanted.insert(&self.question.user_id);
            }
            let (room_nid, high) = (piece.room.nid, self.end(piece));
            // What was before the timeline is part of the whole, also when it changes in the timeline.
            let wanted = wanted
                .into_iter()
                .filter(|user_id| all || !piece.tells_of_member(user_id.as_str()));
            spots.extend(wanted.map(|user| Spot { room_nid, low: 0, high, name: user.as_str() }));
        }
        let mut found: ByRoom<StoredEvent> = sweep::members(db, spots).await?;
        for piece in pieces {
            let known = std::mem::take(&mut piece.state);
            piece.state = found.remove(&piece.room.nid).unwrap_or_default();
            // A change that the timeline does not show replaces what was before it.
            overlay(piece, known);
        }
        Ok(())
    }

    fn is_lazy(&self) -> bool {
        let state = &self.question.filter.room.state;
        matches!(state.lazy_load_options, LazyLoadOptions::Enabled { .. })
    }

    /// Who declined an invitation learns no more of the room than that.
    fn may_know_state(&self, piece: &Piece) -> bool {
        piece.section == Section::Join || piece.was_in
    }

    /// Whether the whole state is told, and not what changed.
    pub(super) fn needs_all(&self, piece: &Piece) -> bool {
        self.question.full_state || piece.known == Known::Nothing
    }

    /// The position after which the state is what is told.
    fn end(&self, piece: &Piece) -> i64 {
        if self.question.state_after { piece.upto } else { piece.before_timeline() }
    }
}

/// Puts events into the state of a room, in place of others for the same key.
fn overlay(piece: &mut Piece, events: Vec<StoredEvent>) {
    let mut state: HashMap<_, _> = HashMap::new();
    for event in std::mem::take(&mut piece.state).into_iter().chain(events) {
        state.insert((event.kind.clone(), event.state_key.clone()), event);
    }
    piece.state = state.into_values().collect();
    piece.state.sort_unstable_by_key(|event| event.position);
}
