//! Reads over many rooms at once, as `/sync` needs them: what a statement is asked about each room comes in as a
//! list of [`Spot`]s, so that the number of statements does not grow with the number of rooms.

use std::collections::HashMap;

use ruma::UserId;
use support_db::{DbError, Row, integer_list, params, text_list};

use super::{
    Reader,
    events::{Change, StoredEvent},
};

/// One room, a part of its history (both ends inclusive), and a name where one is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot<'a> {
    pub(crate) room_nid: i64,
    pub(crate) low: i64,
    pub(crate) high: i64,
    pub(crate) name: &'a str,
}

impl Spot<'_> {
    /// Written in columns of one width, because both databases can cut such a text and neither language of theirs
    /// for JSON is the other's.
    fn write(&self) -> String {
        let width = |number: i64| number.max(0);
        let (room, low, high) = (width(self.room_nid), width(self.low), width(self.high));
        format!("{room:019}{low:019}{high:019}{}", self.name)
    }
}

pub(super) fn list<'a>(spots: impl IntoIterator<Item = Spot<'a>>) -> String {
    text_list(spots.into_iter().map(|spot| spot.write()))
}

/// The spots of `$1` as rows.
macro_rules! spots {
    () => {
        "(SELECT CAST(substr(value, 1, 19) AS BIGINT) AS room_nid,
            CAST(substr(value, 20, 19) AS BIGINT) AS low,
            CAST(substr(value, 39, 19) AS BIGINT) AS high,
            substr(value, 58) AS name
        FROM json_each($1))"
    };
}
pub(super) use spots;

/// The events that were in force in the rooms at the upper end of each spot. A room here has one line of history,
/// so that is the last event for each key up to there; what is in force now tells the keys. `CROSS JOIN` keeps
/// SQLite at this order of tables.
macro_rules! state_at {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            super::events::event_columns!(),
            "
            FROM ",
            spots!(),
            " b
            CROSS JOIN current_state c
            CROSS JOIN events e
            ",
            super::events::event_joins!(),
            "
            WHERE c.room_nid = b.room_nid
              AND ",
            $condition,
            "
              AND e.position = CASE WHEN c.position <= b.high THEN c.position
                ELSE (SELECT max(p.position)
                    FROM events p
                    WHERE p.room_nid = c.room_nid
                      AND p.type = c.type
                      AND p.state_key = c.state_key
                      AND p.position <= b.high)
                END"
        )
    };
}

const STATE: &str = state_at!("TRUE");
// Two ranges of the index: a room's ten thousand members are stepped over, not through.
const STATE_WITHOUT_MEMBERS: &str = concat!(
    state_at!("c.type < 'm.room.member'"),
    " UNION ALL ",
    state_at!("c.type > 'm.room.member'")
);
const MEMBERS: &str = state_at!("c.type = 'm.room.member' AND c.state_key = b.name");
const OF_TYPES: &str = state_at!("c.type = b.name AND c.state_key = ''");
const NEWEST: &str = concat!(
    "SELECT ",
    super::events::event_columns!(),
    "
    FROM (SELECT s.room_nid, s.high, COALESCE(
            (SELECT t.position
                FROM events t
                WHERE t.room_nid = s.room_nid
                  AND t.position >= s.low
                  AND t.position <= s.high
                ORDER BY t.position DESC
                LIMIT 1
                OFFSET $2),
            s.low) AS low
        FROM ",
    spots!(),
    " s) b
    CROSS JOIN events e
    ",
    super::events::event_joins!(),
    "
    WHERE e.room_nid = b.room_nid
      AND e.position >= b.low
      AND e.position <= b.high
    ORDER BY e.position DESC"
);
const CHANGES: &str = concat!(
    "SELECT ",
    super::events::event_columns!(),
    "
    FROM (SELECT max(t.position) AS position
        FROM ",
    spots!(),
    " b
        CROSS JOIN events t
        WHERE t.room_nid = b.room_nid
          AND t.position >= b.low
          AND t.position <= b.high
          AND t.state_key IS NOT NULL
        GROUP BY t.room_nid, t.type, t.state_key) c
    CROSS JOIN events e
    ",
    super::events::event_joins!(),
    "
    WHERE e.position = c.position"
);
const HISTORIES: &str = "SELECT e.room_nid, e.position, e.membership, e.json
    FROM (SELECT CAST(value AS BIGINT) AS room_nid FROM json_each($1)) b
    CROSS JOIN events e
    WHERE e.room_nid = b.room_nid
      AND e.type = $2
      AND e.state_key = $3
    ORDER BY e.position";

/// The first six of one membership: one more than is told, because one of them may be who asks.
macro_rules! first_with {
    ($membership:literal) => {
        concat!(
            "SELECT m.room_nid, m.user_id, m.membership, m.position
            FROM (SELECT CAST(value AS BIGINT) AS room_nid FROM json_each($1)) b
            CROSS JOIN memberships m
            WHERE m.room_nid = b.room_nid
              AND m.membership = '",
            $membership,
            "'
              AND m.position <= COALESCE(
                (SELECT t.position
                    FROM memberships t
                    WHERE t.room_nid = b.room_nid
                      AND t.membership = '",
            $membership,
            "'
                    ORDER BY t.position
                    LIMIT 1
                    OFFSET 5),
                9223372036854775807)"
        )
    };
}
const KNOWN_BY: &str = concat!(
    first_with!("join"),
    " UNION ALL ",
    first_with!("invite"),
    " UNION ALL ",
    first_with!("leave"),
    " UNION ALL ",
    first_with!("ban"),
    " ORDER BY 4"
);

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] =
    &[STATE, STATE_WITHOUT_MEMBERS, MEMBERS, OF_TYPES, NEWEST, CHANGES, HISTORIES, KNOWN_BY];

