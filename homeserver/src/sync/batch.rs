//! Rooms in an answer of `/sync`, read many at a time: each step asks the database once for all of them.

use std::collections::HashMap;

use ruma::api::client::sync::sync_events::v3::Rooms;
use support_db::Snapshot;

use super::{answer::Question, piece::Piece};
use crate::{
    error::Result,
    rooms::{filter, messages, messages::Ahead, visibility::Sight},
    store::{
        memberships::Membership,
        rooms::Room,
        sweep::{self, Spot},
    },
};

/// How many events a timeline has when nobody says.
const USUAL_TIMELINE: usize = 10;

/// The longest timeline.
const LONGEST_TIMELINE: usize = 1000;

/// How many rooms are read together, and how many events of their timelines: what is in memory at one time.
const MOST_ROOMS: usize = 200;
const MOST_EVENTS: usize = 5000;

/// Rooms, seen by one user between two positions.
pub(super) struct Batch<'a> {
    pub(super) question: &'a Question,
    pub(super) now_ms: i64,
    pub(super) since: Option<i64>,
    pub(super) upto: i64,
}

impl Batch<'_> {
    /// Tells what is new in the rooms.
    pub(super) async fn tell(
        &self,
        db: &mut Snapshot,
        rooms: Vec<(Membership, Room)>,
        answer: &mut Rooms,
    ) -> Result<()> {
        let at_once = (MOST_EVENTS / (self.limit() + 1)).clamp(1, MOST_ROOMS);
        let mut pieces: Vec<_> =
            rooms.into_iter().filter_map(|(own, room)| Piece::new(self, own, room)).collect();
        while !pieces.is_empty() {
            let rest = pieces.split_off(at_once.min(pieces.len()));
            self.tell_some(db, pieces, answer).await?;
            pieces = rest;
        }
        Ok(())
    }

    async fn tell_some(
        &self,
        db: &mut Snapshot,
        pieces: Vec<Piece>,
        answer: &mut Rooms,
    ) -> Result<()> {
        let (mut inside, outside): (Vec<_>, Vec<_>) =
            pieces.into_iter().partition(Piece::is_inside);
        self.tell_outside(db, outside, answer).await?;
        self.look_back(db, &mut inside).await?;
        self.read_timelines(db, &mut inside).await?;
        self.read_state(db, &mut inside).await?;
        self.summarise(db, &mut inside).await?;
        self.add_members(db, &mut inside).await?;
        let wanted = &self.question.filter.room.state;
        for piece in &mut inside {
            piece.state.retain(|event| filter::wants(wanted, &piece.room.room_id, event));
        }
        self.write(db, inside, answer).await
    }

    /// Finds out what the client knows and may see of rooms where its user's own membership is news: of a room
    /// that he was not in at the token it knows nothing.
    async fn look_back(&self, db: &mut Snapshot, pieces: &mut [Piece]) -> Result<()> {
        let nids: Vec<_> =
            pieces.iter().filter(|piece| piece.is_new).map(|piece| piece.room.nid).collect();
        let user_id = self.question.user_id.as_str();
        let own = sweep::histories_of(db, nids.iter().copied(), "m.room.member", user_id).await?;
        let rules = sweep::histories_of(db, nids, "m.room.history_visibility", "").await?;
        for piece in pieces.iter_mut().filter(|piece| piece.is_new) {
            let of = |histories: &HashMap<_, Vec<_>>| {
                histories.get(&piece.room.nid).cloned().unwrap_or_default()
            };
            let (own, rules) = (of(&own), of(&rules));
            piece.remember(self.since, &own, Sight::of_histories(&own, &rules));
        }
        Ok(())
    }

    /// Reads the newest events the user may see.
    async fn read_timelines(&self, db: &mut Snapshot, pieces: &mut [Piece]) -> Result<()> {
        let filter = &self.question.filter.room.timeline;
        let limit = self.limit();
        for piece in &mut *pieces {
            piece.ranges = if filter::wants_room(filter, &piece.room.room_id) {
                piece.sight.between(piece.from, piece.upto)
            } else {
                Vec::new()
            };
        }
        let spots = pieces.iter().filter_map(|piece| {
            let (first, last) = (piece.ranges.first()?, piece.ranges.last()?);
            Some(Spot { room_nid: piece.room.nid, low: first.0, high: last.1, name: "" })
        });
        let spots: Vec<_> = spots.collect();
        let count = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
        let mut found = sweep::newest(db, spots, count).await?;
        for piece in pieces {
            let ahead = Ahead::new(found.remove(&piece.room.nid).unwrap_or_default(), limit + 1);
            let ranges = piece.ranges.clone();
            piece.timeline =
                messages::newest(db, &piece.room, ranges, limit, filter, ahead).await?;
        }
        Ok(())
    }

    fn limit(&self) -> usize {
        let limit = self.question.filter.room.timeline.limit;
        let limit = limit.and_then(|limit| usize::try_from(u64::from(limit)).ok());
        limit.unwrap_or(USUAL_TIMELINE).clamp(1, LONGEST_TIMELINE)
    }
}
