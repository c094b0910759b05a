//! `POST /search`

mod surroundings;

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use axum::{Router, extract::State};
use ruma::{
    UInt,
    api::client::search::search_events::v3::{
        Criteria, GroupingKey, OrderBy, Request, Response, ResultCategories, ResultGroup,
        ResultGroupMap, ResultRoomEvents, SearchKeys, SearchResult,
    },
    serde::Raw,
};
use support_matrix_http::{MatrixError, route};

use self::surroundings::{Looker, surroundings};
use crate::{
    api::paced::{Paced, Searches},
    error::{Error, Result},
    events::client,
    house::SharedHouse,
    rooms::{
        read::Access,
        relations::bundle::{self, Bundles, Seen},
        search::{Found, Wish, find},
        visibility::Sight,
    },
    store::events::StoredEvent,
};

/// What weight 1 is written as.
const WEIGHT: f64 = 1_000_000_000.0;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    route(Router::new(), search)
}

async fn search(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Searches>,
    request: Request,
) -> Result<Response> {
    let Some(criteria) = request.search_categories.room_events else {
        return Ok(Response::new(ResultCategories::new()));
    };
    let keys = keys(&criteria)?;
    let wish = Wish {
        term: &criteria.search_term,
        keys: &keys,
        filter: &criteria.filter,
        by_time: by_time(&criteria)?,
        since: request.next_batch.as_deref(),
    };
    let found = find(&house, &who.user_id, &wish).await?;
    let scope = who.scope();
    let looker = Looker { house: &house, user_id: &who.user_id, scope: &scope };
    let mut told = ResultRoomEvents::new();
    told.count = UInt::try_from(found.total).ok();
    told.next_batch = found.next.clone();
    told.groups.extend(groups(&criteria, &found)?);
    let bundles = bundles(&looker, &found).await?;
    for (event, weight) in &found.events {
        let mut result = result(&looker, &found, &bundles, event, *weight)?;
        let room = &found.rooms[&event.room_nid];
        result.context = surroundings(&looker, &criteria.event_context, room, event).await?;
        told.results.push(result);
    }
    if criteria.include_state == Some(true) {
        add_state(&looker, &found, &mut told).await?;
    }
    if !found.events.is_empty() {
        told.highlights = found.words;
    }
    let mut categories = ResultCategories::new();
    categories.room_events = told;
    Ok(Response::new(categories))
}

fn keys(criteria: &Criteria) -> Result<Vec<&str>, MatrixError> {
    let all = ["content.body", "content.name", "content.topic"];
    let Some(keys) = criteria.keys.as_ref().filter(|keys| !keys.is_empty()) else {
        return Ok(all.to_vec());
    };
    let known = |key: &SearchKeys| all.into_iter().find(|known| *known == key.as_str());
    keys.iter()
        .map(|key| {
            known(key).ok_or_else(|| {
                MatrixError::invalid_param(format!("`{}` cannot be searched.", key.as_str()))
            })
        })
        .collect()
}

fn by_time(criteria: &Criteria) -> Result<bool, MatrixError> {
    match &criteria.order_by {
        None | Some(OrderBy::Rank) => Ok(false),
        Some(OrderBy::Recent) => Ok(true),
        Some(_) => Err(MatrixError::invalid_param("`order_by` is `rank` or `recent`.")),
    }
}

/// Collects what is told with the events that were found.
async fn bundles(looker: &Looker<'_>, found: &Found) -> Result<Bundles> {
    let mut db = &looker.house.db;
    let mut sights = HashMap::new();
    for (event, _) in &found.events {
        if let Entry::Vacant(unknown) = sights.entry(event.room_nid) {
            unknown.insert(Sight::of(&mut db, event.room_nid, looker.user_id).await?);
        }
    }
    let seen = found.events.iter().map(|(event, _)| Seen {
        room_id: &found.rooms[&event.room_nid].room_id,
        sight: &sights[&event.room_nid],
        events: std::slice::from_ref(event),
    });
    let seen: Vec<_> = seen.collect();
    let now_ms = looker.house.clock.now_ms();
    let looker = bundle::Looker { user_id: looker.user_id, scope: looker.scope, now_ms };
    Bundles::of(&mut db, looker, &seen).await
}

fn result(
    looker: &Looker<'_>,
    found: &Found,
    bundles: &Bundles,
    event: &StoredEvent,
    weight: i64,
) -> Result<SearchResult> {
    let view = looker.view(&found.rooms[&event.room_nid].room_id);
    let written = client::with_relations(event, &view, bundles.get(&event.event_id));
    let mut result = SearchResult::new();
    result.result = Some(Raw::from_json(written.map_err(Error::internal)?));
    #[expect(clippy::cast_precision_loss, reason = "a weight is no count")]
    let rank = weight as f64 / WEIGHT;
    result.rank = Some(rank);
    Ok(result)
}

fn groups(criteria: &Criteria, found: &Found) -> Result<Vec<ResultGroupMap>, MatrixError> {
    let mut maps = Vec::new();
    for grouping in &criteria.groupings.group_by {
        match &grouping.key {
            Some(GroupingKey::RoomId) => {
                let room = |event: &StoredEvent| found.rooms[&event.room_nid].room_id.clone();
                maps.push(ResultGroupMap::RoomId(grouped(found, room)));
            }
            Some(GroupingKey::Sender) => {
                let sender = |event: &StoredEvent| event.sender.clone();
                maps.push(ResultGroupMap::Sender(grouped(found, sender)));
            }
            _ => return Err(MatrixError::invalid_param("Groups are by `room_id` or `sender`.")),
        }
    }
    Ok(maps)
}

fn grouped<K: Ord>(found: &Found, key: impl Fn(&StoredEvent) -> K) -> BTreeMap<K, ResultGroup> {
    let mut groups: BTreeMap<K, ResultGroup> = BTreeMap::new();
    for (event, _) in &found.events {
        let order = UInt::try_from(groups.len()).ok();
        let group = groups.entry(key(event)).or_insert_with(|| {
            let mut group = ResultGroup::new();
            group.order = order;
            group
        });
        group.results.push(event.event_id.clone());
    }
    groups
}

async fn add_state(looker: &Looker<'_>, found: &Found, told: &mut ResultRoomEvents) -> Result<()> {
    let mut db = &looker.house.db;
    for (event, _) in &found.events {
        let room_id = &found.rooms[&event.room_nid].room_id;
        if told.state.contains_key(room_id) {
            continue;
        }
        let access = Access::of(&mut db, room_id, looker.user_id).await?;
        let view = looker.view(room_id);
        let state = access.state(&mut db).await?;
        let state = state.iter().map(|event| client::full(event, &view).map(Raw::from_json));
        let state = state.collect::<serde_json::Result<_>>().map_err(Error::internal)?;
        told.state.insert(room_id.clone(), state);
    }
    Ok(())
}