/// Events of many rooms, by the number of the room.
pub(crate) type ByRoom<T> = HashMap<i64, Vec<T>>;

async fn events(
    db: &mut impl Reader,
    sql: &'static str,
    params: support_db::Params<'_>,
) -> Result<ByRoom<StoredEvent>, DbError> {
    let mut found: ByRoom<StoredEvent> = HashMap::new();
    for row in &db.fetch_all(sql, params).await? {
        let event = StoredEvent::from_row(row)?;
        found.entry(event.room_nid).or_default().push(event);
    }
    Ok(found)
}

async fn state_of<'a>(
    db: &mut impl Reader,
    sql: &'static str,
    spots: impl IntoIterator<Item = Spot<'a>>,
) -> Result<ByRoom<StoredEvent>, DbError> {
    let list = list(spots);
    if list == "[]" {
        return Ok(HashMap::new());
    }
    let mut found = events(db, sql, params![list]).await?;
    for events in found.values_mut() {
        events.sort_unstable_by_key(|event| event.position);
    }
    Ok(found)
}

/// Returns the whole state of the rooms as it was at the upper ends, in the order in which it came to be.
pub(crate) async fn state<'a>(
    db: &mut impl Reader,
    spots: impl IntoIterator<Item = Spot<'a>>,
) -> Result<ByRoom<StoredEvent>, DbError> {
    state_of(db, STATE, spots).await
}

/// Like [`state`], without the members.
pub(crate) async fn state_without_members<'a>(
    db: &mut impl Reader,
    spots: impl IntoIterator<Item = Spot<'a>>,
) -> Result<ByRoom<StoredEvent>, DbError> {
    state_of(db, STATE_WITHOUT_MEMBERS, spots).await
}

/// Returns the member events of the users the spots name, as they were at the upper ends.
pub(crate) async fn members<'a>(
    db: &mut impl Reader,
    spots: impl IntoIterator<Item = Spot<'a>>,
) -> Result<ByRoom<StoredEvent>, DbError> {
    state_of(db, MEMBERS, spots).await
}

/// Returns the state of the types the spots name, with an empty state key, as it was at the upper ends.
pub(crate) async fn state_of_types<'a>(
    db: &mut impl Reader,
    spots: impl IntoIterator<Item = Spot<'a>>,
) -> Result<ByRoom<StoredEvent>, DbError> {
    state_of(db, OF_TYPES, spots).await
}

/// Returns the last change of every key of the rooms' state between the two ends.
pub(crate) async fn changes<'a>(
    db: &mut impl Reader,
    spots: impl IntoIterator<Item = Spot<'a>>,
) -> Result<ByRoom<StoredEvent>, DbError> {
    state_of(db, CHANGES, spots).await
}

/// Returns the newest events of each room between the two ends, newest first, not more than `count` of a room.
pub(crate) async fn newest<'a>(
    db: &mut impl Reader,
    spots: impl IntoIterator<Item = Spot<'a>>,
    count: i64,
) -> Result<ByRoom<StoredEvent>, DbError> {
    let list = list(spots);
    if list == "[]" {
        return Ok(HashMap::new());
    }
    events(db, NEWEST, params![list, count - 1]).await
}

/// Returns every event there ever was for one key of the rooms' state, oldest first.
pub(crate) async fn histories_of(
    db: &mut impl Reader,
    room_nids: impl IntoIterator<Item = i64>,
    kind: &str,
    state_key: &str,
) -> Result<ByRoom<Change>, DbError> {
    let list = integer_list(room_nids);
    let mut found: ByRoom<Change> = HashMap::new();
    if list == "[]" {
        return Ok(found);
    }
    for row in &db.fetch_all(HISTORIES, params![list, kind, state_key]).await? {
        found.entry(row.get("room_nid")?).or_default().push(Change::from_row(row)?);
    }
    Ok(found)
}

/// Returns a few people by whom each nameless room can be known, without the one who looks: who is in it or
/// invited, and only where there is nobody else, who was.
pub(crate) async fn heroes(
    db: &mut impl Reader,
    room_nids: impl IntoIterator<Item = i64>,
    but: &UserId,
) -> Result<ByRoom<String>, DbError> {
    let list = integer_list(room_nids);
    if list == "[]" {
        return Ok(HashMap::new());
    }
    let rows = db.fetch_all(KNOWN_BY, params![list]).await?;
    let (mut here, mut gone): (ByRoom<String>, ByRoom<String>) = Default::default();
    let read = |row: &Row| -> Result<(i64, String, String), DbError> {
        Ok((row.get("room_nid")?, row.get("user_id")?, row.get("membership")?))
    };
    for row in &rows {
        let (room_nid, user_id, membership) = read(row)?;
        let is_here = matches!(membership.as_str(), "join" | "invite");
        let known = if is_here { &mut here } else { &mut gone }.entry(room_nid).or_default();
        if user_id != but.as_str() && known.len() < 5 {
            known.push(user_id);
        }
    }
    for (room_nid, gone) in gone {
        let here = here.entry(room_nid).or_default();
        if here.is_empty() {
            *here = gone;
        }
    }
    Ok(here)
}
