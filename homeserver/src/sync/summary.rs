//! By what a room is known that has no name: how many people are in it, and a few of them.

use std::collections::HashSet;

use ruma::{UInt, UserId};
use support_db::Snapshot;

use super::{
    batch::Batch,
    piece::{Piece, Section},
};
use crate::{
    error::Result,
    events::client,
    store::{
        events::StoredEvent,
        sweep::{self, Spot},
    },
};

impl Batch<'_> {
    /// Adds the summaries of joined rooms that are told of from scratch or whose members changed.
    pub(super) async fn summarise(&self, db: &mut Snapshot, pieces: &mut [Piece]) -> Result<()> {
        let needs = |piece: &Piece| {
            piece.section == Section::Join && (self.needs_all(piece) || piece.tells_of_members())
        };
        let wanted: Vec<_> =
            pieces.iter().filter(|piece| needs(piece)).map(|piece| piece.room.nid).collect();
        let spots = wanted.iter().flat_map(|&room_nid| {
            let spot = move |name| Spot { room_nid, low: 0, high: self.upto, name };
            [spot("m.room.name"), spot("m.room.canonical_alias")]
        });
        let named: HashSet<_> = sweep::state_of_types(db, spots.collect::<Vec<_>>())
            .await?
            .into_iter()
            .filter(|(_, events)| events.iter().any(names))
            .map(|(room_nid, _)| room_nid)
            .collect();
        let nameless: Vec<_> =
            wanted.iter().copied().filter(|room_nid| !named.contains(room_nid)).collect();
        let mut heroes = sweep::heroes(db, nameless, &self.question.user_id).await?;
        for piece in pieces.iter_mut().filter(|piece| needs(piece)) {
            let heroes = heroes.remove(&piece.room.nid).unwrap_or_default();
            let summary = &mut piece.summary;
            summary.joined_member_count = UInt::try_from(piece.room.joined_count).ok();
            summary.invited_member_count = UInt::try_from(piece.room.invited_count).ok();
            summary.heroes =
                heroes.into_iter().filter_map(|user| UserId::parse(user).ok()).collect();
        }
        Ok(())
    }
}

/// Whether a name or alias says anything; an empty one takes the name away.
fn names(event: &StoredEvent) -> bool {
    let content = client::content(event).ok();
    let content = content.and_then(|it| serde_json::from_str::<serde_json::Value>(it.get()).ok());
    content.is_some_and(|content| {
        let says = |key: &str| content[key].as_str().is_some_and(|text| !text.is_empty());
        says("name") || says("alias")
    })
}
