//! How many small writes a second a database takes: `cargo run --release -p support-db --example
//! throughput --features testing`. Each write is a job of five statements, as sending a message
//! is: two reads, two inserts, one update.

use std::{sync::Arc, time::Instant};

use support_db::{Db, DbError, Migration, params, testing::test_locations};

const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "0001_rooms",
    sqlite: "
        CREATE TABLE room (id TEXT NOT NULL PRIMARY KEY, depth BIGINT NOT NULL);
        CREATE TABLE event (
            id TEXT NOT NULL PRIMARY KEY, room TEXT NOT NULL, position BIGINT NOT NULL,
            body TEXT NOT NULL
        );
        CREATE INDEX event_position ON event (room, position);
        CREATE TABLE txn (id TEXT NOT NULL PRIMARY KEY, event TEXT NOT NULL);
    ",
    postgres: "
        CREATE TABLE room (id TEXT NOT NULL PRIMARY KEY, depth BIGINT NOT NULL);
        CREATE TABLE event (
            id TEXT NOT NULL PRIMARY KEY, room TEXT NOT NULL, position BIGINT NOT NULL,
            body TEXT NOT NULL
        );
        CREATE INDEX event_position ON event (room, position);
        CREATE TABLE txn (id TEXT NOT NULL PRIMARY KEY, event TEXT NOT NULL);
    ",
}];

const KNOWN: &str = "SELECT event FROM txn WHERE id = $1";
const DEPTH: &str = "SELECT depth FROM room WHERE id = $1";
const EVENT: &str = "INSERT INTO event (id, room, position, body) VALUES ($1, $2, $3, $4)";
const TXN: &str = "INSERT INTO txn (id, event) VALUES ($1, $2)";
const DEEPER: &str = "INSERT INTO room (id, depth) VALUES ($1, 1)
    ON CONFLICT (id) DO UPDATE SET depth = room.depth + 1";
const READ: &str = "SELECT id, body FROM event WHERE room = $1 ORDER BY position DESC LIMIT 1";

async fn send(db: &Db, room: i64, number: i64) -> Result<i64, DbError> {
    db.write(move |tx| {
        Box::pin(async move {
            let (room, event) = (format!("!room{room}"), format!("$event{room}-{number}"));
            let txn = format!("txn-{room}-{number}");
            if tx.fetch_optional(KNOWN, params![&txn]).await?.is_some() {
                return Ok(0);
            }
            tx.fetch_optional(DEPTH, params![&room]).await?;
            let position = tx.next_position("events");
            let body = "x".repeat(500);
            tx.execute(EVENT, params![&event, &room, position, body]).await?;
            tx.execute(TXN, params![&txn, &event]).await?;
            tx.execute(DEEPER, params![&room]).await?;
            Ok(position)
        })
    })
    .await
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "this program's purpose is to print figures")]
async fn main() -> Result<(), DbError> {
    for place in test_locations() {
        let db = Arc::new(place.open(MIGRATIONS).await);
        for senders in [1, 16, 64] {
            let (before, started) = (db.stats(), Instant::now());
            let each = 4000 / senders;
            let tracker = tokio_util::task::TaskTracker::new();
            for room in 0..senders {
                let db = Arc::clone(&db);
                tracker.spawn(async move {
                    for number in 0..each {
                        send(&db, senders * 1000 + room, number).await.expect("the write works");
                    }
                });
            }
            tracker.close();
            tracker.wait().await;
            let (after, seconds) = (db.stats(), started.elapsed().as_secs_f64());
            let jobs = after.jobs - before.jobs;
            println!(
                "{}: {senders} senders: {:.0} jobs/s, {} jobs in {} commits, writer busy {:.0} %",
                place.name,
                jobs as f64 / seconds,
                jobs,
                after.commits - before.commits,
                (after.busy_us - before.busy_us) as f64 / seconds / 10_000.0,
            );
        }
        let started = Instant::now();
        for _ in 0..4000 {
            db.fetch_optional(READ, params!["!room1000"]).await?;
        }
        println!(
            "{}: {:.0} reads/s, one after the other",
            place.name,
            4000.0 / started.elapsed().as_secs_f64()
        );
        db.close().await;
    }
    Ok(())
}
