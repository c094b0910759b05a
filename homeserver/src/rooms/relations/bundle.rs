//! What is told with an event of those that relate to it: its newest edit, its thread, and what refers to it. Asked
//! for many events together, whatever rooms they are in.

use std::collections::{BTreeMap, HashMap};

use ruma::{EventId, OwnedEventId, RoomId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    error::{Error, Result},
    events::client::{self, View},
    rooms::visibility::Sight,
    store::{
        self, Reader,
        events::StoredEvent,
        relations::{Link, Thread},
        sweep::Spot,
    },
};

/// Events of one room, and how much of the room the one who looks may see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) room_id: &'a RoomId,
    pub(crate) sight: &'a Sight,
    pub(crate) events: &'a [StoredEvent],
}

/// Who looks, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looker<'a> {
    pub(crate) user_id: &'a UserId,
    /// The scope of the transaction ids of the device that asks.
    pub(crate) scope: &'a str,
    pub(crate) now_ms: i64,
}

impl<'a> Looker<'a> {
    /// How a looker sees events that are written by themselves.
    pub(crate) fn view(self, room_id: &'a RoomId) -> View<'a> {
        View {
            room_id,
            with_room_id: true,
            now_ms: self.now_ms,
            viewer: Some((self.user_id, self.scope)),
        }
    }
}

/// What is told with events, by their ids. Most have nothing.
#[derive(Debug, Default)]
pub(crate) struct Bundles(HashMap<OwnedEventId, Box<RawValue>>);

#[derive(Debug, Default, Serialize)]
struct Bundle {
    #[serde(rename = "m.replace", skip_serializing_if = "Option::is_none")]
    edit: Option<Box<RawValue>>,
    #[serde(rename = "m.thread", skip_serializing_if = "Option::is_none")]
    thread: Option<ThreadSummary>,
    #[serde(rename = "m.reference", skip_serializing_if = "Option::is_none")]
    references: Option<References>,
}

#[derive(Debug, Serialize)]
struct ThreadSummary {
    latest_event: Box<RawValue>,
    count: i64,
    current_user_participated: bool,
}

#[derive(Debug, Default, Serialize)]
struct References {
    chunk: Vec<Reference>,
}

#[derive(Debug, Serialize)]
struct Reference {
    event_id: OwnedEventId,
}

/// One event something may relate to.
#[derive(Clone, Copy)]
struct Parent<'a> {
    event: &'a StoredEvent,
    seen: Seen<'a>,
}

impl<'a> Parent<'a> {
    fn spot(&self) -> Spot<'a> {
        let (room_nid, name) = (self.event.room_nid, self.event.event_id.as_str());
        Spot { room_nid, low: 0, high: self.seen.sight.last(), name }
    }

    /// Whether an edit of it counts. A redaction leaves nothing to replace, and an edit is not edited.
    fn takes(&self, link: &Link) -> bool {
        link.is_edit
            && link.sender == self.event.sender
            && link.kind == self.event.kind
            && self.event.state_key.is_none()
            && self.event.redacted_because.is_none()
            && self.seen.sight.sees(link.position)
            && !is_edit(self.event)
    }
}

