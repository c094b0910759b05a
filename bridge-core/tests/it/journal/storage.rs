//! Storage in trouble under a running bridge: a full disk, and a server that is killed. What was
//! accepted arrives once and in order; what could not be accepted is refused, and comes again.

use std::time::Duration;

use bridge_core::network::{Batch, RemoteEvent};
use http::StatusCode;
use serde_json::{Value, json};
use support_db::{DbError, params, testing::postgres_place};
use test_daemons::postgres::{Postgres, find_programs};

use crate::world::{ALICE, World, network::message};

const FULL: &str = "PRAGMA max_page_count = 1";
const ROOM_AGAIN: &str = "PRAGMA max_page_count = 1073741823";

async fn pragma(world: &World, sql: &'static str) {
    let set = world.db().write::<_, DbError, _>(move |tx| Box::pin(tx.fetch_all(sql, params![])));
    set.await.expect("the limit can be set");
}

fn event(number: usize, room: &str, body: &str) -> Value {
    json!({
        "event_id": format!("$full{number}"), "room_id": room, "sender": ALICE,
        "type": "m.room.message", "content": { "msgtype": "m.text", "body": body },
        "origin_server_ts": 1,
    })
}

/// A text that takes some pages.
fn long(text: &str) -> String {
    format!("{text} {}", "x".repeat(20_000))
}

fn heard(world: &World, room: &str) -> Vec<String> {
    let said = world.homeserver.said(room).into_iter();
    said.filter_map(|line| line.strip_prefix("_rialto_test_bob: ").map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_refuses_what_it_cannot_keep_and_loses_nothing() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.pause_pushing();
    // What waits for its login keeps its place on the disk.
    world.network.disconnects("test-1").await;
    pragma(&world, FULL).await;

    let mut expected = Vec::new();
    let refused = loop {
        let number = expected.len();
        assert!(number < 200, "the disk was never full");
        expected.push(long(&format!("out {number}")));
        let event = event(number, &room, &expected[number]);
        match world.push(&format!("full{number}"), vec![event.clone()]).await {
            StatusCode::OK => {}
            status => {
                assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
                break event;
            }
        }
    };
    let mut news = Vec::new();
    loop {
        let text = long(&format!("in {}", news.len()));
        let id = format!("n{}", news.len());
        let said = message("#a", "bob", Some(&id), &text);
        news.push(text);
        if world.network.hears("test-1", said.clone()).await.is_err() {
            break;
        }
        assert!(news.len() < 200, "the disk was never full");
    }
    assert_eq!(world.push("full-again", vec![refused.clone()]).await.as_u16(), 503);
    assert!(world.network.texts("#a").is_empty());

    pragma(&world, ROOM_AGAIN).await;
    assert_eq!(world.push("full-again", vec![refused]).await, StatusCode::OK);
    let last = news.len() - 1;
    let said = message("#a", "bob", Some(&format!("n{last}")), &news[last]);
    world.network.hears("test-1", said).await.expect("there is room again");
    world.network.reconnects("test-1").await;
    world.resume_pushing();
    world.settled().await;
    assert_eq!(world.network.texts("#a"), expected);
    news.insert(0, "hello".to_owned());
    assert_eq!(heard(&world, &room), news);
    for number in 0..expected.len() {
        let statuses = world.homeserver.statuses(&room, &format!("$full{number}"));
        assert_eq!(statuses, ["sent"], "message {number}");
    }
}

/// Messages both ways, and what is to be found in the end.
struct Traffic {
    room: String,
    sent: Vec<(String, String)>,
    news: Vec<String>,
}

impl Traffic {
    /// Alice says something, and has what Bob says waiting at the network.
    fn say(&mut self, world: &World, count: usize) -> Vec<RemoteEvent> {
        let mut events = Vec::new();
        for _ in 0..count {
            let number = self.sent.len();
            let text = format!("out {number}");
            self.sent.push((world.homeserver.say(&self.room, ALICE, &text), text));
            let text = format!("in {number}");
            events.push(message("#a", "bob", Some(&format!("n{number}")), &text));
            self.news.push(text);
        }
        events
    }

    async fn arrives(&self, world: &World) {
        world.settled().await;
        let texts: Vec<&str> = self.sent.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(world.network.texts("#a"), texts);
        assert_eq!(heard(world, &self.room), self.news);
        for (event, text) in &self.sent {
            assert_eq!(world.homeserver.statuses(&self.room, event), ["sent"], "{text}");
        }
    }
}

/// Delivers what the network has, again and again until it is taken, as a network does that redelivers
/// what was not acknowledged.
async fn feed(world: &World, events: Vec<RemoteEvent>) {
    for event in events {
        loop {
            let sink = world.network.sink("test-1");
            let taken = match sink {
                Some(sink) => sink.commit(Batch::event(event.clone())).await.is_ok(),
                None => false,
            };
            if taken {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Kills a process that serves one of our connections; the server drops them all and recovers.
fn kill_a_backend(cluster: &Postgres) {
    let sql = "SELECT pid FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1";
    let pid = cluster.query("postgres", sql).expect("the server tells its connections");
    let killed = std::process::Command::new("kill").args(["-9", pid.trim()]).status();
    assert!(killed.expect("kill can be run").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "a test that did not run has to say so")]
async fn killed_postgresql_loses_and_doubles_nothing_in_either_direction() {
    if find_programs().is_none() {
        let all = std::env::var("RIALTO_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!all, "no PostgreSQL server programs found, but everything is required");
        eprintln!("not run: no PostgreSQL server programs found");
        return;
    }
    let folder = tempfile::tempdir().expect("there is a folder for tests");
    let mut cluster = Postgres::start_in(folder.path()).expect("the server starts");
    let mut world = World::at(postgres_place(cluster.url()), 1);
    world.start().await;
    let room = world.room("#a").await;
    let mut traffic = Traffic { room, sent: Vec::new(), news: vec!["hello".to_owned()] };

    // The server goes, while messages go both ways, and comes back.
    for round in 0..3 {
        let events = traffic.say(&world, 12);
        let (cluster, world) = (&mut cluster, &world);
        let kill = async move {
            tokio::time::sleep(Duration::from_millis(10 + 25 * round)).await;
            tokio::task::block_in_place(|| cluster.restart()).expect("the server starts again");
        };
        tokio::join!(kill, feed(world, events));
        traffic.arrives(world).await;
    }

    // One of its processes goes, and it drops everybody.
    let events = traffic.say(&world, 12);
    let kill = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        tokio::task::block_in_place(|| kill_a_backend(&cluster));
    };
    tokio::join!(kill, feed(&world, events));
    // The server takes nobody for a moment.
    while world.bridge().backlog().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    traffic.arrives(&world).await;

    // The server goes, and then the bridge without having been able to store anything.
    let events = traffic.say(&world, 12);
    tokio::select! {
        () = feed(&world, events.clone()) => {}
        () = tokio::time::sleep(Duration::from_millis(40)) => {}
    }
    tokio::task::block_in_place(|| cluster.kill()).expect("the server can be killed");
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.crash().await;
    tokio::task::block_in_place(|| cluster.start()).expect("the server starts again");
    world.start().await;
    feed(&world, events).await;
    traffic.arrives(&world).await;
    world.crash().await;
}
