//! The store's contract, on every database that tests can reach: each table remembers what it is told, and both
//! databases have one schema and understand every statement.

use support_db::{
    Db, Tx,
    testing::{TestPlace, prepare_check, schema_of, test_locations},
};

use super::*;
use crate::MIGRATIONS;

/// Runs a story on a fresh database of each kind.
async fn on_every_database<F: Future<Output = ()>>(story: impl Fn(Db) -> F) {
    for place in test_locations() {
        let db = place.open(MIGRATIONS).await;
        story(db.clone()).await;
        db.close().await;
    }
}

/// Writes in a job of its own.
macro_rules! write {
    ($db:expr, |$tx:ident| $work:expr) => {
        $db.write(move |$tx: &mut Tx| Box::pin(async move { $work.await })).await
    };
}

async fn add_user(db: &Db, user_id: &'static str) {
    assert!(write!(db, |tx| users::insert(tx, user_id, Some("hash"), false, None, 7)).unwrap());
}

async fn open(place: &TestPlace) -> Db {
    place.open(MIGRATIONS).await
}

#[tokio::test]
async fn both_databases_have_one_schema() {
    let mut schemas = Vec::new();
    for place in test_locations() {
        let db = open(&place).await;
        let mut schema = schema_of(&db).await.unwrap();
        // Full-text search is each database's own.
        schema.retain(|line| {
            !line.starts_with("event_search_index")
                && !line.ends_with("event_search ((expression))")
        });
        schemas.push(schema);
        db.close().await;
    }
    assert!(schemas[0].iter().any(|line| line.starts_with("users.user_id TEXT required key 1")));
    for schema in &schemas[1..] {
        assert_eq!(&schemas[0], schema);
    }
}