impl Bundles {
    /// Collects what is told with some events. The number of statements does not depend on theirs.
    pub(crate) async fn of(
        db: &mut impl Reader,
        looker: Looker<'_>,
        seen: &[Seen<'_>],
    ) -> Result<Self> {
        let parents: Vec<_> = seen
            .iter()
            .flat_map(|&seen| seen.events.iter().map(move |event| Parent { event, seen }))
            .collect();
        if parents.is_empty() {
            return Ok(Self::default());
        }
        let spots = parents.iter().map(Parent::spot);
        let threads = store::relations::threads_of(db, spots, looker.user_id).await?;
        let latest = events_at(db, threads.iter().map(|thread| thread.latest)).await?;
        // The newest reply in a thread may have been edited too.
        let mut all: HashMap<&EventId, Parent<'_>> =
            parents.iter().map(|parent| (&*parent.event.event_id, *parent)).collect();
        for thread in &threads {
            if let (Some(root), Some(event)) = (all.get(&*thread.root), latest.get(&thread.latest))
            {
                let reply = Parent { event, seen: root.seen };
                all.entry(&event.event_id).or_insert(reply);
            }
        }
        let links = store::relations::links_of(db, all.values().map(Parent::spot)).await?;
        let newest = newest_edits(&links, &all);
        let edits = events_at(db, newest.values().map(|link| link.position)).await?;
        let edit_of = |parent: &Parent<'_>| -> Result<Option<Box<RawValue>>> {
            let edit = newest.get(&*parent.event.event_id).and_then(|it| edits.get(&it.position));
            let view = looker.view(parent.seen.room_id);
            edit.map(|edit| client::full(edit, &view).map_err(Error::internal)).transpose()
        };
        let mut bundles: BTreeMap<&EventId, Bundle> = BTreeMap::new();
        for parent in &parents {
            if let Some(edit) = edit_of(parent)? {
                bundles.entry(&parent.event.event_id).or_default().edit = Some(edit);
            }
        }
        for thread in &threads {
            let (Some(root), Some(event)) = (all.get(&*thread.root), latest.get(&thread.latest))
            else {
                continue;
            };
            let reply = Parent { event, seen: root.seen };
            if reply.seen.sight.sees(event.position) {
                let summary = summarise(looker, thread, root, &reply, edit_of(&reply)?)?;
                bundles.entry(&root.event.event_id).or_default().thread = Some(summary);
            }
        }
        for link in links.iter().filter(|link| !link.is_edit) {
            let Some(parent) = all.get(&*link.parent_id) else { continue };
            if parent.event.redacted_because.is_none() && parent.seen.sight.sees(link.position) {
                let bundle = bundles.entry(&parent.event.event_id).or_default();
                let references = bundle.references.get_or_insert_default();
                references.chunk.push(Reference { event_id: link.event_id.clone() });
            }
        }
        let written = bundles.into_iter().map(|(event_id, bundle)| {
            Ok((event_id.to_owned(), to_raw_value(&bundle).map_err(Error::internal)?))
        });
        Ok(Self(written.collect::<Result<_>>()?))
    }

    /// Returns what is told with one event.
    pub(crate) fn get(&self, event_id: &EventId) -> Option<&RawValue> {
        self.0.get(event_id).map(|bundle| &**bundle)
    }
}

/// Writes events of one room, each with what is told with it.
pub(crate) async fn write(
    db: &mut impl Reader,
    looker: Looker<'_>,
    seen: Seen<'_>,
) -> Result<Vec<Box<RawValue>>> {
    let bundles = Bundles::of(db, looker, &[seen]).await?;
    let view = looker.view(seen.room_id);
    let write = |event: &StoredEvent| {
        client::with_relations(event, &view, bundles.get(&event.event_id)).map_err(Error::internal)
    };
    seen.events.iter().map(write).collect()
}

async fn events_at(
    db: &mut impl Reader,
    positions: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, StoredEvent>> {
    let positions: Vec<_> = positions.collect();
    if positions.is_empty() {
        return Ok(HashMap::new());
    }
    let events = store::events::at(db, positions).await?;
    Ok(events.into_iter().map(|event| (event.position, event)).collect())
}

/// Finds the edit of each event that counts: the newest by the time it bears, then by its id.
fn newest_edits<'l>(
    links: &'l [Link],
    parents: &HashMap<&EventId, Parent<'_>>,
) -> HashMap<&'l EventId, &'l Link> {
    let mut newest: HashMap<&EventId, &Link> = HashMap::new();
    for link in links {
        if parents.get(&*link.parent_id).is_some_and(|parent| parent.takes(link)) {
            let known = newest.entry(&link.parent_id).or_insert(link);
            let age = |link: &'l Link| (link.origin_server_ts, &link.event_id);
            if age(link) > age(known) {
                *known = link;
            }
        }
    }
    newest
}

fn summarise(
    looker: Looker<'_>,
    thread: &Thread,
    root: &Parent<'_>,
    reply: &Parent<'_>,
    edit: Option<Box<RawValue>>,
) -> Result<ThreadSummary> {
    let bundle = Bundle { edit, ..Bundle::default() };
    let bundle = bundle.edit.is_some().then(|| to_raw_value(&bundle));
    let bundle = bundle.transpose().map_err(Error::internal)?;
    let view = looker.view(reply.seen.room_id);
    let latest_event = client::with_relations(reply.event, &view, bundle.as_deref());
    Ok(ThreadSummary {
        latest_event: latest_event.map_err(Error::internal)?,
        count: thread.replies,
        current_user_participated: thread.is_own || root.event.sender == *looker.user_id,
    })
}

fn is_edit(event: &StoredEvent) -> bool {
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "m.relates_to")]
        relates_to: RelatesTo,
    }
    #[derive(Deserialize)]
    struct RelatesTo {
        rel_type: String,
    }
    let content = client::content(event).ok();
    let content = content.and_then(|it| serde_json::from_str::<Content>(it.get()).ok());
    content.is_some_and(|content| content.relates_to.rel_type == "m.replace")
}
