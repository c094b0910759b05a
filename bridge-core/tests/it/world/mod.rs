//! The world around a bridge: a homeserver and a network in memory, a database on disk, a clock
//! that runs faster than ours, and a bridge that can be crashed and started again.

pub(crate) mod fuse;
pub(crate) mod homeserver;
pub(crate) mod network;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::Router;
use bridge_core::{Bridge, Crossing, Permission, Permissions, blueprint, ids::NetworkId};
use bytes::Bytes;
use http::{Request, StatusCode};
use registration::Registration;
use serde_json::{Value, json};
use support_clock::{Clock as _, SeededRandom, TestClock};
use support_db::{
    Db, DbError, Row, params,
    testing::{TestPlace, sqlite_place},
};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use self::{
    fuse::Fuse,
    homeserver::Homeserver,
    network::{Connector, Network},
};

/// Alice, who has the login `test-1` with the account `alice`.
pub(crate) const ALICE: &str = "@alice:x";
/// Bert, who has the login `test-2` with the account `bert`.
pub(crate) const BERT: &str = "@bert:x";
/// Carl, who has none.
pub(crate) const CARL: &str = "@carl:x";

const LOGIN: &str = "INSERT INTO login (id, network, number, owner, remote_id, name, metadata,
        sealed, created_at)
    VALUES ($1, 'test', $2, $3, $4, $4, 'null', NULL, 1)
    ON CONFLICT (id) DO NOTHING";
const PUPPETS: &str = "puppet-token-puppet-token-puppet-token";

/// The world.
pub(crate) struct World {
    pub place: TestPlace,
    pub clock: TestClock,
    pub fuse: Arc<Fuse>,
    pub homeserver: Arc<Homeserver>,
    pub network: Arc<Network>,
    pub crossings: Arc<Mutex<Vec<Crossing>>>,
    pub files: tempfile::TempDir,
    registration: Registration,
    idempotent: bool,
    patient: bool,
    admins: Vec<&'static str>,
    puppets: bool,
    seed: u64,
    starts: u64,
    logins: Vec<(&'static str, &'static str)>,
    running: Option<(Bridge, Db)>,
    router: Arc<Mutex<Option<Router>>>,
    busy: Vec<JoinHandle<()>>,
    pump_paused: Arc<AtomicBool>,
    time_stands: Arc<AtomicBool>,
}

impl World {
    /// Makes a world on SQLite with Alice's login.
    pub(crate) fn new() -> Self {
        Self::at(sqlite_place(), 1)
    }

    /// Makes a world at a place.
    pub(crate) fn at(place: TestPlace, seed: u64) -> Self {
        let fuse = Arc::new(Fuse::default());
        let blueprint = blueprint("rialto", "x", "rialtobot").url("http://127.0.0.1:1");
        Self {
            place,
            clock: TestClock::new(),
            homeserver: Homeserver::new(fuse.clone()),
            network: Network::new(fuse.clone()),
            fuse,
            crossings: Arc::default(),
            files: tempfile::tempdir().expect("there is a folder for tests"),
            registration: Registration::generate(blueprint),
            idempotent: true,
            patient: false,
            admins: Vec::new(),
            puppets: true,
            seed,
            starts: 0,
            logins: vec![("alice", ALICE)],
            running: None,
            router: Arc::default(),
            busy: Vec::new(),
            pump_paused: Arc::default(),
            time_stands: Arc::default(),
        }
    }

    /// The homeserver does not remember transaction ids for good.
    pub(crate) fn with_forgetful_homeserver(mut self) -> Self {
        self.idempotent = false;
        self
    }

    /// The homeserver may take any answer for a delivery.
    pub(crate) fn with_credulous_homeserver(mut self) -> Self {
        self.patient = true;
        self
    }

    /// No second registration lets the bridge act as people.
    pub(crate) fn without_puppets(mut self) -> Self {
        self.puppets = false;
        self
    }

    /// A person is an admin.
    pub(crate) fn with_admin(mut self, who: &'static str) -> Self {
        self.admins.push(who);
        self
    }

    /// Bert has a login, too.
    pub(crate) fn with_bert(mut self) -> Self {
        self.logins.push(("bert", BERT));
        self
    }

