//! Reading a room's history page by page.

use std::collections::VecDeque;

use ruma::{
    RoomId, UserId,
    api::{Direction, client::filter::RoomEventFilter},
};

use super::{filter, token::Token, visibility::Sight};
use crate::{
    error::Result,
    store::{self, Reader, events::StoredEvent, rooms::Room},
};

/// The longest page.
const MOST: usize = 1000;

/// How many events are looked at for one page, however few of them the filter wants.
const MOST_SCANNED: usize = 10_000;

/// What to read.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) direction: Direction,
    pub(crate) from: Option<Token>,
    pub(crate) to: Option<Token>,
    pub(crate) limit: usize,
    pub(crate) filter: &'a RoomEventFilter,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) events: Vec<StoredEvent>,
    pub(crate) start: Token,
    /// Where to go on; `None` at the end of what may be read.
    pub(crate) end: Option<Token>,
    /// What of the room the user may see.
    pub(crate) sight: Sight,
}

/// Reads a page of what a user may see. `newest` is the last committed position.
pub(crate) async fn page(
    db: &mut impl Reader,
    room: &Room,
    user_id: &UserId,
    page: &Page<'_>,
    newest: i64,
) -> Result<Found> {
    let sight = Sight::of(db, room.nid, user_id).await?;
    let backwards = page.direction == Direction::Backward;
    let (start, lowest, highest) = if backwards {
        let start = page.from.unwrap_or(Token(newest));
        (start, page.to.map_or(i64::MIN, |token| token.0.saturating_add(1)), start.0)
    } else {
        let start = page.from.unwrap_or(Token::OLDEST);
        let highest = page.to.map_or(newest, |token| token.0.min(newest));
        (start, start.0.saturating_add(1), highest)
    };
    let ranges = sight.between(lowest, highest);
    let walk = Walk::new(&room.room_id, &page.direction, page.limit, page.filter);
    let walked: Walked = walk.over(db, room.nid, ranges, Ahead::default()).await?;
    let end = match walked.last {
        Some(last) if backwards && walked.more => Some(Token(last - 1)),
        // Whoever reads forwards and has read something can come back for more.
        Some(last) if !backwards => Some(Token(last)),
        _ => None,
    };
    Ok(Found { events: walked.events, start, end, sight })
}

/// Events that were read before the walk begins, newest first: the newest there are at or before its beginning.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    events: VecDeque<StoredEvent>,
    /// Whether there are no others.
    is_all: bool,
}

impl Ahead {
    /// Takes what was found when so many were asked for.
    pub(crate) fn new(events: Vec<StoredEvent>, wanted: usize) -> Self {
        Self { is_all: events.len() < wanted, events: events.into() }
    }
}

/// Reads the newest events in some ranges of positions; the events come newest first.
pub(crate) async fn newest(
    db: &mut impl Reader,
    room: &Room,
    ranges: Vec<(i64, i64)>,
    limit: usize,
    filter: &RoomEventFilter,
    ahead: Ahead,
) -> Result<Walked> {
    let walk = Walk::new(&room.room_id, &Direction::Backward, limit, filter);
    walk.over(db, room.nid, ranges, ahead).await
}

/// What a walk over ranges of positions found.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// In the order of the walk.
    pub(crate) events: Vec<StoredEvent>,
    /// Whether there is something beyond the last position looked at.
    pub(crate) more: bool,
    /// The last position looked at.
    pub(crate) last: Option<i64>,
    /// How many events were looked at.
    pub(crate) scanned: usize,
}

struct Walk<'a> {
    room_id: &'a RoomId,
    backwards: bool,
    limit: usize,
    filter: &'a RoomEventFilter,
    walked: Walked,
}

impl<'a> Walk<'a> {
    fn new(
        room_id: &'a RoomId,
        direction: &Direction,
        limit: usize,
        filter: &'a RoomEventFilter,
    ) -> Self {
        Self {
            room_id,
            backwards: *direction == Direction::Backward,
            limit: limit.clamp(1, MOST),
            filter,
            walked: Walked::default(),
        }
    }

    /// Walks over ranges that are given in ascending order.
    async fn over(
        mut self,
        db: &mut impl Reader,
        room_nid: i64,
        mut ranges: Vec<(i64, i64)>,
        mut ahead: Ahead,
    ) -> Result<Walked> {
        if self.backwards {
            ranges.reverse();
        }
        for (from, to) in ranges {
            if let Some(to) = self.along(&mut ahead, from, to) {
                self.range(db, room_nid, from, to).await?;
            }
            if self.walked.more {
                break;
            }
        }
        Ok(self.walked)
    }

    /// Walks over what was read ahead; returns the upper end of what has to be read yet, if anything has.
    fn along(&mut self, ahead: &mut Ahead, from: i64, mut to: i64) -> Option<i64> {
        while let Some(event) = ahead.events.front() {
            if event.position < from {
                return None;
            }
            let event = ahead.events.pop_front()?;
            if event.position > to {
                continue;
            }
            to = event.position - 1;
            if !self.step(event) {
                return None;
            }
        }
        (!ahead.is_all && from <= to).then_some(to)
    }

    /// Takes the next event; `false` if there is no room for it.
    fn step(&mut self, event: StoredEvent) -> bool {
        if self.walked.events.len() == self.limit || self.walked.scanned == MOST_SCANNED {
            self.walked.more = true;
            return false;
        }
        self.walked.scanned += 1;
        self.walked.last = Some(event.position);
        if filter::wants(self.filter, self.room_id, &event) {
            self.walked.events.push(event);
        }
        true
    }

    /// Reads a range until the page is full or the range is read.
    async fn range(
        &mut self,
        db: &mut impl Reader,
        room_nid: i64,
        mut from: i64,
        mut to: i64,
    ) -> Result<()> {
        loop {
            // One more than wanted tells whether there is more.
            let wanted = self.limit - self.walked.events.len() + 1;
            let chunk = i64::try_from(wanted).unwrap_or(1);
            let found = if self.backwards {
                store::events::newest_between(db, room_nid, from, to, chunk).await?
            } else {
                store::events::oldest_between(db, room_nid, from, to, chunk).await?
            };
            let exhausted = found.len() < wanted;
            for event in found {
                if self.backwards {
                    to = event.position - 1;
                } else {
                    from = event.position + 1;
                }
                if !self.step(event) {
                    return Ok(());
                }
            }
            if exhausted {
                return Ok(());
            }
        }
    }
}
