//! What only a file can suffer.

use std::os::unix::fs::PermissionsExt as _;

use support_db::{
    Db, DbError, Location, Migration, OpenError, params,
    testing::{options, sqlite_place},
};

use crate::house::{MIGRATIONS, add_note, in_time, notes};

#[tokio::test]
async fn a_full_disk_fails_its_jobs_and_the_writer_lives_on() {
    let place = sqlite_place();
    let db = place.open(MIGRATIONS).await;
    let limit = |sql: &'static str| {
        db.write::<_, DbError, _>(move |tx| Box::pin(tx.fetch_all(sql, params![])))
    };
    limit("PRAGMA max_page_count = 30").await.unwrap();
    let long = "x".repeat(50_000);
    let mut written = 0;
    let error = loop {
        match add_note(&db, written, &format!("{written}{long}")).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 100, "the limit never came");
    };
    assert_eq!(error, DbError::Full);
    assert_eq!(add_note(&db, 500, &format!("again {long}")).await, Err(DbError::Full));
    assert_eq!(notes(&db).await, written, "reading goes on");
    limit("PRAGMA max_page_count = 1000000").await.unwrap();
    assert_eq!(add_note(&db, 501, &format!("later {long}")).await, Ok(1));
    assert_eq!(notes(&db).await, written + 1);
    in_time(db.close()).await;
}

#[tokio::test]
async fn a_disk_that_is_full_at_the_start_is_named() {
    const TOO_LARGE: &[Migration] = &[Migration {
        number: 1,
        name: "0001_large",
        sqlite: "PRAGMA max_page_count = 20;
            CREATE TABLE large (bytes BLOB);
            INSERT INTO large (bytes) VALUES (zeroblob(1000000));",
        postgres: "",
    }];
    let place = sqlite_place();
    let refused = Db::open(place.location.clone(), TOO_LARGE, options("test")).await.unwrap_err();
    assert!(matches!(refused, OpenError::DiskFull { .. }), "{refused:?}");
    assert!(refused.to_string().contains("Free some space"), "{refused}");
    place.open(MIGRATIONS).await.close().await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_called_damaged() {
    let place = sqlite_place();
    std::fs::write(place.file(), "I am a letter to my aunt. ".repeat(500)).unwrap();
    let refused = Db::open(place.location.clone(), MIGRATIONS, options("test")).await.unwrap_err();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused:?}");
    assert!(refused.to_string().contains("restore the newest backup"), "{refused}");
}

#[tokio::test]
async fn a_file_damaged_in_the_middle_is_reported_when_it_is_read() {
    let place = sqlite_place();
    let db = place.open(MIGRATIONS).await;
    for id in 0..200 {
        add_note(&db, id, &format!("{id}{}", "x".repeat(2000))).await.unwrap();
    }
    db.close().await;
    let mut bytes = std::fs::read(place.file()).unwrap();
    let end = bytes.len();
    bytes[40_000..end].fill(0xa5);
    std::fs::write(place.file(), bytes).unwrap();
    match Db::open(place.location.clone(), MIGRATIONS, options("test")).await {
        Err(refused) => assert!(matches!(refused, OpenError::Damaged { .. }), "{refused:?}"),
        Ok(db) => {
            let read = db.fetch_all("SELECT id, text FROM note", params![]).await;
            assert!(matches!(read, Err(DbError::Damaged(_))), "{read:?}");
            db.close().await;
        }
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_left_alone() {
    let place = sqlite_place();
    let db = Db::open(place.location.clone(), &[], options("test")).await.unwrap();
    db.write::<_, DbError, _>(|tx| {
        Box::pin(async move {
            tx.execute("CREATE TABLE photo (id BIGINT)", params![]).await?;
            tx.execute("DROP TABLE support_lease", params![]).await
        })
    })
    .await
    .unwrap();
    db.close().await;
    let refused = Db::open(place.location.clone(), MIGRATIONS, options("test")).await.unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let place = sqlite_place();
    let missing = place.file().with_file_name("missing").join("test.db");
    std::fs::write(place.file(), "").unwrap();
    let inside_a_file = place.file().join("test.db");
    for path in [missing, inside_a_file] {
        let refused =
            Db::open(Location::sqlite(&path), MIGRATIONS, options("test")).await.unwrap_err();
        assert!(matches!(refused, OpenError::NotWritable { .. }), "{refused:?}");
        let words = refused.to_string();
        assert!(words.contains(&path.display().to_string()), "{words}");
        assert!(words.contains("The folder has to exist"), "{words}");
    }
}

#[tokio::test]
async fn only_the_owner_may_read_the_file() {
    let place = sqlite_place();
    let db = place.open(MIGRATIONS).await;
    add_note(&db, 1, "secret").await.unwrap();
    let mut found = 0;
    for entry in std::fs::read_dir(place.file().parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{:?} has mode {mode:o}", entry.file_name());
        found += 1;
    }
    assert!(found >= 3, "the file, its WAL and its lock");
    db.close().await;
}

#[tokio::test]
async fn a_link_to_the_file_is_the_same_database() {
    let place = sqlite_place();
    let db = place.open(MIGRATIONS).await;
    let link = place.file().with_file_name("link.db");
    std::os::unix::fs::symlink(place.file(), &link).unwrap();
    let quick = options("second").wait_for_holder(std::time::Duration::ZERO);
    let refused = Db::open(Location::sqlite(&link), MIGRATIONS, quick).await.unwrap_err();
    assert!(matches!(refused, OpenError::Held { holder, .. } if holder == "test"));
    db.close().await;
}
