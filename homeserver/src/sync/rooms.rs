//! One room in an answer of `/sync`: joined, invited or left.

use std::collections::{BTreeMap, HashSet};

use ruma::{
    UInt, UserId,
    api::client::{
        filter::LazyLoadOptions,
        sync::sync_events::v3::{
            InvitedRoom, JoinedRoom, LeftRoom, RoomSummary, Rooms, State, StateEvents, Timeline,
        },
    },
    serde::Raw,
};
use support_db::Snapshot;

use super::answer::Question;
use crate::{
    error::{Error, Result},
    events::client::{self, View},
    rooms::{
        filter,
        messages::{self, Walked},
        read,
        token::Token,
        visibility::Sight,
    },
    store::{self, events::StoredEvent, memberships::Membership, rooms::Room},
};

/// How many events a timeline has when nobody says.
const USUAL_TIMELINE: usize = 10;

/// One room, seen by one user between two positions.
pub(super) struct Moment<'a> {
    pub(super) question: &'a Question,
    pub(super) now_ms: i64,
    pub(super) since: Option<i64>,
    pub(super) upto: i64,
    pub(super) room: Room,
    pub(super) membership: Membership,
}

/// What a client knows of a room already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Everything up to the token.
    Upto(i64),
    /// Nothing: it has to be told from scratch.
    Nothing,
}

