//! What only a server can do to us: go away at any moment, come back, or not let us in.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use futures_util::{FutureExt as _, future::join_all};
use support_clock::{OsRandom, Random as _};
use support_db::{
    Db, DbError, Location, OpenError, params,
    testing::{TestPlace, options, postgres_url, test_locations},
};

use crate::{
    house::{ADD_NOTE, COUNT_UP, MIGRATIONS, add_note, count_up, counter, in_time, notes},
    proxy::{Commit, Proxy},
    server::Server,
};

/// A database reached through a wire that can be cut.
struct House {
    place: TestPlace,
    proxy: Proxy,
    db: Db,
}

async fn house() -> Option<House> {
    let place = test_locations().into_iter().find(|place| place.name == "postgres")?;
    let (url, schema) = place.server();
    let proxy = Proxy::to(url).await;
    let location = Location::postgres(proxy.url(url), schema);
    let db = Db::open(location, MIGRATIONS, options("the house")).await.unwrap();
    Some(House { place, proxy, db })
}

impl House {
    async fn end(self) {
        in_time(self.db.close()).await;
        in_time(self.proxy.end()).await;
    }
}

/// Counts up; also counts how often the job ran and how often what follows its commit did.
async fn count_runs(
    db: &Db,
    runs: &Arc<AtomicUsize>,
    hooks: &Arc<AtomicUsize>,
) -> Result<i64, DbError> {
    let (runs, hooks) = (Arc::clone(runs), Arc::clone(hooks));
    db.write(move |tx| {
        let hooks = Arc::clone(&hooks);
        runs.fetch_add(1, SeqCst);
        Box::pin(async move {
            tx.after_commit(move || {
                hooks.fetch_add(1, SeqCst);
            });
            tx.next_position("events");
            tx.fetch_one(COUNT_UP, params!["n"]).await?.get("value")
        })
    })
    .await
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_not_done_twice() {
    let Some(house) = house().await else { return };
    let (runs, hooks) = (Arc::default(), Arc::default());
    house.proxy.next_commit(Commit::LosesItsAnswer);
    assert_eq!(in_time(count_runs(&house.db, &runs, &hooks)).await, Ok(1));
    assert_eq!((runs.load(SeqCst), hooks.load(SeqCst)), (1, 1));
    assert_eq!(counter(&house.db, "n").await, 1);
    assert_eq!(house.db.committed("events"), 1);
    assert_eq!(house.db.stats().repeated_batches, 0);
    assert_eq!(in_time(count_runs(&house.db, &runs, &hooks)).await, Ok(2));
    house.end().await;
}

#[tokio::test]
async fn a_commit_that_never_arrived_is_done_again() {
    let Some(house) = house().await else { return };
    let (runs, hooks) = (Arc::default(), Arc::default());
    house.proxy.next_commit(Commit::NeverArrives);
    assert_eq!(in_time(count_runs(&house.db, &runs, &hooks)).await, Ok(1));
    assert_eq!((runs.load(SeqCst), hooks.load(SeqCst)), (2, 1));
    assert_eq!(counter(&house.db, "n").await, 1);
    assert!(house.db.committed("events") > 0);
    assert_eq!(house.db.stats().repeated_batches, 1);
    house.end().await;
}

#[tokio::test]
async fn a_session_that_is_terminated_between_statements_costs_nothing() {
    const SUICIDE: &str = "SELECT pg_terminate_backend(pg_backend_pid()) AS ended";
    let Some(house) = house().await else { return };
    let runs = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&runs);
    let write = house.db.write::<i64, DbError, _>(move |tx| {
        let first = seen.fetch_add(1, SeqCst) == 0;
        Box::pin(async move {
            let value = tx.fetch_one(COUNT_UP, params!["n"]).await?.get("value")?;
            if first {
                tx.fetch_all(SUICIDE, params![]).await?;
            }
            Ok(value)
        })
    });
    let texts: Vec<String> = (0..20).map(|id| format!("note {id}")).collect();
    let neighbours = join_all((0..).zip(&texts).map(|(id, text)| add_note(&house.db, id, text)));
    let (value, neighbours) = in_time(async { tokio::join!(write, neighbours) }).await;
    assert_eq!(value, Ok(1));
    assert!(neighbours.iter().all(Result::is_ok), "{neighbours:?}");
    assert_eq!(runs.load(SeqCst), 2);
    assert_eq!((counter(&house.db, "n").await, notes(&house.db).await), (1, 20));
    house.end().await;
}

