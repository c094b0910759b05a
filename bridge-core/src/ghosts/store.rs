//! Ghosts as they are stored.

use support_db::{Db, DbError, params};

use crate::ids::{NetworkId, RemoteUserId};
use crate::jobs::job;

pub(super) struct GhostRow {
    pub(super) registered: bool,
    pub(super) name: Option<String>,
}

const FIND: &str = "SELECT registered, name
    FROM ghost
    WHERE network = $1 AND remote_id = $2";

const FIND_BY_MXID: &str = "SELECT remote_id
    FROM ghost
    WHERE mxid = $1";

const INSERT: &str = "INSERT INTO ghost (network, remote_id, mxid, registered)
    VALUES ($1, $2, $3, FALSE)
    ON CONFLICT (network, remote_id) DO NOTHING";

const UP_TO_DATE: &str = "UPDATE ghost
    SET registered = TRUE, name = $3
    WHERE network = $1 AND remote_id = $2";

const ENTERED: &str = "INSERT INTO ghost_room (room_id, mxid)
    VALUES ($1, $2)
    ON CONFLICT (room_id, mxid) DO NOTHING";

const LEFT: &str = "DELETE FROM ghost_room
    WHERE room_id = $1 AND mxid = $2";

const IS_IN: &str = "SELECT mxid
    FROM ghost_room
    WHERE room_id = $1 AND mxid = $2";

const IN_ROOM: &str = "SELECT mxid
    FROM ghost_room
    WHERE room_id = $1
    ORDER BY mxid";

const NAMES: &str = "SELECT g.mxid, g.name
    FROM ghost AS g
    JOIN ghost_room AS r ON r.mxid = g.mxid
    WHERE r.room_id = $1 AND g.name IS NOT NULL";

pub(super) async fn names(db: &Db, room: &str) -> Result<Vec<(String, String)>, DbError> {
    let rows = db.fetch_all(NAMES, params![room]).await?;
    rows.iter().map(|row| Ok((row.get("mxid")?, row.get("name")?))).collect()
}

pub(super) async fn find(
    db: &Db,
    network: &NetworkId,
    user: &RemoteUserId,
) -> Result<Option<GhostRow>, DbError> {
    let row = db.fetch_optional(FIND, params![network.as_str(), user.as_str()]).await?;
    row.map(|row| Ok(GhostRow { registered: row.get("registered")?, name: row.get("name")? }))
        .transpose()
}

pub(super) async fn find_by_mxid(db: &Db, mxid: &str) -> Result<Option<RemoteUserId>, DbError> {
    let row = db.fetch_optional(FIND_BY_MXID, params![mxid]).await?;
    row.map(|row| Ok(RemoteUserId::new(row.get::<String>("remote_id")?))).transpose()
}

pub(super) async fn insert(
    db: &Db,
    network: &NetworkId,
    user: &RemoteUserId,
    mxid: &str,
) -> Result<(), DbError> {
    execute(db, INSERT, [network.as_str(), user.as_str(), mxid]).await
}

pub(super) async fn up_to_date(
    db: &Db,
    network: &NetworkId,
    user: &RemoteUserId,
    name: &str,
) -> Result<(), DbError> {
    execute(db, UP_TO_DATE, [network.as_str(), user.as_str(), name]).await
}

pub(super) async fn entered(db: &Db, mxid: &str, room: &str) -> Result<(), DbError> {
    execute(db, ENTERED, [room, mxid]).await
}

pub(super) async fn left(db: &Db, mxid: &str, room: &str) -> Result<(), DbError> {
    execute(db, LEFT, [room, mxid]).await
}

pub(super) async fn is_in(db: &Db, mxid: &str, room: &str) -> Result<bool, DbError> {
    Ok(db.fetch_optional(IS_IN, params![room, mxid]).await?.is_some())
}

pub(super) async fn in_room(db: &Db, room: &str) -> Result<Vec<String>, DbError> {
    let rows = db.fetch_all(IN_ROOM, params![room]).await?;
    rows.iter().map(|row| row.get("mxid")).collect()
}

async fn execute<const N: usize>(
    db: &Db,
    sql: &'static str,
    values: [&str; N],
) -> Result<(), DbError> {
    let values = values.map(str::to_owned);
    let job = job(move |tx| {
        let values = values.clone();
        Box::pin(async move {
            let values = values.into_iter().map(support_db::IntoValue::into_value).collect();
            tx.execute(sql, support_db::Params::new(values)).await?;
            Ok(())
        })
    });
    db.write(job).await
}