#[tokio::test]
async fn every_statement_is_understood_by_every_database() {
    on_every_database(|db| async move {
        let statements: Vec<&'static str> = [
            account_data::STATEMENTS,
            appservices::STATEMENTS,
            devices::STATEMENTS,
            directory::STATEMENTS,
            facts::STATEMENTS,
            filters::STATEMENTS,
            media::STATEMENTS,
            notifications::STATEMENTS,
            outbox::STATEMENTS,
            receipts::STATEMENTS,
            registration_tokens::STATEMENTS,
            reports::STATEMENTS,
            &search::statements(&db),
            tokens::STATEMENTS,
            users::STATEMENTS,
        ]
        .concat();
        assert_eq!(prepare_check(&db, &statements).await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_fact_keeps_its_first_value() {
    on_every_database(|db| async move {
        for value in ["first", "second"] {
            write!(db, |tx| facts::put(tx, facts::SERVER_NAME, value)).unwrap();
        }
        assert_eq!(facts::get(&db, facts::SERVER_NAME).await.unwrap().as_deref(), Some("first"));
        assert_eq!(facts::get(&db, "other").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_name_is_given_once_even_after_its_account_was_closed() {
    on_every_database(|db| async move {
        add_user(&db, "@a:hs").await;
        assert!(write!(db, |tx| users::deactivate(tx, "@a:hs", 9)).unwrap());
        assert!(!write!(db, |tx| users::deactivate(tx, "@a:hs", 9)).unwrap());
        assert!(!write!(db, |tx| users::insert(tx, "@a:hs", None, true, None, 10)).unwrap());
        assert!(!write!(db, |tx| users::set_password(tx, "@a:hs", "new")).unwrap());
        let row = users::get(&db, "@a:hs").await.unwrap().unwrap();
        assert_eq!((row.password_hash, row.deactivated_at, row.admin), (None, Some(9), false));
    })
    .await;
}

#[tokio::test]
async fn a_token_lives_as_long_as_its_device() {
    on_every_database(|db| async move {
        add_user(&db, "@a:hs").await;
        for (device, hash) in [("ONE", b"1"), ("TWO", b"2")] {
            write!(db, |tx| devices::ensure(tx, "@a:hs", device, Some("phone"), 1)).unwrap();
            write!(db, |tx| tokens::insert(tx, only_access(device, hash))).unwrap();
        }
        let owner = tokens::find(&db, b"1").await.unwrap().unwrap();
        assert_eq!((owner.user_id.as_str(), owner.device_id.as_str()), ("@a:hs", "ONE"));
        write!(db, |tx| devices::delete(tx, "@a:hs", "ONE")).unwrap();
        assert!(tokens::find(&db, b"1").await.unwrap().is_none());
        assert!(tokens::find(&db, b"2").await.unwrap().is_some());
        write!(db, |tx| users::deactivate(tx, "@a:hs", 9)).unwrap();
        assert!(tokens::find(&db, b"2").await.unwrap().is_none());
        write!(db, |tx| devices::delete_all(tx, "@a:hs")).unwrap();
        assert!(!devices::exists(&db, "@a:hs", "TWO").await.unwrap());
    })
    .await;
}

fn only_access<'a>(device_id: &'a str, access: &'a [u8]) -> tokens::NewTokens<'a> {
    tokens::NewTokens { user_id: "@a:hs", device_id, generation: 0, access, refresh: None, now: 1 }
}

#[tokio::test]
async fn tokens_of_a_device_end_by_generation_and_with_the_device() {
    on_every_database(|db| async move {
        add_user(&db, "@a:hs").await;
        write!(db, |tx| devices::ensure(tx, "@a:hs", "ONE", None, 1)).unwrap();
        for (generation, access, refresh) in [(0, b"a0", b"r0"), (1, b"a1", b"r1")] {
            write!(db, |tx| tokens::insert(
                tx,
                tokens::NewTokens {
                    generation,
                    refresh: Some((refresh.as_slice(), 50)),
                    ..only_access("ONE", access)
                }
            ))
            .unwrap();
        }
        let first = tokens::find(&db, b"a0").await.unwrap().unwrap();
        let second = tokens::find(&db, b"a1").await.unwrap().unwrap();
        assert_eq!((first.generation, first.has_older, first.expires_at), (0, false, Some(50)));
        assert_eq!((second.generation, second.has_older, second.last_seen_at), (1, true, Some(1)));
        assert_eq!(write!(db, |tx| tokens::newest(tx, "@a:hs", "ONE")).unwrap(), Some(1));
        write!(db, |tx| tokens::delete_of_device(tx, "@a:hs", "ONE", 0..1)).unwrap();
        assert!(tokens::find(&db, b"a0").await.unwrap().is_none());
        assert!(!tokens::find(&db, b"a1").await.unwrap().unwrap().has_older);
        assert!(write!(db, |tx| tokens::find_refresh(tx, b"r0")).unwrap().is_none());
        write!(db, |tx| devices::note_seen(tx, "@a:hs", "ONE", 70)).unwrap();
        let device = devices::get(&db, "@a:hs", "ONE").await.unwrap().unwrap();
        assert_eq!(device.last_seen_at, Some(70));
        write!(db, |tx| devices::delete(tx, "@a:hs", "ONE")).unwrap();
        assert!(write!(db, |tx| tokens::find_refresh(tx, b"r1")).unwrap().is_none());
        assert_eq!(write!(db, |tx| tokens::newest(tx, "@a:hs", "ONE")).unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_sign_up_token_is_used_up() {
    on_every_database(|db| async move {
        write!(db, |tx| registration_tokens::insert(tx, b"two", Some(2), 1)).unwrap();
        write!(db, |tx| registration_tokens::insert(tx, b"any", None, 1)).unwrap();
        for expected in [true, true, false] {
            assert_eq!(registration_tokens::is_valid(&db, b"two").await.unwrap(), expected);
            assert_eq!(
                write!(db, |tx| registration_tokens::take_use(tx, b"two")).unwrap(),
                expected
            );
        }
        for _ in 0..5 {
            assert!(write!(db, |tx| registration_tokens::take_use(tx, b"any")).unwrap());
        }
        assert!(!registration_tokens::is_valid(&db, b"none").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn account_data_is_read_by_what_changed() {
    on_every_database(|db| async move {
        add_user(&db, "@a:hs").await;
        let rows = [("", "m.a", "{}", 3), ("!r:hs", "m.a", "{}", 4), ("", "m.a", "{\"b\":1}", 8)];
        for (room, kind, content, position) in rows {
            write!(db, |tx| account_data::put(tx, "@a:hs", room, kind, content, position)).unwrap();
        }
        let read = |since, upto| {
            let db = db.clone();
            async move {
                let rows = account_data::between(&db, "@a:hs", since, upto).await.unwrap();
                rows.into_iter().map(|row| (row.room_id, row.content)).collect::<Vec<_>>()
            }
        };
        let of_room = ("!r:hs".to_owned(), "{}".to_owned());
        let global = (String::new(), "{\"b\":1}".to_owned());
        assert_eq!(read(-1, 8).await, [of_room.clone(), global.clone()]);
        assert_eq!(read(4, 8).await, [global]);
        assert_eq!(read(-1, 7).await, [of_room]);
        let content = account_data::get(&db, "@a:hs", "", "m.a").await.unwrap();
        assert_eq!(content.as_deref(), Some("{\"b\":1}"));
    })
    .await;
}

#[tokio::test]
async fn a_profile_change_that_was_overtaken_stays_to_be_spread() {
    on_every_database(|db| async move {
        add_user(&db, "@a:hs").await;
        write!(db, |tx| users::queue_spread(tx, "@a:hs", 1)).unwrap();
        write!(db, |tx| users::queue_spread(tx, "@a:hs", 2)).unwrap();
        write!(db, |tx| users::end_spread(tx, "@a:hs", 1)).unwrap();
        assert_eq!(users::spreads(&db).await.unwrap(), [("@a:hs".to_owned(), 2)]);
        write!(db, |tx| users::end_spread(tx, "@a:hs", 2)).unwrap();
        assert_eq!(users::spreads(&db).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn the_outbox_keeps_order_and_drops_what_was_acknowledged() {
    on_every_database(|db| async move {
        write!(db, |tx| appservices::ensure(tx, "irc", 1)).unwrap();
        for reference in [11, 12, 13] {
            write!(db, |tx| outbox::queue(tx, "irc", outbox::Kind::Event, reference, 100)).unwrap();
        }
        let rows = outbox::next(&db, "irc", -1, 2).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.reference).collect::<Vec<_>>(), [11, 12]);
        let backlog = outbox::backlog(&db, "irc").await.unwrap();
        assert_eq!(backlog, outbox::Backlog { rows: 3, oldest: Some(100) });

        let last_seq = rows[1].seq;
        let body = vec![0, 255, 1];
        let frozen = outbox::FrozenRow { txn_id: "x-1".to_owned(), last_seq, body };
        let (first, second) = (frozen.clone(), frozen.clone());
        let freeze = db.write(move |tx| {
            let frozen = first.clone();
            Box::pin(async move { outbox::freeze(tx, "irc", &frozen, 1).await })
        });
        assert!(freeze.await.unwrap());
        assert_eq!(outbox::frozen(&db, "irc").await.unwrap().as_ref(), Some(&frozen));
        let again = db.write(move |tx| {
            let frozen = second.clone();
            Box::pin(async move { outbox::freeze(tx, "irc", &frozen, 1).await })
        });
        assert!(again.await.unwrap_err().is_unique_violation(), "one in flight");

        write!(db, |tx| outbox::acknowledge(tx, "irc", last_seq)).unwrap();
        assert_eq!(outbox::frozen(&db, "irc").await.unwrap(), None);
        let rows = outbox::next(&db, "irc", -1, 100).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.reference).collect::<Vec<_>>(), [13]);
    })
    .await;
}

#[tokio::test]
async fn a_removed_appservice_is_owed_nothing_and_gets_nothing() {
    on_every_database(|db| async move {
        write!(db, |tx| appservices::put(tx, "irc", b"sealed", 1)).unwrap();
        assert_eq!(
            appservices::added(&db).await.unwrap(),
            [("irc".to_owned(), b"sealed".to_vec())]
        );
        write!(db, |tx| outbox::queue(tx, "irc", outbox::Kind::Event, 1, 1)).unwrap();
        write!(db, |tx| outbox::forget(tx, "irc")).unwrap();
        assert!(write!(db, |tx| appservices::delete(tx, "irc")).unwrap());
        write!(db, |tx| outbox::queue(tx, "irc", outbox::Kind::Event, 2, 1)).unwrap();
        assert_eq!(outbox::backlog(&db, "irc").await.unwrap(), outbox::Backlog::default());
    })
    .await;
}

#[tokio::test]
async fn numbers_of_the_outbox_survive_a_restart() {
    for place in test_locations() {
        let db = open(&place).await;
        write!(db, |tx| appservices::ensure(tx, "irc", 1)).unwrap();
        write!(db, |tx| outbox::queue(tx, "irc", outbox::Kind::Event, 1, 1)).unwrap();
        let first = outbox::next(&db, "irc", -1, 1).await.unwrap()[0].seq;
        write!(db, |tx| outbox::acknowledge(tx, "irc", first)).unwrap();
        db.close().await;
        let db = open(&place).await;
        write!(db, |tx| outbox::queue(tx, "irc", outbox::Kind::Event, 2, 1)).unwrap();
        let second = outbox::next(&db, "irc", -1, 1).await.unwrap()[0].seq;
        assert!(second > first, "{second} after {first} on {}", place.name);
        db.close().await;
    }
}

#[tokio::test]
async fn counts_that_came_to_nothing_are_forgotten_after_a_while() {
    on_every_database(|db| async move {
        let (room, alice) = (1, ruma::user_id!("@alice:hs"));
        let seen = write!(db, |tx| async move {
            for (position, thread) in [(10, "main"), (11, "$t"), (12, "$u")] {
                let notice = notifications::Notice {
                    position,
                    room_nid: room,
                    thread,
                    highlight: false,
                    actions: "[]",
                    ts: 7,
                };
                notifications::add(tx, &[alice], &notice).await?;
            }
            notifications::see(tx, alice, room, Some("main"), 10, 13).await?;
            notifications::see(tx, alice, room, Some("$t"), 11, 20).await
        });
        assert!(seen.unwrap());
        // One is unread, one was read too lately.
        assert_eq!(write!(db, |tx| notifications::forget_read(tx, 20)).unwrap(), 1);
        assert_eq!(write!(db, |tx| notifications::forget_read(tx, 21)).unwrap(), 1);
        assert_eq!(write!(db, |tx| notifications::forget_read(tx, 99)).unwrap(), 0);
    })
    .await;
}
