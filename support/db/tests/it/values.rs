//! What goes in comes out, the same on both databases.

use support_db::{Constraint, DbError, integer_list, params, testing::prepare_check, text_list};

use crate::house::{ADD_NOTE, COUNT_NOTES, COUNT_UP, COUNTER, add_note, notes, on_each};

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_went_in() {
    const PUT: &str = "INSERT INTO note (id, text, bytes, flag, parent) VALUES ($1, $2, $3, $4, $5)
        RETURNING id, text, bytes, flag, parent";
    on_each(|db| async move {
        let whole = db
            .write::<_, DbError, _>(|tx| {
                Box::pin(async move {
                    let bytes = vec![0_u8, 255, 7];
                    tx.fetch_one(
                        PUT,
                        params![
                            i64::MAX,
                            "ü 'quoted' \"text\" \u{1f600}",
                            &bytes,
                            true,
                            None::<i64>
                        ],
                    )
                    .await
                })
            })
            .await
            .unwrap();
        assert_eq!(whole.get::<i64>("id").unwrap(), i64::MAX);
        assert_eq!(whole.get::<&str>("text").unwrap(), "ü 'quoted' \"text\" \u{1f600}");
        assert_eq!(whole.get::<Vec<u8>>("bytes").unwrap(), [0, 255, 7]);
        assert!(whole.get::<bool>("flag").unwrap());
        assert_eq!(whole.get::<Option<i64>>("parent").unwrap(), None);

        let read = db.fetch_one("SELECT flag, bytes, parent FROM note", params![]).await.unwrap();
        assert!(read.get::<bool>("flag").unwrap());
        assert_eq!(read.get::<Option<&[u8]>>("bytes").unwrap(), Some(&[0, 255, 7][..]));
        assert_eq!(read.get::<Option<String>>("parent").unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_missing_value_of_every_kind_is_accepted() {
    const PUT: &str = "INSERT INTO note (id, text, bytes, flag, parent)
        VALUES (1, $1, $2, COALESCE($3, TRUE), $4)";
    const GET: &str = "SELECT text, bytes, flag, parent FROM note WHERE id = COALESCE($1, id)";
    on_each(|db| async move {
        db.write::<_, DbError, _>(|tx| {
            Box::pin(async move {
                tx.execute(PUT, params![None::<&str>, None::<Vec<u8>>, None::<bool>, None::<i64>])
                    .await
            })
        })
        .await
        .unwrap();
        let row = db.fetch_one(GET, params![None::<i64>]).await.unwrap();
        assert_eq!(row.get::<Option<String>>("text").unwrap(), None);
        assert_eq!(row.get::<Option<Vec<u8>>>("bytes").unwrap(), None);
        assert_eq!(row.get::<Option<bool>>("flag").unwrap(), Some(true));
        assert_eq!(row.get::<Option<i64>>("parent").unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn parameters_are_matched_by_number_not_by_place() {
    const MIXED: &str =
        "SELECT CAST($2 AS TEXT) AS second, CAST($1 AS TEXT) AS first, CAST($2 AS TEXT) AS again";
    on_each(|db| async move {
        let row = db.fetch_one(MIXED, params!["one", "two"]).await.unwrap();
        let get = |column| row.get::<String>(column).unwrap();
        assert_eq!(
            (get("first"), get("second"), get("again")),
            ("one".into(), "two".into(), "two".into())
        );
        let columns: Vec<_> = row.columns().collect();
        assert_eq!(columns, ["second", "first", "again"]);
    })
    .await;
}

#[tokio::test]
async fn wrong_numbers_of_parameters_and_wrong_columns_are_errors() {
    on_each(|db| async move {
        let few = db.fetch_all("SELECT $1 AS a", params![]).await;
        assert!(few.is_err());
        let row = db.fetch_one(COUNT_NOTES, params![]).await.unwrap();
        let unknown = row.get::<i64>("cuont");
        assert!(matches!(unknown, Err(DbError::Column { column, .. }) if column == "cuont"));
        let other = row.get::<String>("count").unwrap_err();
        assert_eq!(other.to_string(), "column count: expected text, found an integer");
        assert!(matches!(
            db.fetch_one("SELECT id FROM note", params![]).await,
            Err(DbError::NoRow)
        ));
    })
    .await;
}

#[tokio::test]
async fn a_conflict_can_update_and_return_in_one_statement() {
    on_each(|db| async move {
        for expected in 1..=3 {
            let value: i64 = db
                .write::<_, DbError, _>(|tx| {
                    Box::pin(
                        async move { tx.fetch_one(COUNT_UP, params!["n"]).await?.get("value") },
                    )
                })
                .await
                .unwrap();
            assert_eq!(value, expected);
        }
        let row = db.fetch_one(COUNTER, params!["n"]).await.unwrap();
        assert_eq!(row.get::<i64>("value").unwrap(), 3);
    })
    .await;
}

#[tokio::test]
async fn broken_rules_of_the_schema_are_told_apart() {
    const CHILD: &str = "INSERT INTO note (id, parent) VALUES ($1, $2)";
    const NULL: &str = "INSERT INTO counter (name, value) VALUES ($1, $2)";
    on_each(|db| async move {
        add_note(&db, 1, "one").await.unwrap();
        let kind = |result: Result<u64, DbError>| match result {
            Err(DbError::Constraint { kind, .. }) => kind,
            other => panic!("expected a broken rule, got {other:?}"),
        };
        assert_eq!(kind(add_note(&db, 1, "two").await), Constraint::Unique);
        assert_eq!(kind(add_note(&db, 2, "one").await), Constraint::Unique);
        assert_eq!(kind(add_note(&db, -1, "minus").await), Constraint::Check);
        let orphan = db.write(|tx| Box::pin(tx.execute(CHILD, params![3_i64, 99_i64]))).await;
        assert_eq!(kind(orphan), Constraint::ForeignKey);
        let null = db.write(|tx| Box::pin(tx.execute(NULL, params!["n", None::<i64>]))).await;
        assert_eq!(kind(null), Constraint::NotNull);
        assert_eq!(notes(&db).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_list_is_one_parameter() {
    const SOME: &str = "SELECT id FROM note
        WHERE text IN (SELECT value FROM json_each($1)) ORDER BY id";
    const NUMBERED: &str = "SELECT text FROM note
        WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) ORDER BY id";
    on_each(|db| async move {
        for (id, text) in [(1, "a"), (2, "b\"\\\n"), (3, "ü"), (4, "d")] {
            add_note(&db, id, text).await.unwrap();
        }
        let list = text_list(["b\"\\\n", "ü", "missing"]);
        let rows = db.fetch_all(SOME, params![&list]).await.unwrap();
        let ids: Vec<i64> = rows.iter().map(|row| row.get("id").unwrap()).collect();
        assert_eq!(ids, [2, 3]);
        let rows = db.fetch_all(NUMBERED, params![integer_list([4, 1, 77])]).await.unwrap();
        let texts: Vec<&str> = rows.iter().map(|row| row.get("text").unwrap()).collect();
        assert_eq!(texts, ["a", "d"]);
        let none = db.fetch_all(SOME, params![text_list([""; 0])]).await.unwrap();
        assert!(none.is_empty());
    })
    .await;
}

#[tokio::test]
async fn upper_and_lower_case_differ_in_patterns() {
    const LIKE: &str = "SELECT id FROM note WHERE text LIKE $1";
    on_each(|db| async move {
        add_note(&db, 1, "Rialto").await.unwrap();
        assert_eq!(db.fetch_all(LIKE, params!["Ria%"]).await.unwrap().len(), 1);
        assert_eq!(db.fetch_all(LIKE, params!["ria%"]).await.unwrap().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn touched_rows_are_counted() {
    const FLAG: &str = "UPDATE note SET flag = TRUE WHERE id > $1";
    on_each(|db| async move {
        for id in 1..=3 {
            add_note(&db, id, &id.to_string()).await.unwrap();
        }
        let touched = db.write(|tx| Box::pin(tx.execute(FLAG, params![1_i64]))).await;
        assert_eq!(touched, Ok::<_, DbError>(2));
        let touched = db.write(|tx| Box::pin(tx.execute(FLAG, params![9_i64]))).await;
        assert_eq!(touched, Ok::<_, DbError>(0));
    })
    .await;
}

#[tokio::test]
async fn prepare_check_finds_the_statement_that_is_wrong() {
    on_each(|db| async move {
        assert!(prepare_check(&db, &[ADD_NOTE, COUNT_NOTES, COUNT_UP, COUNTER]).await.is_empty());
        let wrong = prepare_check(&db, &[COUNTER, "SELECT nme FROM counter"]).await;
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].starts_with("SELECT nme FROM counter: "), "{wrong:?}");
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_sees_one_commit_whatever_is_written_meanwhile() {
    on_each(|db| async move {
        add_note(&db, 1, "one").await.unwrap();
        let writer = db.clone();
        let (before, after) = db
            .read::<_, DbError, _>(move |snapshot| {
                let writer = writer.clone();
                Box::pin(async move {
                    let before: i64 =
                        snapshot.fetch_one(COUNT_NOTES, params![]).await?.get("count")?;
                    add_note(&writer, 2, "two").await?;
                    let after: i64 =
                        snapshot.fetch_one(COUNT_NOTES, params![]).await?.get("count")?;
                    Ok((before, after))
                })
            })
            .await
            .unwrap();
        assert_eq!((before, after), (1, 1));
        assert_eq!(notes(&db).await, 2);
    })
    .await;
}
