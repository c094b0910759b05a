//! Spaces: the tree of rooms below one, as far as somebody may see it.
//!
//! Nothing is kept between two pages: a page walks the tree again and passes over what was shown before. A space is
//! small against a room's history, and what was changed meanwhile is seen at once.

use std::collections::HashSet;

use ruma::{OwnedRoomId, RoomId, UserId};
use serde::Serialize;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};
use support_matrix_http::MatrixError;

use super::summary::Summary;
use crate::{
    error::{Error, Result},
    events::client,
    store::{self, Reader, events::StoredEvent},
};

/// The longest page.
const MOST: usize = 50;
/// How many rooms are looked at for one page, wherever the page begins.
const MOST_VISITED: usize = 5000;

/// What somebody wants to see of a tree.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) limit: usize,
    /// How many steps below the first room; `None` is all.
    pub(crate) max_depth: Option<u64>,
    pub(crate) suggested_only: bool,
    pub(crate) from: Option<String>,
}

/// A part of a tree, depth first.
#[derive(Debug)]
pub(crate) struct Page {
    /// Each room with the events that name its children.
    pub(crate) rooms: Vec<(Summary, Vec<Box<RawValue>>)>,
    pub(crate) next: Option<String>,
}

/// One room a space names.
struct Child {
    room_id: OwnedRoomId,
    /// Rooms with an order come first.
    order: Option<String>,
    ts: i64,
    json: Box<RawValue>,
}

impl Wish {
    /// Returns how many rooms were shown before. A token belongs to the question it was given for.
    fn skipped(&self) -> Result<usize> {
        let Some(from) = &self.from else { return Ok(0) };
        let number = from.split_once('_').and_then(|(number, _)| number.parse().ok());
        number.filter(|number| *from == self.token(*number)).ok_or_else(|| {
            let words = "This token was not given for the same `max_depth` and `suggested_only`.";
            MatrixError::invalid_param(words).into()
        })
    }

    fn token(&self, shown: usize) -> String {
        let depth = self.max_depth.map_or_else(|| "all".to_owned(), |depth| depth.to_string());
        format!("{shown}_{depth}_{}", self.suggested_only)
    }
}

/// Walks down from a room.
pub(crate) async fn hierarchy(
    db: &mut impl Reader,
    root: &RoomId,
    user_id: &UserId,
    wish: &Wish,
) -> Result<Page> {
    let skipped = wish.skipped()?;
    let limit = wish.limit.clamp(1, MOST);
    let mut page = Page { rooms: Vec::new(), next: None };
    let mut open = vec![(root.to_owned(), 0)];
    let mut visited = HashSet::new();
    let mut shown = 0;
    while let Some((room_id, depth)) = open.pop() {
        if visited.len() == MOST_VISITED || !visited.insert(room_id.clone()) {
            continue;
        }
        let Some(summary) = seen(db, &room_id, user_id).await? else {
            if depth == 0 {
                let words = "There is no such room, or you may not see it.";
                return Err(MatrixError::forbidden(words).into());
            }
            continue;
        };
        if page.rooms.len() == limit {
            page.next = Some(wish.token(shown));
            return Ok(page);
        }
        let children = children(db, &summary, wish.suggested_only).await?;
        if wish.max_depth.is_none_or(|most| depth < most) {
            let below = children.iter().rev().map(|child| (child.room_id.clone(), depth + 1));
            open.extend(below);
        }
        shown += 1;
        if shown > skipped {
            page.rooms.push((summary, children.into_iter().map(|child| child.json).collect()));
        }
    }
    Ok(page)
}

async fn seen(db: &mut impl Reader, room_id: &RoomId, user_id: &UserId) -> Result<Option<Summary>> {
    let Some(room) = store::rooms::by_id(db, room_id).await? else { return Ok(None) };
    let summary = Summary::of(db, room).await?;
    let may = summary.may_be_seen(db, Some(user_id)).await?;
    Ok(may.then_some(summary))
}

async fn children(
    db: &mut impl Reader,
    summary: &Summary,
    suggested_only: bool,
) -> Result<Vec<Child>> {
    if summary.told.room_type.as_ref().is_none_or(|kind| kind.as_str() != "m.space") {
        return Ok(Vec::new());
    }
    let events = store::state::current_of_type(db, summary.room.nid, "m.space.child").await?;
    let mut children = Vec::new();
    for event in events {
        children.extend(child(&event, suggested_only)?);
    }
    children.sort_by(|a, b| {
        let key = |child: &Child| (child.order.is_none(), child.order.clone(), child.ts);
        (key(a), &a.room_id).cmp(&(key(b), &b.room_id))
    });
    Ok(children)
}

/// Reads an event that names a child. One without `via` takes a child away.
fn child(event: &StoredEvent, suggested_only: bool) -> Result<Option<Child>> {
    #[derive(Serialize)]
    struct Told<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        state_key: &'a str,
        content: &'a RawValue,
        sender: &'a UserId,
        origin_server_ts: i64,
    }
    let content = client::content(event).map_err(Error::internal)?;
    let read: Value = serde_json::from_str(content.get()).map_err(Error::internal)?;
    let via = read["via"].as_array().filter(|via| !via.is_empty());
    let is_child = via.is_some_and(|via| via.iter().all(Value::is_string));
    if !is_child || suggested_only && read["suggested"] != true {
        return Ok(None);
    }
    let state_key = event.state_key.as_deref().unwrap_or_default();
    let Ok(room_id) = RoomId::parse(state_key) else { return Ok(None) };
    let told = Told {
        kind: &event.kind,
        state_key,
        content: &content,
        sender: &event.sender,
        origin_server_ts: event.origin_server_ts,
    };
    Ok(Some(Child {
        room_id,
        order: read["order"].as_str().filter(|order| is_order(order)).map(str::to_owned),
        ts: event.origin_server_ts,
        json: to_raw_value(&told).map_err(Error::internal)?,
    }))
}

fn is_order(order: &str) -> bool {
    (1..=50).contains(&order.len()) && order.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}
