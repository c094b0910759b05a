//! One room in an answer of `/sync`, as far as it has been read.

use std::collections::HashSet;

use ruma::{UserId, api::client::sync::sync_events::v3::RoomSummary};

use super::batch::Batch;
use crate::{
    rooms::{messages::Walked, visibility::Sight},
    store::{
        events::{Change, StoredEvent},
        memberships::Membership,
        rooms::Room,
    },
};

/// Under what a room is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Join,
    Invite,
    Knock,
    Leave,
}

/// What a client knows of a room already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Everything up to the token.
    Upto(i64),
    /// Nothing: it has to be told from scratch.
    Nothing,
}

/// One room.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) room: Room,
    pub(super) membership: Membership,
    pub(super) section: Section,
    /// Whether the user's membership changed since the token.
    pub(super) is_new: bool,
    /// Whether he was ever in the room before his membership became what it is.
    pub(super) was_in: bool,
    pub(super) known: Known,
    /// What he may see.
    pub(super) sight: Sight,
    /// Where the timeline may begin and has to end.
    pub(super) from: i64,
    pub(super) upto: i64,
    /// The parts of that which he may see.
    pub(super) ranges: Vec<(i64, i64)>,
    pub(super) timeline: Walked,
    pub(super) state: Vec<StoredEvent>,
    pub(super) summary: RoomSummary,
}

impl Piece {
    /// Begins with a room; `None` if nothing is to be told of it.
    pub(super) fn new(batch: &Batch<'_>, membership: Membership, room: Room) -> Option<Self> {
        let is_new = batch.since.is_none_or(|since| membership.position > since);
        let tells_of_left = batch.since.is_some() || batch.question.filter.room.include_leave;
        let section = match membership.membership.as_str() {
            "join" => Section::Join,
            "invite" if is_new => Section::Invite,
            "knock" if is_new => Section::Knock,
            "leave" | "ban" if is_new && tells_of_left => Section::Leave,
            _ => return None,
        };
        let upto = if section == Section::Join { batch.upto } else { membership.position };
        Some(Self {
            room,
            membership,
            section,
            is_new,
            was_in: true,
            known: batch.since.map_or(Known::Nothing, Known::Upto),
            sight: Sight::everything(),
            from: batch.since.map_or(0, |since| since + 1),
            upto,
            ranges: Vec::new(),
            timeline: Walked::default(),
            state: Vec::new(),
            summary: RoomSummary::new(),
        })
    }

    /// Whether its user is or was inside, and not only invited or asking to come in.
    pub(super) fn is_inside(&self) -> bool {
        matches!(self.section, Section::Join | Section::Leave)
    }

    /// Takes in what was found about the past of a user whose membership is news.
    pub(super) fn remember(&mut self, since: Option<i64>, own: &[Change], sight: Sight) {
        let is_join = |change: &Change| change.membership.as_deref() == Some("join");
        let then = since.and_then(|since| own.iter().rev().find(|it| it.position <= since));
        let was_in_then = then.is_some_and(is_join);
        self.was_in = own.iter().any(|it| it.position < self.membership.position && is_join(it));
        self.sight = sight;
        if !was_in_then {
            self.known = Known::Nothing;
            // Of a room that was left, an invitation that came before the token was told of then.
            if self.section == Section::Join {
                self.from = 0;
            }
        }
    }

    /// The last position before the timeline; an empty one begins after everything.
    pub(super) fn before_timeline(&self) -> i64 {
        self.timeline.last.unwrap_or(self.upto + 1) - 1
    }

    /// Whether something happened since the timeline began that it does not show.
    pub(super) fn has_holes(&self) -> bool {
        let [(_, end)] = self.ranges[..] else { return true };
        end < self.upto || self.timeline.scanned > self.timeline.events.len()
    }

    /// Who speaks in the timeline.
    pub(super) fn speakers(&self) -> HashSet<&UserId> {
        self.timeline.events.iter().map(|event| &*event.sender).collect()
    }

    /// Whether the answer tells of a member already.
    pub(super) fn tells_of_member(&self, user_id: &str) -> bool {
        let told = |event: &StoredEvent| {
            event.kind == "m.room.member" && event.state_key.as_deref() == Some(user_id)
        };
        self.state.iter().chain(&self.timeline.events).any(told)
    }

    /// Whether the answer tells of any member.
    pub(super) fn tells_of_members(&self) -> bool {
        self.state.iter().chain(&self.timeline.events).any(|event| event.kind == "m.room.member")
    }
}
