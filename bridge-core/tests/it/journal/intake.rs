//! What is accepted, and what is remembered of it.

use bridge_core::{
    ids::RemoteChatId,
    network::{Batch, Cursor, RemoteEvent, RemoteEventKind},
};
use http::StatusCode;
use serde_json::{Value, json};

use support_clock::Clock as _;
use support_db::{DbError, params};

use crate::world::{ALICE, World, eventually, network};

fn event(id: &str, room: &str, body: &str) -> Value {
    json!({
        "event_id": id, "room_id": room, "sender": ALICE, "type": "m.room.message",
        "content": { "msgtype": "m.text", "body": body }, "origin_server_ts": 1,
    })
}

#[tokio::test]
async fn transaction_is_durable_when_it_is_answered() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.network.disconnects("test-1").await;
    world.pause_pushing();
    assert_eq!(world.push("t1", vec![event("$1", &room, "kept")]).await, StatusCode::OK);
    world.crash().await;

    world.network.reconnects("test-1").await;
    world.start().await;
    world.resume_pushing();
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["kept"]);
}

const AWAY: &str = "ALTER TABLE journal_row RENAME TO journal_row_away";
const BACK: &str = "ALTER TABLE journal_row_away RENAME TO journal_row";

/// Takes the journal's table away, so that nothing can be stored, or brings it back.
async fn rename(world: &World, statement: &'static str) {
    let renamed = world.db().write(move |tx| {
        Box::pin(async move {
            tx.execute(statement, params![]).await?;
            Ok::<_, DbError>(())
        })
    });
    renamed.await.expect("tables can be renamed");
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_and_comes_again() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.pause_pushing();
    rename(&world, AWAY).await;
    let refused = world.push("t1", vec![event("$1", &room, "kept")]).await;
    assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
    rename(&world, BACK).await;
    assert_eq!(world.push("t1", vec![event("$1", &room, "kept")]).await, StatusCode::OK);
    world.resume_pushing();
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["kept"]);
}

#[tokio::test]
async fn credulous_homeserver_gets_no_answer_before_it_is_stored() {
    let mut world = World::new().with_credulous_homeserver();
    world.start().await;
    let room = world.room("#a").await;
    world.pause_pushing();
    rename(&world, AWAY).await;
    let begun = world.clock.now_ms();
    {
        let mut pushed = std::pin::pin!(world.push("t1", vec![event("$1", &room, "kept")]));
        let clock = &world.clock;
        tokio::select! {
            status = &mut pushed => panic!("it is answered: {status}"),
            () = eventually("five seconds pass", || clock.now_ms() > begun + 5_000) => {}
        }
        rename(&world, BACK).await;
        assert_eq!(pushed.await, StatusCode::OK);
    }
    // Who has no token waits for nothing.
    let router = world.bridge().router();
    rename(&world, AWAY).await;
    let request = http::Request::put("/_matrix/app/v1/transactions/t2")
        .body(axum::body::Body::from("{}"))
        .expect("it is a request");
    let refused = tower::ServiceExt::oneshot(router, request).await.expect("routers answer");
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    rename(&world, BACK).await;
    world.resume_pushing();
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["kept"]);
}

#[tokio::test]
async fn batch_that_grew_under_one_id_brings_what_is_new() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let (one, two) = (event("$1", &room, "one"), event("$2", &room, "two"));
    assert_eq!(world.push("t1", vec![one.clone()]).await, StatusCode::OK);
    assert_eq!(world.push("t1", vec![one.clone(), two.clone()]).await, StatusCode::OK);
    // A homeserver that was restarted counts from the start again.
    assert_eq!(world.push("t1", vec![event("$3", &room, "three")]).await, StatusCode::OK);
    assert_eq!(world.push("t2", vec![one, two]).await, StatusCode::OK);
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["one", "two", "three"]);
}

#[tokio::test]
async fn no_content_makes_a_transaction_fail() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let strange = vec![
        json!({}),
        json!(7),
        json!(null),
        json!([]),
        json!({"event_id": 1, "room_id": [], "type": {}}),
        json!({"event_id": "$x", "room_id": room, "sender": ALICE, "type": "m.room.message"}),
        json!({"event_id": "$y", "room_id": room, "sender": ALICE, "type": "m.room.member",
            "state_key": ALICE, "content": "no"}),
        json!({"event_id": "$z", "room_id": room, "sender": ALICE, "type": "m.room.message",
            "content": {"com.rialto.step": {}, "m.relates_to": [1], "body": {}}}),
        json!({"event_id": "$r", "room_id": room, "sender": ALICE, "type": "m.room.redaction",
            "content": {"redacts": 4}}),
        event("$good", &room, "good"),
    ];
    assert_eq!(world.push("t1", strange.clone()).await, StatusCode::OK);
    assert_eq!(world.push("t1", strange).await, StatusCode::OK);
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["good"]);
}