    /// Alice has another login, `test-2` with the account `alice2`.
    pub(crate) fn with_second_account(mut self) -> Self {
        self.logins.push(("alice2", ALICE));
        self
    }

    /// Starts, or starts again.
    pub(crate) async fn start(&mut self) {
        self.starts += 1;
        let db = self.place.open(Bridge::migrations()).await;
        for (number, (account, owner)) in (1_i64..).zip(self.logins.clone()) {
            db.write(move |tx| {
                Box::pin(async move {
                    let id = format!("test-{number}");
                    tx.execute(LOGIN, params![id, number, owner, account]).await?;
                    Ok::<_, DbError>(())
                })
            })
            .await
            .unwrap();
        }
        let crossings = self.crossings.clone();
        let puppets = self.puppets.then(|| registration::Token::from(PUPPETS.to_owned()));
        let bridge = Bridge::builder()
            .database(db.clone())
            .registration(self.registration.clone())
            .server_name("x")
            .transport(self.homeserver.clone())
            .idempotent_homeserver(self.idempotent)
            .answer_only_when_stored(self.patient)
            .double_puppets(puppets)
            .sealing_key([3; 32])
            .permissions(self.permissions())
            .spool(bridge_core::SpoolOptions::new(self.files.path()))
            .public_url(Some("https://bridge.example.org".parse().unwrap()))
            .clock(Arc::new(self.clock.clone()))
            .random(Arc::new(SeededRandom::new(self.seed * 1000 + self.starts)))
            .network(NetworkId::new("test"), Arc::new(Connector(self.network.clone())))
            .observer(Arc::new(move |crossing| crossings.lock().unwrap().push(crossing.clone())))
            .build()
            .await
            .unwrap();
        *self.router.lock().unwrap() = Some(bridge.router());
        bridge.start().await.unwrap();
        self.running = Some((bridge, db));
        if self.busy.is_empty() {
            self.keep_busy();
        }
    }

    fn permissions(&self) -> Permissions {
        let people = [("*", Permission::Relay), ("x", Permission::User)].into_iter();
        let admins = self.admins.iter().map(|who| (*who, Permission::Admin));
        Permissions::new(people.chain(admins).map(|(who, what)| (who.to_owned(), what)).collect())
    }

