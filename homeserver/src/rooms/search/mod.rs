//! Finding events by their words, in the rooms of whoever asks and as far as he may read there.
//!
//! What is asked for is data: only the words of a text are looked for, and none of its signs mean anything. Words are
//! what [`words_of`] makes of a text, so that both databases cut texts alike.

mod index;

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use ruma::{UserId, api::client::filter::RoomEventFilter};
use support_matrix_http::MatrixError;

pub(super) use self::index::{forget, learn};
use super::{filter, visibility::Sight};
use crate::{
    error::Result,
    house::House,
    store::{self, events::StoredEvent, rooms::Room, search::Hit},
};

/// How many events are weighed for one answer; older ones are not found.
const MOST_WEIGHED: i64 = 5000;
/// How long an answer is when nobody says, and at most.
const USUAL: usize = 10;
const MOST: usize = 100;
/// Longer words are not looked for.
const LONGEST_WORD: usize = 100;

/// What somebody looks for.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) term: &'a str,
    /// Where: `content.body`, `content.name`, `content.topic`.
    pub(crate) keys: &'a [&'a str],
    pub(crate) filter: &'a RoomEventFilter,
    /// The newest first, instead of what fits best.
    pub(crate) by_time: bool,
    pub(crate) since: Option<&'a str>,
}

/// A part of what was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The events in their order, each with its weight.
    pub(crate) events: Vec<(StoredEvent, i64)>,
    /// Their rooms, by number.
    pub(crate) rooms: BTreeMap<i64, Room>,
    /// How many there are in all.
    pub(crate) total: usize,
    pub(crate) next: Option<String>,
    /// The words that were looked for.
    pub(crate) words: Vec<String>,
}

/// Finds events.
pub(crate) async fn find(house: &House, user_id: &UserId, wish: &Wish<'_>) -> Result<Found> {
    let place = wish.since.map(|since| Place::parse(since, wish.by_time)).transpose()?;
    let mut words: Vec<String> = words_in(wish.term).collect();
    words.sort();
    words.dedup();
    if words.is_empty() {
        return Ok(Found::default());
    }
    let rooms = rooms(house, user_id, wish.filter).await?;
    let nids = rooms.keys().copied();
    let hits = store::search::find(&house.db, &words, nids, wish.keys, MOST_WEIGHED).await?;
    let mut hits = readable(house, user_id, hits).await?;
    hits.retain(|hit| wants(wish.filter, hit));
    let mut events: HashMap<i64, StoredEvent> = HashMap::new();
    if wish.filter.url_filter.is_some() {
        let positions = hits.iter().map(|hit| hit.target);
        for event in store::events::at(&mut &house.db, positions).await? {
            if filter::wants_url(wish.filter, &event) {
                events.insert(event.position, event);
            }
        }
        hits.retain(|hit| events.contains_key(&hit.target));
    }
    if !wish.by_time {
        // Stable: of what fits equally well the newest comes first.
        hits.sort_by_key(|hit| std::cmp::Reverse(hit.weight));
    }
    let start = match place {
        None => 0,
        Some(Place::Shown(number)) => number.min(hits.len()),
        Some(Place::Before(position)) => hits.partition_point(|hit| hit.target >= position),
    };
    let limit = wish.filter.limit.and_then(|limit| usize::try_from(u64::from(limit)).ok());
    let end = (start + limit.unwrap_or(USUAL).clamp(1, MOST)).min(hits.len());
    let page = &hits[start..end];
    let next = page.last().filter(|_| end < hits.len()).map(|last| {
        if wish.by_time { Place::Before(last.target) } else { Place::Shown(end) }.write()
    });
    let missing = page.iter().map(|hit| hit.target).filter(|target| !events.contains_key(target));
    for event in store::events::at(&mut &house.db, missing.collect::<Vec<_>>()).await? {
        events.insert(event.position, event);
    }
    let shown = page.iter().filter_map(|hit| Some((events.remove(&hit.target)?, hit.weight)));
    Ok(Found { events: shown.collect(), rooms, total: hits.len(), next, words })
}

/// Returns the rooms a user was ever in and has not forgotten, as far as the filter wants them.
async fn rooms(
    house: &House,
    user_id: &UserId,
    wanted: &RoomEventFilter,
) -> Result<BTreeMap<i64, Room>> {
    let rooms = store::memberships::of_user(&mut &house.db, user_id).await?;
    let rooms = rooms
        .into_iter()
        .filter(|(own, _)| matches!(own.membership.as_str(), "join" | "leave" | "ban"))
        .filter(|(_, room)| filter::wants_room(wanted, &room.room_id))
        .map(|(_, room)| (room.nid, room));
    Ok(rooms.collect())
}

/// Leaves out what the user may not read.
async fn readable(house: &House, user_id: &UserId, hits: Vec<Hit>) -> Result<Vec<Hit>> {
    let mut sights: HashMap<i64, Sight> = HashMap::new();
    let mut kept = Vec::with_capacity(hits.len());
    for hit in hits {
        let sight = match sights.entry(hit.room_nid) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                unknown.insert(Sight::of(&mut &house.db, hit.room_nid, user_id).await?)
            }
        };
        if sight.sees(hit.target) && sight.sees(hit.position) {
            kept.push(hit);
        }
    }
    Ok(kept)
}

fn wants(wanted: &RoomEventFilter, hit: &Hit) -> bool {
    let is_of = |senders: &[ruma::OwnedUserId]| senders.iter().any(|one| *one == hit.sender);
    wanted.senders.as_deref().is_none_or(is_of)
        && !is_of(&wanted.not_senders)
        && filter::wants_type(wanted, &hit.kind)
}

/// Where a page begins.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Before the event at a position, by time.
    Before(i64),
    /// After so many, by weight.
    Shown(usize),
}

impl Place {
    fn parse(text: &str, by_time: bool) -> Result<Self, MatrixError> {
        let place = if by_time {
            text.strip_prefix('t').and_then(|rest| rest.parse().ok()).map(Self::Before)
        } else {
            text.strip_prefix('w').and_then(|rest| rest.parse().ok()).map(Self::Shown)
        };
        place.ok_or_else(|| MatrixError::invalid_param("`next_batch` is not of this search."))
    }

    fn write(self) -> String {
        match self {
            Self::Before(position) => format!("t{position}"),
            Self::Shown(number) => format!("w{number}"),
        }
    }
}

/// Cuts a text into its words, in small letters.
fn words_in(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && word.len() <= LONGEST_WORD)
        .map(str::to_lowercase)
}

/// Writes the words of a text one after the other.
fn words_of(text: &str) -> String {
    words_in(text).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_its_words_and_nothing_else() {
        for (text, words) in [
            ("Hello, World!", "hello world"),
            ("\"NEAR(a b)\" OR * ^x -y", "near a b or x y"),
            ("ÄRGER straße 東京 don't a_b", "ärger straße 東京 don t a b"),
            ("nul\0 and\nlines", "nul and lines"),
            ("* \" ' ( )", ""),
        ] {
            assert_eq!(words_of(text), words, "{text}");
        }
    }
}
