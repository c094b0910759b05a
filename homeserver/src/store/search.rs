//! The table `event_search` and the index over it, which is each database's own.

use support_db::{Db, DbError, Row, Tx, integer_list, params, text_list};

const ADD: &str = "INSERT INTO event_search (position, target, room_nid, key, words)
    VALUES ($1, $2, $3, $4, $5)";
const FORGET: &str = "DELETE FROM event_search WHERE position = $1 OR target = $1";
// An event is found by its newest words.
const FIND_SQLITE: &str = "SELECT s.position, s.target, s.room_nid, e.sender, e.type,
        CAST(bm25(event_search_index) * -1000000000 AS INTEGER) AS weight
    FROM event_search_index i
    CROSS JOIN event_search s
    CROSS JOIN events e
    WHERE event_search_index MATCH $1
      AND s.position = i.rowid
      AND s.room_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($2))
      AND s.key IN (SELECT value FROM json_each($3))
      AND NOT EXISTS (SELECT 1 FROM event_search n WHERE n.target = s.target AND n.position > s.position)
      AND e.position = s.target
    ORDER BY s.target DESC
    LIMIT $4";
const FIND_POSTGRES: &str = "SELECT s.position, s.target, s.room_nid, e.sender, e.type,
        CAST(ts_rank(to_tsvector('simple', s.words), plainto_tsquery('simple', $1)) * 1000000000 AS BIGINT) AS weight
    FROM event_search s
    JOIN events e ON e.position = s.target
    WHERE to_tsvector('simple', s.words) @@ plainto_tsquery('simple', $1)
      AND s.room_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($2))
      AND s.key IN (SELECT value FROM json_each($3))
      AND NOT EXISTS (SELECT 1 FROM event_search n WHERE n.target = s.target AND n.position > s.position)
    ORDER BY s.target DESC
    LIMIT $4";

/// Every statement of this file for one kind of database, for the test that shows them to it.
#[cfg(test)]
pub(super) fn statements(db: &Db) -> [&'static str; 3] {
    [ADD, FORGET, if db.is_sqlite() { FIND_SQLITE } else { FIND_POSTGRES }]
}

/// An event whose words fit.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    /// Where the event stands that says the words.
    pub(crate) position: i64,
    /// Where the event stands that they are shown with: itself, or what it edits.
    pub(crate) target: i64,
    pub(crate) room_nid: i64,
    pub(crate) sender: String,
    pub(crate) kind: String,
    /// How well they fit; more is better.
    pub(crate) weight: i64,
}

impl Hit {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            position: row.get("position")?,
            target: row.get("target")?,
            room_nid: row.get("room_nid")?,
            sender: row.get("sender")?,
            kind: row.get("type")?,
            weight: row.get("weight")?,
        })
    }
}

/// Remembers what an event says.
pub(crate) async fn add(
    tx: &mut Tx,
    position: i64,
    target: i64,
    room_nid: i64,
    key: &str,
    words: &str,
) -> Result<(), DbError> {
    tx.execute(ADD, params![position, target, room_nid, key, words]).await.map(drop)
}

/// Forgets what an event said, and what its edits said.
pub(crate) async fn forget(tx: &mut Tx, position: i64) -> Result<(), DbError> {
    tx.execute(FORGET, params![position]).await.map(drop)
}

/// Returns the newest events of some rooms that say all of some words. The words are letters and digits only.
pub(crate) async fn find(
    db: &Db,
    words: &[String],
    rooms: impl IntoIterator<Item = i64>,
    keys: &[&str],
    most: i64,
) -> Result<Vec<Hit>, DbError> {
    let (rooms, keys) = (integer_list(rooms), text_list(keys));
    let rows = if db.is_sqlite() {
        // In quotes a word is a word, also NEAR and OR.
        let query = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" ");
        db.fetch_all(FIND_SQLITE, params![query, rooms, keys, most]).await?
    } else {
        db.fetch_all(FIND_POSTGRES, params![words.join(" "), rooms, keys, most]).await?
    };
    rows.iter().map(Hit::from_row).collect()
}