#[tokio::test]
async fn writes_and_reads_wait_while_the_server_is_away() {
    let Some(house) = house().await else { return };
    let db = &house.db;
    count_up(db, "n").await.unwrap();
    house.proxy.go_down();
    let work = async {
        let writes = join_all((0..30).map(|_| count_up(db, "n")));
        tokio::join!(writes, counter(db, "n"))
    };
    let server = async {
        house.proxy.turned_away(4).await;
        house.proxy.come_back();
    };
    let ((writes, read), ()) = in_time(async { tokio::join!(work, server) }).await;
    assert!(writes.iter().all(Result::is_ok), "{writes:?}");
    assert!((1..=31).contains(&read));
    assert_eq!(counter(db, "n").await, 31);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_under_load_loses_and_repeats_nothing() {
    let Some(server) = Server::start() else { return };
    let db = Db::open(Location::postgres(server.url(), "story"), MIGRATIONS, options("test"));
    let db = db.await.unwrap();
    let (told, mut seen) = tokio::sync::watch::channel(0);
    let writes = async {
        let writes = (0..8).map(|_| async {
            for _ in 0..100 {
                count_up(&db, "n").await.unwrap();
                told.send_modify(|told| *told += 1);
            }
        });
        join_all(writes).await;
    };
    let crashes = async {
        for round in 1..=2 {
            seen.wait_for(|&told| told >= round * 200).await.unwrap();
            tokio::task::block_in_place(|| {
                server.crash();
                server.start_again();
            });
        }
    };
    in_time(async { tokio::join!(writes, crashes) }).await;
    assert_eq!(counter(&db, "n").await, 800);
    let stats = db.stats();
    assert!(stats.commits < 800, "{stats:?}");
    in_time(db.close()).await;
}

#[tokio::test]
async fn a_process_that_lost_its_lease_while_it_was_cut_off_stops_writing() {
    let Some(house) = house().await else { return };
    count_up(&house.db, "n").await.unwrap();
    house.proxy.go_down();
    let other = in_time(house.place.open(MIGRATIONS)).await;
    count_up(&other, "n").await.unwrap();
    let write = count_up(&house.db, "n");
    let server = async {
        house.proxy.turned_away(1).await;
        house.proxy.come_back();
    };
    let (told, ()) = in_time(async { tokio::join!(write, server) }).await;
    assert_eq!(told, Err(DbError::Fenced { holder: "test".to_owned() }));
    assert_eq!(counter(&other, "n").await, 2);
    other.close().await;
    let again = in_time(count_up(&house.db, "n")).await;
    assert!(matches!(again, Err(DbError::Fenced { .. })), "there is no way back: {again:?}");
    house.end().await;
}

#[tokio::test]
async fn closing_does_not_wait_for_a_server_that_stays_away() {
    let Some(house) = house().await else { return };
    house.proxy.go_down();
    let write = count_up(&house.db, "n");
    let close = async {
        house.proxy.turned_away(1).await;
        house.db.close().await;
    };
    let (told, ()) = in_time(async { tokio::join!(write, close) }).await;
    assert!(matches!(told, Err(DbError::Lost(_))), "{told:?}");
    house.end().await;
}

#[tokio::test]
async fn a_full_disk_on_the_server_fails_its_batch_and_the_writer_lives_on() {
    const FULL: &str = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file'
        USING ERRCODE = '53100'; END $$";
    let Some(house) = house().await else { return };
    let full = house.db.write::<_, DbError, _>(|tx| Box::pin(tx.execute(FULL, params![])));
    assert_eq!(in_time(full).await, Err(DbError::Full));
    assert_eq!(in_time(count_up(&house.db, "n")).await, Ok(1));
    house.end().await;
}

#[tokio::test]
async fn a_statement_that_is_dropped_half_way_undoes_its_job() {
    const SLOW: &str = "SELECT CAST(pg_sleep(0.2) AS TEXT) AS slept";
    let Some(house) = house().await else { return };
    let hasty = house.db.write::<(), DbError, _>(|tx| {
        Box::pin(async move {
            tx.execute(ADD_NOTE, params![1_i64, "hasty"]).await?;
            // One poll, then away with it.
            assert!(tx.fetch_all(SLOW, params![]).now_or_never().is_none());
            Ok(())
        })
    });
    assert_eq!(in_time(hasty).await, Err(DbError::Abandoned));
    assert_eq!(in_time(add_note(&house.db, 2, "patient")).await, Ok(1));
    assert_eq!(notes(&house.db).await, 1);
    house.end().await;
}

/// Opens a place that has to be refused.
async fn refused(location: Location) -> OpenError {
    in_time(Db::open(location, MIGRATIONS, options("test"))).await.unwrap_err()
}

#[tokio::test]
async fn a_server_that_is_not_there_is_called_unreachable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let url = format!("postgres://rialto:s3cret@127.0.0.1:{port}/chat");
    let error = refused(Location::postgres(url, "story")).await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    let words = error.to_string();
    assert!(words.contains(&format!("127.0.0.1:{port}/chat")), "{words}");
    assert!(words.contains("Check that PostgreSQL runs"), "{words}");
    assert!(!words.contains("s3cret"), "{words}");
}

