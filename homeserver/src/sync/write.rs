//! How rooms are written once they are read: in the format and with the fields that the filter asks for.

use ruma::{
    RoomId,
    api::client::{
        filter::EventFormat,
        sync::sync_events::v3::{JoinedRoom, LeftRoom, Rooms, State, StateEvents, Timeline},
    },
    serde::Raw,
};
use serde_json::value::RawValue;
use support_db::Snapshot;

use super::{
    batch::Batch,
    piece::{Known, Piece, Section},
};
use crate::{
    error::{Error, Result},
    events::{
        client::{self, View},
        fields,
    },
    rooms::{
        relations::bundle::{Bundles, Looker, Seen},
        token::Token,
    },
    store::events::StoredEvent,
};

impl Batch<'_> {
    pub(super) async fn write(
        &self,
        db: &mut Snapshot,
        pieces: Vec<Piece>,
        answer: &mut Rooms,
    ) -> Result<()> {
        let looker = Looker {
            user_id: &self.question.user_id,
            scope: &self.question.scope,
            now_ms: self.now_ms,
        };
        let seen: Vec<_> = pieces
            .iter()
            .map(|piece| Seen {
                room_id: &piece.room.room_id,
                sight: &piece.sight,
                events: &piece.timeline.events,
            })
            .collect();
        let bundles = Bundles::of(db, looker, &seen).await?;
        for piece in pieces {
            let timeline = self.write_timeline(&piece, &bundles)?;
            let state = self.write_state(&piece)?;
            if piece.section == Section::Leave {
                let mut left = LeftRoom::new();
                (left.timeline, left.state) = (timeline, state);
                answer.leave.insert(piece.room.room_id, left);
                continue;
            }
            let mut joined = JoinedRoom::new();
            (joined.timeline, joined.state) = (timeline, state);
            joined.summary = piece.summary;
            if !joined.is_empty() {
                answer.join.insert(piece.room.room_id, joined);
            }
        }
        Ok(())
    }

    fn write_timeline(&self, piece: &Piece, bundles: &Bundles) -> Result<Timeline> {
        let walked = &piece.timeline;
        let room_id = &piece.room.room_id;
        let mut timeline = Timeline::new();
        let events = walked.events.iter().rev();
        timeline.events = events
            .map(|event| {
                let relations = bundles.get(&event.event_id);
                self.write_event(event, room_id, relations).map(Raw::from_json)
            })
            .collect::<Result<_>>()?;
        timeline.limited = walked.more;
        if !walked.events.is_empty() || walked.more {
            let from = match (walked.last, piece.known) {
                (Some(last), _) => last - 1,
                (None, Known::Upto(since)) => since,
                (None, Known::Nothing) => piece.upto,
            };
            timeline.prev_batch = Some(Token(from).to_string());
        }
        Ok(timeline)
    }

    fn write_state(&self, piece: &Piece) -> Result<State> {
        let events = piece.state.iter();
        let events = events
            .map(|event| self.write_event(event, &piece.room.room_id, None).map(Raw::from_json));
        let events = StateEvents::with_events(events.collect::<Result<_>>()?);
        Ok(if self.question.state_after { State::After(events) } else { State::Before(events) })
    }

    fn write_event(
        &self,
        event: &StoredEvent,
        room_id: &RoomId,
        relations: Option<&RawValue>,
    ) -> Result<Box<RawValue>> {
        let view = View {
            room_id,
            with_room_id: false,
            now_ms: self.now_ms,
            viewer: Some((&self.question.user_id, &self.question.scope)),
        };
        let filter = &self.question.filter;
        let json = if filter.event_format == EventFormat::Federation {
            client::as_stored(event, &view, relations)
        } else {
            client::with_relations(event, &view, relations)
        };
        let json = json.map_err(Error::internal)?;
        match &filter.event_fields {
            Some(wanted) => fields::only(&json, wanted).map_err(Error::internal),
            None => Ok(json),
        }
    }
}
