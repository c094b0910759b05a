//! The tables `current_state`, `state_groups` and `state_group_rows`: what is in force in a room, now and at
//! any event of its past.

use std::collections::HashMap;

use support_db::{DbError, Row, Tx, integer_list, params, text_list};

use super::{Reader, events::StoredEvent};

const CURRENT: &str = concat!(
    "SELECT ",
    super::events::event_columns!(),
    "
    FROM current_state s
    JOIN events e ON e.position = s.position
    ",
    super::events::event_joins!(),
    "
    WHERE s.room_nid = $1
      AND s.type = $2
      AND s.state_key = $3"
);
const ALL_CURRENT: &str = concat!(
    "SELECT ",
    super::events::event_columns!(),
    "
    FROM current_state s
    JOIN events e ON e.position = s.position
    ",
    super::events::event_joins!(),
    "
    WHERE s.room_nid = $1
    ORDER BY s.position"
);
const CURRENT_OF_TYPES: &str = concat!(
    "SELECT ",
    super::events::event_columns!(),
    "
    FROM current_state s
    JOIN events e ON e.position = s.position
    ",
    super::events::event_joins!(),
    "
    WHERE s.room_nid = $1
      AND s.type IN (SELECT value FROM json_each($2))
    ORDER BY s.position"
);
const CURRENT_OF_ROOMS: &str = concat!(
    "SELECT ",
    super::events::event_columns!(),
    "
    FROM current_state s
    JOIN events e ON e.position = s.position
    ",
    super::events::event_joins!(),
    "
    WHERE s.room_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
      AND s.type IN (SELECT value FROM json_each($2))
      AND s.state_key = ''"
);
const SET_CURRENT: &str = "INSERT INTO current_state (room_nid, type, state_key, position)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (room_nid, type, state_key) DO UPDATE SET position = excluded.position";
const GROUP_BY_ID: &str = "SELECT hops, size FROM state_groups WHERE group_id = $1";
const GROUP: &str = "INSERT INTO state_groups (group_id, room_nid, prev_group, hops, size)
    VALUES ($1, $2, $3, $4, $5)";
const ROW: &str = "INSERT INTO state_group_rows (group_id, type, state_key, position)
    VALUES ($1, $2, $3, $4)";
const COPY: &str = "INSERT INTO state_group_rows (group_id, type, state_key, position)
    SELECT $1, type, state_key, position
    FROM current_state
    WHERE room_nid = $2";
const OF_GROUP: &str = "WITH RECURSIVE chain (group_id, prev_group, hop) AS (
        SELECT group_id, prev_group, CAST(0 AS BIGINT)
        FROM state_groups
        WHERE group_id = $1
        UNION ALL
        SELECT g.group_id, g.prev_group, c.hop + 1
        FROM chain c
        JOIN state_groups g ON g.group_id = c.prev_group
    )
    SELECT r.type, r.state_key, r.position
    FROM chain c
    JOIN state_group_rows r ON r.group_id = c.group_id
    ORDER BY c.hop DESC";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    CURRENT,
    ALL_CURRENT,
    CURRENT_OF_TYPES,
    CURRENT_OF_ROOMS,
    SET_CURRENT,
    GROUP_BY_ID,
    GROUP,
    ROW,
    COPY,
    OF_GROUP,
];

/// A key of a room's state: type and state key.
pub(crate) type StateKey = (String, String);

/// Returns the event in force for one key, as stored.
pub(crate) async fn current(
    db: &mut impl Reader,
    room_nid: i64,
    kind: &str,
    state_key: &str,
) -> Result<Option<StoredEvent>, DbError> {
    let row = db.fetch_optional(CURRENT, params![room_nid, kind, state_key]).await?;
    row.as_ref().map(StoredEvent::from_row).transpose()
}

/// Returns all events in force in a room.
pub(crate) async fn all_current(
    db: &mut impl Reader,
    room_nid: i64,
) -> Result<Vec<StoredEvent>, DbError> {
    let rows = db.fetch_all(ALL_CURRENT, params![room_nid]).await?;
    rows.iter().map(StoredEvent::from_row).collect()
}

