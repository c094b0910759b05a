//! What the stories share: a small schema and a way to run a story on every database.

use std::{future::Future, time::Duration};

use support_db::{
    Db, DbError, Migration, params,
    testing::{TestPlace, test_locations},
};

pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "0001_notes",
    sqlite: "
        CREATE TABLE note (
            id BIGINT NOT NULL PRIMARY KEY,
            text TEXT,
            bytes BLOB,
            flag BOOLEAN NOT NULL DEFAULT FALSE,
            parent BIGINT REFERENCES note (id),
            CHECK (id >= 0)
        );
        CREATE UNIQUE INDEX note_text ON note (text);
        CREATE TABLE counter (
            name TEXT NOT NULL PRIMARY KEY,
            value BIGINT NOT NULL
        );
    ",
    postgres: "
        CREATE TABLE note (
            id BIGINT NOT NULL PRIMARY KEY,
            text TEXT,
            bytes BYTEA,
            flag BOOLEAN NOT NULL DEFAULT FALSE,
            parent BIGINT REFERENCES note (id),
            CHECK (id >= 0)
        );
        CREATE UNIQUE INDEX note_text ON note (text);
        CREATE TABLE counter (
            name TEXT NOT NULL PRIMARY KEY,
            value BIGINT NOT NULL
        );
    ",
}];

pub(crate) const ADD_NOTE: &str = "INSERT INTO note (id, text) VALUES ($1, $2)";
pub(crate) const COUNT_NOTES: &str = "SELECT COUNT(*) AS count FROM note";
pub(crate) const COUNT_UP: &str = "INSERT INTO counter (name, value) VALUES ($1, 1)
    ON CONFLICT (name) DO UPDATE SET value = counter.value + 1
    RETURNING value";
pub(crate) const COUNTER: &str = "SELECT value FROM counter WHERE name = $1";

/// Tells a story on every database, each on a fresh place.
pub(crate) async fn everywhere<F: Future<Output = ()>>(story: impl Fn(TestPlace) -> F) {
    for place in test_locations() {
        story(place).await;
    }
}

/// Like [`everywhere`], with the place opened.
pub(crate) async fn on_each<F: Future<Output = ()>>(story: impl Fn(Db) -> F) {
    everywhere(|place| async {
        let db = place.open(MIGRATIONS).await;
        in_time(story(db.clone())).await;
        in_time(db.close()).await;
        drop(place);
    })
    .await;
}

/// Fails a story that hangs instead of hanging with it.
pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("the story came to its end")
}

pub(crate) async fn add_note(db: &Db, id: i64, text: &str) -> Result<u64, DbError> {
    let text = text.to_owned();
    db.write(move |tx| {
        let text = text.clone();
        Box::pin(async move { tx.execute(ADD_NOTE, params![id, text]).await })
    })
    .await
}

pub(crate) async fn notes(db: &Db) -> i64 {
    db.fetch_one(COUNT_NOTES, params![]).await.unwrap().get("count").unwrap()
}

pub(crate) async fn count_up(db: &Db, name: &'static str) -> Result<i64, DbError> {
    db.write(move |tx| {
        Box::pin(async move { tx.fetch_one(COUNT_UP, params![name]).await?.get("value") })
    })
    .await
}

pub(crate) async fn counter(db: &Db, name: &str) -> i64 {
    let row = db.fetch_optional(COUNTER, params![name]).await.unwrap();
    row.map_or(0, |row| row.get("value").unwrap())
}
