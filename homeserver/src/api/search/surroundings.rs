//! What was said around an event that was found, and by whom.

use std::collections::BTreeSet;

use ruma::{
    RoomId, UserId,
    api::{
        Direction,
        client::{
            filter::RoomEventFilter,
            search::search_events::v3::{EventContext, EventContextResult, UserProfile},
        },
    },
    serde::Raw,
};
use serde::Deserialize;

use crate::{
    error::{Error, Result},
    events::client::{self, View},
    house::SharedHouse,
    rooms::{
        messages::{Page, page},
        token::Token,
    },
    store::{self, events::StoredEvent, rooms::Room},
};

/// The most events of one side.
const MOST: u64 = 100;

/// Who looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looker<'a> {
    pub(super) house: &'a SharedHouse,
    pub(super) user_id: &'a UserId,
    pub(super) scope: &'a str,
}

impl<'a> Looker<'a> {
    pub(super) fn view(&self, room_id: &'a RoomId) -> View<'a> {
        View {
            room_id,
            with_room_id: true,
            now_ms: self.house.clock.now_ms(),
            viewer: Some((self.user_id, self.scope)),
        }
    }
}

/// Returns what the searcher may read before and after an event.
pub(super) async fn surroundings(
    looker: &Looker<'_>,
    wanted: &EventContext,
    room: &Room,
    event: &StoredEvent,
) -> Result<EventContextResult> {
    let mut told = EventContextResult::new();
    let view = looker.view(&room.room_id);
    let mut speakers = BTreeSet::from([event.sender.clone()]);
    for (direction, limit) in [
        (Direction::Backward, u64::from(wanted.before_limit)),
        (Direction::Forward, u64::from(wanted.after_limit)),
    ] {
        let backwards = direction == Direction::Backward;
        let from = if backwards { event.position - 1 } else { event.position };
        let (events, end) = if limit == 0 {
            (Vec::new(), Token(from))
        } else {
            around(looker, room, direction, from, limit).await?
        };
        speakers.extend(events.iter().map(|event| event.sender.clone()));
        let events = events.iter().map(|event| client::full(event, &view).map(Raw::from_json));
        let events = events.collect::<serde_json::Result<_>>().map_err(Error::internal)?;
        if backwards {
            (told.events_before, told.start) = (events, Some(end.to_string()));
        } else {
            (told.events_after, told.end) = (events, Some(end.to_string()));
        }
    }
    if wanted.include_profile {
        for speaker in speakers {
            let profile = profile(looker, room, &speaker).await?;
            told.profile_info.insert(speaker, profile);
        }
    }
    Ok(told)
}

async fn around(
    looker: &Looker<'_>,
    room: &Room,
    direction: Direction,
    from: i64,
    limit: u64,
) -> Result<(Vec<StoredEvent>, Token)> {
    let filter = RoomEventFilter::default();
    let wanted = Page {
        direction,
        from: Some(Token(from)),
        to: None,
        limit: usize::try_from(limit.min(MOST)).unwrap_or(1),
        filter: &filter,
    };
    let newest = looker.house.db.committed("events");
    let found = page(&mut &looker.house.db, room, looker.user_id, &wanted, newest).await?;
    let end = found.end.unwrap_or(found.start);
    Ok((found.events, end))
}

/// Returns how somebody shows himself in a room.
async fn profile(looker: &Looker<'_>, room: &Room, user_id: &UserId) -> Result<UserProfile> {
    #[derive(Default, Deserialize)]
    struct Content {
        displayname: Option<String>,
        avatar_url: Option<String>,
    }
    let mut db = &looker.house.db;
    let member =
        store::state::current(&mut db, room.nid, "m.room.member", user_id.as_str()).await?;
    let content = member.as_ref().map(client::content).transpose().map_err(Error::internal)?;
    let content = content.and_then(|content| serde_json::from_str::<Content>(content.get()).ok());
    let content = content.unwrap_or_default();
    let mut profile = UserProfile::new();
    profile.displayname = content.displayname;
    profile.avatar_url = content.avatar_url.map(Into::into);
    Ok(profile)
}