/// Returns the events in force in a room that are of one type.
pub(crate) async fn current_of_type(
    db: &mut impl Reader,
    room_nid: i64,
    kind: &str,
) -> Result<Vec<StoredEvent>, DbError> {
    current_of_types(db, room_nid, [kind]).await
}

/// Returns the events in force in a room that are of some types.
pub(crate) async fn current_of_types(
    db: &mut impl Reader,
    room_nid: i64,
    kinds: impl IntoIterator<Item = &str>,
) -> Result<Vec<StoredEvent>, DbError> {
    let rows = db.fetch_all(CURRENT_OF_TYPES, params![room_nid, text_list(kinds)]).await?;
    rows.iter().map(StoredEvent::from_row).collect()
}

/// Returns the events in force in some rooms that are of some types and have the empty state key.
pub(crate) async fn current_of_rooms(
    db: &mut impl Reader,
    rooms: impl IntoIterator<Item = i64>,
    kinds: impl IntoIterator<Item = &str>,
) -> Result<Vec<StoredEvent>, DbError> {
    let values = params![integer_list(rooms), text_list(kinds)];
    let rows = db.fetch_all(CURRENT_OF_ROOMS, values).await?;
    rows.iter().map(StoredEvent::from_row).collect()
}

/// Puts an event in force.
pub(crate) async fn set_current(
    tx: &mut Tx,
    room_nid: i64,
    kind: &str,
    state_key: &str,
    position: i64,
) -> Result<(), DbError> {
    tx.execute(SET_CURRENT, params![room_nid, kind, state_key, position]).await.map(drop)
}

/// A state group, without its rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub(crate) id: i64,
    pub(crate) hops: i64,
    pub(crate) size: i64,
}

/// Finds a group by its number.
pub(crate) async fn group(db: &mut impl Reader, id: i64) -> Result<Option<Group>, DbError> {
    let row = db.fetch_optional(GROUP_BY_ID, params![id]).await?;
    let group = |row: Row| Ok(Group { id, hops: row.get("hops")?, size: row.get("size")? });
    row.map(group).transpose()
}

/// Groups form chains of differences. A chain is cut by a whole copy once it is this long, or as long as the
/// copy would be: so reading stays proportional to the state, and all copies together to the events.
const SHORTEST_CHAIN: i64 = 100;

/// Makes the group of a state event: the one before, with this event in force. `current_state` has to hold
/// the event already.
pub(crate) async fn add_group(
    tx: &mut Tx,
    room_nid: i64,
    before: Option<Group>,
    kind: &str,
    state_key: &str,
    position: i64,
    is_new_key: bool,
) -> Result<Group, DbError> {
    let size = before.map_or(0, |group| group.size) + i64::from(is_new_key);
    let base = before.filter(|group| group.hops < SHORTEST_CHAIN.max(size));
    let hops = base.map_or(0, |group| group.hops + 1);
    let prev = base.map(|group| group.id);
    tx.execute(GROUP, params![position, room_nid, prev, hops, size]).await?;
    if base.is_some() || before.is_none() {
        tx.execute(ROW, params![position, kind, state_key, position]).await?;
    } else {
        tx.execute(COPY, params![position, room_nid]).await?;
    }
    Ok(Group { id: position, hops, size })
}

/// Returns the positions of all events that were in force in a group.
pub(crate) async fn of_group(
    db: &mut impl Reader,
    group: i64,
) -> Result<HashMap<StateKey, i64>, DbError> {
    let rows = db.fetch_all(OF_GROUP, params![group]).await?;
    let mut state = HashMap::with_capacity(rows.len());
    for row in &rows {
        // Later rows are nearer to the group that was asked for.
        state.insert((row.get("type")?, row.get("state_key")?), row.get("position")?);
    }
    Ok(state)
}
