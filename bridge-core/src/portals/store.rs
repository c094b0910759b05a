//! Portals as they are stored. Reads outside a job and inside one use the same statements.

use support_db::{Db, DbError, Row, Tx, params};

use super::Portal;
use crate::ids::{LoginId, NetworkId, PortalKey, RemoteChatId};
use crate::network::{ChatInfo, ChatKind, Disappearing};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.network, p.chat, p.receiver, p.kind, p.name, p.topic, p.avatar,
                p.disappearing, p.listener, p.relay, r.room_id
            FROM portal p
            LEFT JOIN portal_room r ON r.portal_id = p.id AND r.ready
            ",
            $rest,
            " ORDER BY p.id, r.own DESC, r.created_at, r.room_id"
        )
    };
}

const BY_ID: &str =
    select!("WHERE p.id = COALESCE((SELECT m.merged_into FROM portal m WHERE m.id = $1), $1)");
const BY_KEY: &str = select!(
    "WHERE p.id = COALESCE(
        (SELECT k.id FROM portal k WHERE k.network = $1 AND k.chat = $2 AND k.receiver = $3),
        (SELECT a.portal_id FROM portal_alias a
            WHERE a.network = $1 AND a.chat = $2 AND a.receiver = $3))"
);
const BY_ROOM: &str =
    select!("WHERE p.id IN (SELECT l.portal_id FROM portal_room l WHERE l.room_id = $1)");

const INSERT: &str = "INSERT INTO portal (id, network, chat, receiver, kind, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)";

const ADD_LOGIN: &str = "INSERT INTO portal_login (portal_id, login_id, created_at)
    VALUES ($1, $2, $3)
    ON CONFLICT (portal_id, login_id) DO NOTHING";

const REMOVE_LOGIN: &str = "DELETE FROM portal_login
    WHERE portal_id = $1 AND login_id = $2";

const GIVE_UP_LISTENING: &str = "UPDATE portal
    SET listener = NULL
    WHERE id = $1 AND listener = $2";

const LISTENER: &str = "SELECT listener FROM portal WHERE id = $1";

const SET_LISTENER: &str = "UPDATE portal SET listener = $2 WHERE id = $1";

const LOGINS: &str = "SELECT login_id
    FROM portal_login
    WHERE portal_id = $1
    ORDER BY created_at, login_id";

const SET_INFO: &str = "UPDATE portal
    SET kind = COALESCE($2, kind), name = COALESCE($3, name), topic = COALESCE($4, topic)
    WHERE id = $1";

const SET_SHOWN: &str = "UPDATE portal
    SET avatar = COALESCE($2, avatar), disappearing = COALESCE($3, disappearing)
    WHERE id = $1";

const ADD_ROOM: &str = "INSERT INTO portal_room (portal_id, room_id, own, ready, created_at)
    VALUES ($1, $2, TRUE, FALSE, $3)
    ON CONFLICT (portal_id, room_id) DO NOTHING";

const ROOM_READY: &str = "UPDATE portal_room
    SET ready = TRUE
    WHERE portal_id = $1 AND room_id = $2";

const PLUMB: &str = "INSERT INTO portal_room (portal_id, room_id, own, ready, created_at)
    VALUES ($1, $2, FALSE, TRUE, $3)
    ON CONFLICT (portal_id, room_id) DO NOTHING";

const UNPLUMB: &str = "DELETE FROM portal_room
    WHERE portal_id = $1 AND room_id = $2 AND NOT own";

const NO_RELAY_WITHOUT_ROOM: &str = "UPDATE portal
    SET relay = NULL
    WHERE id = $1
        AND NOT EXISTS (SELECT 1 FROM portal_room r WHERE r.portal_id = portal.id AND NOT r.own)";

const PLUMBED_IN: &str = "SELECT portal_id
    FROM portal_room
    WHERE room_id = $1 AND NOT own";

const SET_RELAY: &str = "UPDATE portal SET relay = $2 WHERE id = $1";

pub(super) async fn plumb(tx: &mut Tx, portal: i64, room: &str, now: i64) -> Result<(), DbError> {
    tx.execute(PLUMB, params![portal, room, now]).await.map(drop)
}

/// Unlinks a room; with the last one, nobody speaks for others any more.
pub(super) async fn unplumb(tx: &mut Tx, portal: i64, room: &str) -> Result<(), DbError> {
    tx.execute(UNPLUMB, params![portal, room]).await?;
    tx.execute(NO_RELAY_WITHOUT_ROOM, params![portal]).await.map(drop)
}

pub(super) async fn plumbed_in(db: &Db, room: &str) -> Result<Vec<i64>, DbError> {
    let rows = db.fetch_all(PLUMBED_IN, params![room]).await?;
    rows.iter().map(|row| row.get("portal_id")).collect()
}

pub(super) async fn set_relay(
    tx: &mut Tx,
    portal: i64,
    login: Option<&LoginId>,
) -> Result<(), DbError> {
    tx.execute(SET_RELAY, params![portal, login.map(LoginId::as_str)]).await.map(drop)
}

pub(super) async fn by_id(db: &Db, id: i64) -> Result<Option<Portal>, DbError> {
    Ok(portals(&db.fetch_all(BY_ID, params![id]).await?)?.pop())
}

pub(super) async fn by_key(db: &Db, key: &PortalKey) -> Result<Option<Portal>, DbError> {
    let (network, chat, receiver) = columns(key);
    Ok(portals(&db.fetch_all(BY_KEY, params![network, chat, receiver]).await?)?.pop())
}

pub(super) async fn by_room(db: &Db, room: &str) -> Result<Vec<Portal>, DbError> {
    portals(&db.fetch_all(BY_ROOM, params![room]).await?)
}