#[tokio::test]
async fn a_place_that_makes_no_sense_is_refused_without_showing_the_password() {
    for (url, schema) in [
        ("postgres//rialto:s3cret@host", "story"),
        ("postgres://rialto:s3cret@host:notaport/x", "story"),
        ("postgres://rialto:s3cret@host/x", "Story; DROP"),
        ("postgres://rialto:s3cret@host/x", ""),
    ] {
        let error = refused(Location::postgres(url, schema)).await;
        assert!(matches!(error, OpenError::Unusable { .. }), "{error:?}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

/// A user for one story.
struct Guest {
    admin: sqlx::PgConnection,
    name: String,
    url: String,
}

impl Guest {
    async fn new(rights: &'static str) -> Option<Self> {
        use sqlx::Connection as _;
        let url = postgres_url()?;
        let mut admin = sqlx::PgConnection::connect(&url).await.unwrap();
        let name = format!("guest_{}", OsRandom.hex(6));
        let create = format!("CREATE ROLE {name} PASSWORD 'guest' {rights}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut admin).await.unwrap();
        let mut guest_url = url::Url::parse(&url).unwrap();
        guest_url.set_username(&name).unwrap();
        guest_url.set_password(Some("guest")).unwrap();
        Some(Self { admin, name, url: guest_url.into() })
    }

    async fn admin(&mut self, sql: String) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut self.admin).await.unwrap();
    }

    async fn end(mut self) {
        let name = self.name.clone();
        self.admin(format!("DROP OWNED BY {name} CASCADE; DROP ROLE {name}")).await;
    }
}

#[tokio::test]
async fn a_user_who_may_not_log_in_is_told_what_to_check() {
    let Some(guest) = Guest::new("NOLOGIN").await else { return };
    let error = refused(Location::postgres(&guest.url, &guest.name)).await;
    assert!(matches!(error, OpenError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("Check user, password"), "{error}");
    guest.end().await;

    let mut url = url::Url::parse(&postgres_url().unwrap()).unwrap();
    url.set_path("/no_such_database");
    let error = refused(Location::postgres(url, "story")).await;
    assert!(matches!(&error, OpenError::Refused { why, .. } if why.contains("no_such_database")));
}

#[tokio::test]
async fn a_user_without_the_right_to_make_a_schema_is_told_how_to_get_it() {
    let Some(mut guest) = Guest::new("LOGIN").await else { return };
    let (name, url) = (guest.name.clone(), guest.url.clone());
    let place = || Location::postgres(&url, &name);
    let error = refused(place()).await;
    assert!(matches!(error, OpenError::NoRight { .. }), "{error:?}");
    let advice = format!("CREATE SCHEMA {name} AUTHORIZATION {name};");
    assert!(error.to_string().contains(&advice), "{error}");

    guest.admin(format!("CREATE SCHEMA {name}")).await;
    let error = refused(place()).await;
    assert!(matches!(error, OpenError::NoRight { .. }), "it belongs to another: {error:?}");

    guest.admin(format!("DROP SCHEMA {name}; {advice}")).await;
    let db = Db::open(place(), MIGRATIONS, options("test")).await.unwrap();
    assert_eq!(add_note(&db, 1, "as advised").await, Ok(1));
    db.close().await;
    guest.end().await;
}