impl Moment<'_> {
    /// Tells what is new in the room, if anything is.
    pub(super) async fn tell(self, db: &mut Snapshot, rooms: &mut Rooms) -> Result<()> {
        let room_id = self.room.room_id.clone();
        let is_new = self.since.is_none_or(|since| self.membership.position > since);
        match self.membership.membership.as_str() {
            "join" => {
                let joined = self.joined(db).await?;
                if !joined.is_empty() {
                    rooms.join.insert(room_id, joined);
                }
            }
            "invite" if is_new => {
                rooms.invite.insert(room_id, self.invited(db).await?);
            }
            "leave" | "ban" if is_new => {
                let wanted = self.since.is_some() || self.question.filter.room.include_leave;
                if wanted {
                    rooms.leave.insert(room_id, self.left(db).await?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn joined(&self, db: &mut Snapshot) -> Result<JoinedRoom> {
        let known = self.known(db).await?;
        let timeline = self.timeline(db, known, self.upto).await?;
        let state = self.state(db, known, &timeline, self.upto).await?;
        let mut joined = JoinedRoom::new();
        let members_changed =
            timeline.events.iter().chain(&state).any(|event| event.kind == "m.room.member");
        if known == Known::Nothing || members_changed {
            joined.summary = self.summary(db).await?;
        }
        joined.timeline = self.write_timeline(&timeline, known)?;
        joined.state = self.write_state(&state)?;
        Ok(joined)
    }

    async fn left(&self, db: &mut Snapshot) -> Result<LeftRoom> {
        let known = self.known(db).await?;
        let last = self.membership.position;
        // An invitation that was declined was told of before.
        let news = self.since.map_or(Known::Nothing, Known::Upto);
        let timeline = self.timeline(db, news, last).await?;
        let was_in = read::was_joined_before(db, &self.room, &self.question.user_id, last).await?;
        // Who declined an invitation learns no more of the room than that.
        let state = if was_in { self.state(db, known, &timeline, last).await? } else { Vec::new() };
        let mut left = LeftRoom::new();
        left.timeline = self.write_timeline(&timeline, known)?;
        left.state = self.write_state(&state)?;
        Ok(left)
    }

    async fn invited(&self, db: &mut Snapshot) -> Result<InvitedRoom> {
        let invitation = store::events::at(db, [self.membership.position]).await?.pop();
        let invitation =
            invitation.ok_or_else(|| Error::internal("an invitation without event"))?;
        let stripped =
            read::stripped_state(db, self.room.nid, &invitation.sender, Some(&invitation)).await?;
        let mut invited = InvitedRoom::new();
        invited.invite_state.events = stripped.into_iter().map(Raw::from_json).collect();
        Ok(invited)
    }

    /// Finds out what the client knows: of a room that its user was not in at the token, nothing.
    async fn known(&self, db: &mut Snapshot) -> Result<Known> {
        let Some(since) = self.since else { return Ok(Known::Nothing) };
        if self.membership.position <= since {
            return Ok(Known::Upto(since));
        }
        let user_id = self.question.user_id.as_str();
        let history =
            store::events::history_of(db, self.room.nid, "m.room.member", user_id).await?;
        let then = history.iter().rev().find(|change| change.position <= since);
        let was_in = then.is_some_and(|change| change.membership.as_deref() == Some("join"));
        Ok(if was_in { Known::Upto(since) } else { Known::Nothing })
    }

    /// Reads the newest events the user may see, newest first.
    async fn timeline(&self, db: &mut Snapshot, known: Known, upto: i64) -> Result<Walked> {
        let filter = &self.question.filter.room.timeline;
        if !filter::wants_room(filter, &self.room.room_id) {
            return Ok(Walked::default());
        }
        let from = match known {
            Known::Upto(since) => since + 1,
            Known::Nothing => 0,
        };
        let was_in_all_along =
            matches!(known, Known::Upto(since) if self.membership.position <= since);
        let ranges = if was_in_all_along {
            vec![(from, upto)]
        } else {
            let sight = Sight::of(db, self.room.nid, &self.question.user_id).await?;
            sight.between(from, upto)
        };
        let limit = filter.limit.and_then(|limit| usize::try_from(u64::from(limit)).ok());
        let limit = limit.unwrap_or(USUAL_TIMELINE);
        messages::newest(db, &self.room, ranges, limit, filter).await
    }

    /// Reads the state a client needs to understand the timeline, or, if it asks for that, after it.
    async fn state(
        &self,
        db: &mut Snapshot,
        known: Known,
        timeline: &Walked,
        upto: i64,
    ) -> Result<Vec<StoredEvent>> {
        let after = self.question.state_after;
        // Where the timeline begins; an empty one begins after everything.
        let start = timeline.last.unwrap_or(upto + 1);
        let end = if after { upto } else { start - 1 };
        let lazy = self.is_lazy();
        let mut state = match known {
            Known::Upto(since) if !self.question.full_state => {
                if end <= since {
                    Vec::new()
                } else {
                    self.changes(db, since, end).await?
                }
            }
            _ => self.state_at(db, end, timeline, lazy).await?,
        };
        if lazy && known != Known::Nothing && !self.question.full_state {
            self.add_speakers(db, timeline, &mut state).await?;
        }
        let wanted = &self.question.filter.room.state;
        state.retain(|event| filter::wants(wanted, &self.room.room_id, event));
        Ok(state)
    }

    fn is_lazy(&self) -> bool {
        matches!(self.question.filter.room.state.lazy_load_options, LazyLoadOptions::Enabled { .. })
    }

    /// Returns the last change of every key between two positions (the first exclusive).
    async fn changes(&self, db: &mut Snapshot, since: i64, end: i64) -> Result<Vec<StoredEvent>> {
        let events = store::events::state_between(db, self.room.nid, since + 1, end).await?;
        let mut last = BTreeMap::new();
        for event in events {
            last.insert((event.kind.clone(), event.state_key.clone()), event);
        }
        let mut changes: Vec<_> = last.into_values().collect();
        changes.sort_by_key(|event| event.position);
        Ok(changes)
    }

    /// Returns the whole state as it was after a position; of the members, with lazy loading, only those who
    /// speak in the timeline and the user himself.
    async fn state_at(
        &self,
        db: &mut Snapshot,
        end: i64,
        timeline: &Walked,
        lazy: bool,
    ) -> Result<Vec<StoredEvent>> {
        let Some(group) = store::events::group_at(db, self.room.nid, end).await? else {
            return Ok(Vec::new());
        };
        let mut state = store::state::of_group(db, group).await?;
        if lazy {
            let mut wanted = speakers(timeline);
            wanted.insert(&self.question.user_id);
            state.retain(|(kind, key), _| {
                kind != "m.room.member" || wanted.iter().any(|user_id| user_id.as_str() == key)
            });
        }
        Ok(store::events::at(db, state.into_values()).await?)
    }

    /// Adds the members who speak in the timeline. Nothing is remembered of what a device was sent before, so
    /// some come again; that is allowed.
    async fn add_speakers(
        &self,
        db: &mut Snapshot,
        timeline: &Walked,
        state: &mut Vec<StoredEvent>,
    ) -> Result<()> {
        for user_id in speakers(timeline) {
            let is_told = |event: &StoredEvent| {
                event.kind == "m.room.member"
                    && event.state_key.as_deref() == Some(user_id.as_str())
            };
            if !timeline.events.iter().chain(&*state).any(is_told) {
                let kind = "m.room.member";
                state.extend(
                    store::state::current(db, self.room.nid, kind, user_id.as_str()).await?,
                );
            }
        }
        Ok(())
    }

    async fn summary(&self, db: &mut Snapshot) -> Result<RoomSummary> {
        let mut summary = RoomSummary::new();
        summary.joined_member_count = UInt::try_from(self.room.joined_count).ok();
        summary.invited_member_count = UInt::try_from(self.room.invited_count).ok();
        let names = ["m.room.name", "m.room.canonical_alias"];
        let named = store::state::current_of_types(db, self.room.nid, names).await?;
        if named.is_empty() {
            let heroes = store::memberships::heroes(db, &self.room, &self.question.user_id).await?;
            summary.heroes =
                heroes.into_iter().filter_map(|user| UserId::parse(user).ok()).collect();
        }
        Ok(summary)
    }

    fn write_timeline(&self, walked: &Walked, known: Known) -> Result<Timeline> {
        let mut timeline = Timeline::new();
        let events = walked.events.iter().rev();
        timeline.events =
            events.map(|event| self.write(event).map(Raw::from_json)).collect::<Result<_>>()?;
        timeline.limited = walked.more;
        if !walked.events.is_empty() || walked.more {
            let from = match (walked.last, known) {
                (Some(last), _) => last - 1,
                (None, Known::Upto(since)) => since,
                (None, Known::Nothing) => self.upto,
            };
            timeline.prev_batch = Some(Token(from).to_string());
        }
        Ok(timeline)
    }

    fn write_state(&self, events: &[StoredEvent]) -> Result<State> {
        let events = events.iter().map(|event| self.write(event).map(Raw::from_json));
        let events = StateEvents::with_events(events.collect::<Result<_>>()?);
        Ok(if self.question.state_after { State::After(events) } else { State::Before(events) })
    }

    fn write(&self, event: &StoredEvent) -> Result<Box<serde_json::value::RawValue>> {
        let view = View {
            room_id: &self.room.room_id,
            with_room_id: false,
            now_ms: self.now_ms,
            viewer: Some((&self.question.user_id, &self.question.scope)),
        };
        client::full(event, &view).map_err(Error::internal)
    }
}

fn speakers(timeline: &Walked) -> HashSet<&UserId> {
    timeline.events.iter().map(|event| &*event.sender).collect()
}