#[tokio::test]
async fn only_the_homeserver_is_listened_to() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let say = |token: Option<&'static str>| {
        let router = world.bridge().router();
        let body = json!({ "events": [event("$1", &room, "forged")] }).to_string();
        async move {
            use tower::ServiceExt as _;
            let mut request = http::Request::put("/_matrix/app/v1/transactions/t");
            if let Some(token) = token {
                request = request.header("authorization", token);
            }
            let request = request.body(axum::body::Body::from(body)).unwrap();
            router.oneshot(request).await.unwrap().status()
        }
    };
    assert_eq!(say(None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(say(Some("Bearer wrong")).await, StatusCode::FORBIDDEN);
    world.settled().await;
    assert!(world.network.texts("#a").is_empty());
}

#[tokio::test]
async fn cursor_never_moves_back() {
    let mut world = World::new();
    world.start().await;
    world.connected("test-1").await;
    let sink = world.network.sink("test-1").unwrap();
    let at = |order: i64| Batch {
        cursors: vec![Cursor { stream: "s".to_owned(), value: format!("v{order}"), order }],
        ..Batch::default()
    };
    for order in [5, 3, 9, 8] {
        sink.commit(at(order)).await.unwrap();
    }
    assert_eq!(sink.cursor("s").await.unwrap().unwrap().value, "v9");
    assert_eq!(sink.cursor("other").await.unwrap(), None);

    world.crash().await;
    world.start().await;
    world.connected("test-1").await;
    let sink = world.network.sink("test-1").unwrap();
    assert_eq!(sink.cursor("s").await.unwrap().unwrap().order, 9);
}

#[tokio::test]
async fn payloads_are_wiped_when_a_row_is_settled() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.homeserver.say(&room, ALICE, "a secret\nin two lines");
    world
        .network
        .hears("test-1", network::message("#a", "bob", Some("2"), "another"))
        .await
        .unwrap();
    world.settled().await;
    let rows = world.rows("SELECT seq FROM journal_row WHERE payload IS NOT NULL").await;
    assert!(rows.is_empty(), "{rows:?}");
    let steps = world.rows("SELECT row_seq FROM journal_step WHERE payload IS NOT NULL").await;
    assert!(steps.is_empty(), "{steps:?}");
    let outcomes = world.rows("SELECT outcome FROM journal_row WHERE outcome IS NULL").await;
    assert!(outcomes.is_empty());
}

#[tokio::test]
async fn message_taken_back_before_it_was_sent_is_not_sent() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.network.disconnects("test-1").await;
    let regretted = world.homeserver.say(&room, ALICE, "regretted");
    world.homeserver.say(&room, ALICE, "meant");
    crate::world::eventually("it is pushed", || world.homeserver.is_pushed()).await;
    world.homeserver.redact(&room, ALICE, &regretted);
    crate::world::eventually("it is pushed", || world.homeserver.is_pushed()).await;
    let wiped = world.rows("SELECT seq FROM journal_row WHERE payload LIKE '%regretted%'").await;
    assert!(wiped.is_empty(), "{wiped:?}");

    world.network.reconnects("test-1").await;
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["meant"]);
}

#[tokio::test]
async fn news_of_a_chat_nobody_mirrors_is_let_go() {
    let mut world = World::new();
    world.start().await;
    world.connected("test-1").await;
    let mut event = network::message("#elsewhere", "bob", Some("1"), "unheard");
    event.creates = None;
    world.network.hears("test-1", event).await.unwrap();
    let gap = RemoteEvent::new(
        RemoteChatId::new("#elsewhere"),
        RemoteEventKind::BridgeNotice { text: "x".to_owned() },
    );
    world.network.hears("test-1", gap).await.unwrap();
    world.settled().await;
    let rows = world.rows("SELECT outcome, reason FROM journal_row").await;
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.get::<&str>("reason").unwrap() == "no portal"));
}