    /// What goes on beside the bridge: time, pushes of the homeserver, echoes of the network.
    fn keep_busy(&mut self) {
        let tracker = TaskTracker::new();
        let (clock, stands) = (self.clock.clone(), self.time_stands.clone());
        self.busy.push(tracker.spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                if !stands.load(Ordering::Relaxed) {
                    clock.advance(Duration::from_millis(20));
                }
            }
        }));
        let (homeserver, router) = (self.homeserver.clone(), self.router.clone());
        let (token, paused) =
            (self.registration.hs_token.expose().to_owned(), self.pump_paused.clone());
        self.busy.push(tracker.spawn(async move {
            let mut number = 0;
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                let events = homeserver.to_push(20);
                let open = router.lock().unwrap().clone();
                let Some(open) = open.filter(|_| !paused.load(Ordering::Relaxed)) else { continue };
                if events.is_empty() {
                    continue;
                }
                number += 1;
                let count = events.len();
                let status = push(open, &token, &format!("t{number}"), events).await;
                if status == StatusCode::OK {
                    homeserver.pushed(count);
                }
            }
        }));
        let network = self.network.clone();
        self.busy.push(tracker.spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                network.deliver_echoes().await;
            }
        }));
    }

    /// Pushes events by hand, under a transaction id; returns the answer's status.
    pub(crate) async fn push(&self, txn: &str, events: Vec<Value>) -> StatusCode {
        let router = self.router.lock().unwrap().clone().expect("the bridge runs");
        push(router, self.registration.hs_token.expose(), txn, events).await
    }

    /// Pushes a whole body.
    pub(crate) async fn push_body(&self, txn: &str, body: Value) -> StatusCode {
        let router = self.router.lock().unwrap().clone().expect("the bridge runs");
        push_whole(router, self.registration.hs_token.expose(), txn, body).await
    }

    /// Pushes a body to a router.
    pub(crate) async fn push_to(&self, router: Router, txn: &str, body: Value) -> StatusCode {
        let events = body["events"].as_array().cloned().unwrap_or_default();
        push(router, self.registration.hs_token.expose(), txn, events).await
    }

    /// The homeserver pushes nothing by itself.
    pub(crate) fn pause_pushing(&self) {
        self.pump_paused.store(true, Ordering::Relaxed);
    }

    /// The clock stands still until it is advanced.
    pub(crate) fn stop_time(&self) {
        self.time_stands.store(true, Ordering::Relaxed);
    }

    /// The homeserver pushes again.
    pub(crate) fn resume_pushing(&self) {
        self.pump_paused.store(false, Ordering::Relaxed);
    }

    /// Everything stops where it is.
    pub(crate) async fn crash(&mut self) {
        *self.router.lock().unwrap() = None;
        if let Some((bridge, db)) = self.running.take() {
            bridge.halt().await;
            db.close().await;
        }
        self.network.forget_sinks();
    }

    /// Stops as an operator would.
    pub(crate) async fn stop(&mut self, deadline: Duration) {
        *self.router.lock().unwrap() = None;
        if let Some((bridge, db)) = self.running.take() {
            bridge.stop(deadline).await;
            db.close().await;
        }
        self.network.forget_sinks();
    }

    pub(crate) fn bridge(&self) -> &Bridge {
        &self.running.as_ref().expect("the bridge runs").0
    }

    pub(crate) fn db(&self) -> &Db {
        &self.running.as_ref().expect("the bridge runs").1
    }

    /// Runs a query.
    pub(crate) async fn rows(&self, sql: &'static str) -> Vec<Row> {
        self.db().fetch_all(sql, params![]).await.unwrap()
    }

    /// Bob says something in a chat, so that it has a room in which Alice is.
    pub(crate) async fn room(&self, chat: &str) -> String {
        self.connected("test-1").await;
        let event = network::message(chat, "bob", Some(&format!("first {chat}")), "hello");
        self.network.hears("test-1", event).await.unwrap();
        self.settled().await;
        let room = self
            .rows("SELECT room_id, chat FROM portal_room r JOIN portal p ON p.id = r.portal_id")
            .await;
        let room = room.iter().find(|row| row.get::<&str>("chat").unwrap() == chat);
        room.expect("the portal has a room").get("room_id").unwrap()
    }

    /// Waits until a login has connected.
    pub(crate) async fn connected(&self, login: &str) {
        eventually("the login connects", || self.network.sink(login).is_some()).await;
    }

    /// Waits until nothing is left to do anywhere.
    pub(crate) async fn settled(&self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let quiet = || self.homeserver.is_pushed() && !self.network.has_echoes();
            if quiet() {
                let backlog = self.bridge().backlog().await.unwrap();
                if backlog.rows == 0 && quiet() {
                    return;
                }
                if tokio::time::Instant::now() > deadline {
                    let rows = self
                        .rows(
                            "SELECT seq, lane, kind, state, waits_for, next_at, attempts, reason
                            FROM journal_row WHERE state <> 'settled'",
                        )
                        .await;
                    let steps = self
                        .rows(
                            "SELECT row_seq, step, state, attempts, next_at, deadline, reason
                            FROM journal_step WHERE state NOT IN ('sent', 'failed')",
                        )
                        .await;
                    panic!("not settled at {}: {rows:#?} {steps:#?}", self.clock.now_ms());
                }
            }
            assert!(tokio::time::Instant::now() < deadline + PATIENCE, "the world is not quiet");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for task in &self.busy {
            task.abort();
        }
    }
}

async fn push(router: Router, token: &str, txn: &str, events: Vec<Value>) -> StatusCode {
    push_whole(router, token, txn, json!({ "events": events })).await
}

async fn push_whole(router: Router, token: &str, txn: &str, body: Value) -> StatusCode {
    let body = body.to_string();
    let request = Request::put(format!("/_matrix/app/v1/transactions/{txn}"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(axum::body::Body::from(Bytes::from(body)))
        .unwrap();
    router.oneshot(request).await.unwrap().status()
}

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