pub(super) async fn find(tx: &mut Tx, key: &PortalKey) -> Result<Option<Portal>, DbError> {
    let (network, chat, receiver) = columns(key);
    Ok(portals(&tx.fetch_all(BY_KEY, params![network, chat, receiver]).await?)?.pop())
}

pub(super) async fn insert(
    tx: &mut Tx,
    id: i64,
    key: &PortalKey,
    kind: ChatKind,
    now: i64,
) -> Result<(), DbError> {
    let (network, chat, receiver) = columns(key);
    let values = params![id, network, chat, receiver, kind_name(kind), now];
    tx.execute(INSERT, values).await.map(drop)
}

pub(super) async fn add_login(
    tx: &mut Tx,
    portal: i64,
    login: &LoginId,
    now: i64,
) -> Result<(), DbError> {
    tx.execute(ADD_LOGIN, params![portal, login.as_str(), now]).await.map(drop)
}

pub(super) async fn remove_login(tx: &mut Tx, portal: i64, login: &LoginId) -> Result<(), DbError> {
    tx.execute(REMOVE_LOGIN, params![portal, login.as_str()]).await?;
    tx.execute(GIVE_UP_LISTENING, params![portal, login.as_str()]).await.map(drop)
}

pub(super) async fn listener(tx: &mut Tx, portal: i64) -> Result<Option<LoginId>, DbError> {
    let row = tx.fetch_one(LISTENER, params![portal]).await?;
    Ok(row.get::<Option<String>>("listener")?.map(LoginId::new))
}

pub(super) async fn set_listener(tx: &mut Tx, portal: i64, login: &LoginId) -> Result<(), DbError> {
    tx.execute(SET_LISTENER, params![portal, login.as_str()]).await.map(drop)
}

pub(super) async fn logins_of(db: &Db, portal: i64) -> Result<Vec<LoginId>, DbError> {
    let rows = db.fetch_all(LOGINS, params![portal]).await?;
    rows.iter().map(|row| Ok(LoginId::new(row.get::<String>("login_id")?))).collect()
}

/// Writes what is known; what is `None` stays as it is.
pub(super) async fn set_info(tx: &mut Tx, portal: i64, info: &ChatInfo) -> Result<(), DbError> {
    let kind = info.kind.map(kind_name);
    tx.execute(SET_INFO, params![portal, kind, &info.name, &info.topic]).await.map(drop)
}

/// Writes what rooms show now that is compared before it is shown again.
pub(super) async fn set_shown(tx: &mut Tx, portal: i64, info: &ChatInfo) -> Result<(), DbError> {
    let avatar = info.avatar.as_ref().map(super::plan::picture_name);
    let timer = info.disappearing.as_ref();
    let timer = timer.map(|timer| serde_json::to_string(timer).expect("it has text keys only"));
    if avatar.is_none() && timer.is_none() {
        return Ok(());
    }
    tx.execute(SET_SHOWN, params![portal, avatar, timer]).await.map(drop)
}

pub(super) async fn add_room(
    tx: &mut Tx,
    portal: i64,
    room: &str,
    now: i64,
) -> Result<(), DbError> {
    tx.execute(ADD_ROOM, params![portal, room, now]).await.map(drop)
}

pub(super) async fn room_ready(tx: &mut Tx, portal: i64, room: &str) -> Result<(), DbError> {
    tx.execute(ROOM_READY, params![portal, room]).await.map(drop)
}

fn columns(key: &PortalKey) -> (&str, &str, &str) {
    let receiver = key.receiver.as_ref().map_or("", LoginId::as_str);
    (key.network.as_str(), key.chat.as_str(), receiver)
}

/// Gathers rows of (portal, room) into portals.
fn portals(rows: &[Row]) -> Result<Vec<Portal>, DbError> {
    let mut portals: Vec<Portal> = Vec::new();
    for row in rows {
        let id: i64 = row.get("id")?;
        if portals.last().is_none_or(|last| last.id != id) {
            portals.push(portal(id, row)?);
        }
        let room: Option<String> = row.get("room_id")?;
        if let (Some(portal), Some(room)) = (portals.last_mut(), room) {
            portal.rooms.push(room);
        }
    }
    Ok(portals)
}

fn portal(id: i64, row: &Row) -> Result<Portal, DbError> {
    let receiver: String = row.get("receiver")?;
    let key = PortalKey {
        network: NetworkId::new(row.get::<String>("network")?),
        chat: RemoteChatId::new(row.get::<String>("chat")?),
        receiver: (!receiver.is_empty()).then(|| LoginId::new(receiver)),
    };
    Ok(Portal {
        id,
        key,
        kind: kind_of(row.get("kind")?),
        name: row.get("name")?,
        topic: row.get("topic")?,
        avatar: row.get("avatar")?,
        disappearing: timer(row.get::<Option<&str>>("disappearing")?),
        listener: row.get::<Option<String>>("listener")?.map(LoginId::new),
        relay: row.get::<Option<String>>("relay")?.map(LoginId::new),
        rooms: Vec::new(),
    })
}

/// What cannot be read is for good: nothing disappears by mistake.
fn timer(stored: Option<&str>) -> Disappearing {
    stored.and_then(|stored| serde_json::from_str(stored).ok()).unwrap_or_default()
}

fn kind_name(kind: ChatKind) -> &'static str {
    match kind {
        ChatKind::Direct => "direct",
        ChatKind::Group => "group",
        ChatKind::Space => "space",
    }
}

fn kind_of(name: &str) -> ChatKind {
    match name {
        "direct" => ChatKind::Direct,
        "space" => ChatKind::Space,
        _ => ChatKind::Group,
    }
}
