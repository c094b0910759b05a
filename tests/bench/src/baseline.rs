//! The bare loop every figure stands beside: the rows one message needs, committed in groups of 100
//! to the same kind of database, with nothing around them.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use support_clock::{OsRandom, SystemClock};
use support_db::{Db, DbError, Location, Migration, OpenOptions, params};

const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "bare",
    sqlite: "CREATE TABLE event (nid BIGINT PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, json TEXT NOT NULL);
             CREATE TABLE txn (scope TEXT PRIMARY KEY, event_nid BIGINT NOT NULL);",
    postgres: "CREATE TABLE event (nid BIGINT PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, json TEXT NOT NULL);
               CREATE TABLE txn (scope TEXT PRIMARY KEY, event_nid BIGINT NOT NULL);",
}];

const INSERT_EVENT: &str = "INSERT INTO event (nid, event_id, json) VALUES ($1, $2, $3)";
const INSERT_TXN: &str = "INSERT INTO txn (scope, event_nid) VALUES ($1, $2)";

/// A message event is about this long, signed and hashed.
const EVENT_BYTES: usize = 800;

/// Returns how many messages' rows a second a bare loop commits.
pub(crate) async fn rows_per_second(messages: usize) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let options = OpenOptions::new("bench", Arc::new(SystemClock::new()), Arc::new(OsRandom));
    let db = Db::open(Location::sqlite(folder.path().join("bare.db")), MIGRATIONS, options).await?;
    let json = "x".repeat(EVENT_BYTES);
    let begun = Instant::now();
    for group in 0..messages / 100 {
        let json = json.clone();
        db.write(move |tx| {
            let json = json.clone();
            Box::pin(async move {
                for number in 0..100 {
                    let nid = (group * 100 + number) as i64;
                    let event_id = format!("$event-{nid:040}");
                    tx.execute(INSERT_EVENT, params![nid, event_id, json.as_str()]).await?;
                    tx.execute(INSERT_TXN, params![format!("user|room|{nid}"), nid]).await?;
                }
                Ok::<_, DbError>(())
            })
        })
        .await?;
    }
    let rate = messages as f64 / begun.elapsed().as_secs_f64();
    db.close().await;
    Ok(rate)
}
