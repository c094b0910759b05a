//! Opening: who may, and what is said to who may not.

use std::time::Duration;

use support_db::{
    Db, DbError, Location, Migration, OpenError, params,
    testing::{TestPlace, options, schema_of, test_locations},
};

use crate::house::{MIGRATIONS, add_note, everywhere, in_time, notes};

#[tokio::test]
async fn data_is_there_when_the_database_is_opened_again() {
    everywhere(|place| async move {
        let db = place.open(MIGRATIONS).await;
        add_note(&db, 1, "kept").await.unwrap();
        db.close().await;
        let db = place.open(MIGRATIONS).await;
        assert_eq!(notes(&db).await, 1);
        db.close().await;
    })
    .await;
}

async fn open_at_once(place: &TestPlace, holder: &str) -> Result<Db, OpenError> {
    let options = options(holder).wait_for_holder(Duration::ZERO);
    Db::open(place.location.clone(), MIGRATIONS, options).await
}

#[tokio::test]
async fn a_second_holder_is_refused_and_told_who_the_first_is() {
    everywhere(|place| async move {
        let first = open_at_once(&place, "rialto pid 12 on host").await.unwrap();
        let refused = open_at_once(&place, "another").await.unwrap_err();
        assert!(
            matches!(&refused, OpenError::Held { holder, .. } if holder == "rialto pid 12 on host"),
            "{refused:?}"
        );
        let words = refused.to_string();
        assert!(
            words.contains("in use by rialto pid 12 on host") && words.contains("stop the other")
        );
        // The refused one did no harm.
        add_note(&first, 1, "still mine").await.unwrap();
        first.close().await;
        let second = open_at_once(&place, "another").await.unwrap();
        assert_eq!(notes(&second).await, 1);
        second.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_dropped_database_is_free_for_the_next() {
    everywhere(|place| async move {
        let first = place.open(MIGRATIONS).await;
        add_note(&first, 1, "one").await.unwrap();
        drop(first);
        // No wait here but the one every open grants to a holder that is just leaving.
        let second = in_time(place.open(MIGRATIONS)).await;
        assert_eq!(notes(&second).await, 1);
        second.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_holder_whose_lease_was_taken_may_not_write_any_more() {
    const TAKE: &str = "UPDATE support_lease SET epoch = epoch + 1, owner = 'the usurper'";
    everywhere(|place| async move {
        let db = place.open(MIGRATIONS).await;
        add_note(&db, 1, "mine").await.unwrap();
        // The job itself moves the epoch, as another process would: its own batch goes through,
        // the next one finds the lease gone.
        db.write::<_, DbError, _>(|tx| Box::pin(tx.execute(TAKE, params![]))).await.unwrap();
        let fenced = DbError::Fenced { holder: "the usurper".to_owned() };
        assert_eq!(add_note(&db, 2, "not mine").await, Err(fenced.clone()));
        assert_eq!(add_note(&db, 3, "not mine").await, Err(fenced));
        assert_eq!(notes(&db).await, 1);
        in_time(db.close()).await;
    })
    .await;
}

const NEWER: &[Migration] = &[
    MIGRATIONS[0],
    Migration {
        number: 2,
        name: "0002_colour",
        sqlite: "ALTER TABLE note ADD COLUMN colour TEXT;",
        postgres: "ALTER TABLE note ADD COLUMN colour TEXT;",
    },
];

#[tokio::test]
async fn a_migration_is_applied_once_and_an_older_program_is_refused() {
    everywhere(|place| async move {
        let db = place.open(MIGRATIONS).await;
        add_note(&db, 1, "one").await.unwrap();
        db.close().await;
        for _ in 0..2 {
            let db = place.open(NEWER).await;
            let row = db.fetch_one("SELECT colour FROM note", params![]).await.unwrap();
            assert_eq!(row.get::<Option<String>>("colour").unwrap(), None);
            db.close().await;
        }
        let refused = open_at_once(&place, "old").await.unwrap_err();
        assert!(matches!(refused, OpenError::Newer { found: 2, known: 1, .. }), "{refused:?}");
        assert!(refused.to_string().contains("Install the newer version again"));
        // Being refused frees the lease.
        place.open(NEWER).await.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_migration_that_fails_is_undone_and_named() {
    const BROKEN: &[Migration] = &[
        MIGRATIONS[0],
        Migration {
            number: 2,
            name: "0002_broken",
            sqlite: "CREATE TABLE half (id BIGINT); INSERT INTO nowhere (id) VALUES (1);",
            postgres: "CREATE TABLE half (id BIGINT); INSERT INTO nowhere (id) VALUES (1);",
        },
    ];
    everywhere(|place| async move {
        let refused = Db::open(place.location.clone(), BROKEN, options("test")).await.unwrap_err();
        let OpenError::Migration { number: 2, name, why, .. } = &refused else {
            panic!("{refused:?}")
        };
        assert!(name == "0002_broken" && why.contains("nowhere"), "{refused}");
        let db = place.open(MIGRATIONS).await;
        assert!(db.fetch_all("SELECT id FROM half", params![]).await.is_err(), "nothing stayed");
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_database_with_other_migrations_is_not_ours() {
    const OTHERS: &[Migration] = &[Migration { name: "0001_pictures", ..MIGRATIONS[0] }];
    everywhere(|place| async move {
        place.open(MIGRATIONS).await.close().await;
        let refused = Db::open(place.location.clone(), OTHERS, options("test")).await.unwrap_err();
        assert!(
            matches!(&refused, OpenError::Foreign { why, .. } if why.contains("0001_notes")),
            "{refused:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn both_databases_describe_the_same_schema() {
    let mut described = Vec::new();
    for place in test_locations() {
        let db = place.open(MIGRATIONS).await;
        described.push((place.name, schema_of(&db).await.unwrap()));
        db.close().await;
    }
    let (_, sqlite) = &described[0];
    for line in [
        "note.id INTEGER required key 1",
        "note.bytes BYTES",
        "note.flag BOOLEAN required",
        "index on note (text) unique",
        "counter.name TEXT required key 1",
    ] {
        assert!(sqlite.iter().any(|known| known == line), "{line} in {sqlite:#?}");
    }
    for (name, lines) in &described {
        assert_eq!(lines, sqlite, "{name}");
    }
}

#[tokio::test]
async fn migrations_out_of_order_are_refused() {
    const MIXED: &[Migration] = &[NEWER[1], NEWER[0]];
    for location in [Location::sqlite("/nowhere"), Location::postgres("postgres://nowhere", "x")] {
        let refused = Db::open(location, MIXED, options("test")).await.unwrap_err();
        assert!(matches!(refused, OpenError::Unusable { .. }));
    }
}
