//! Positions only ever grow.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use support_db::{Db, DbError, params};

use crate::house::{ADD_NOTE, MIGRATIONS, everywhere, on_each};

async fn numbered(db: &Db, id: i64, fails: bool) -> Result<i64, DbError> {
    db.write(move |tx| {
        Box::pin(async move {
            let position = tx.next_position("events");
            tx.execute(ADD_NOTE, params![id, id.to_string()]).await?;
            if fails { Err(DbError::NoRow) } else { Ok(position) }
        })
    })
    .await
}

#[tokio::test]
async fn positions_grow_over_failures_and_reopening() {
    everywhere(|place| async move {
        let db = place.open(MIGRATIONS).await;
        let watch = db.watch("events");
        assert_eq!((db.committed("events"), *watch.borrow()), (0, 0));
        let first = numbered(&db, 1, false).await.unwrap();
        assert_eq!((first, db.committed("events"), *watch.borrow()), (1, 1, 1));
        assert!(numbered(&db, 2, true).await.is_err());
        assert_eq!(db.committed("events"), 1);
        let second = numbered(&db, 3, false).await.unwrap();
        assert!(second > first);
        assert_eq!(db.committed("events"), second);
        assert_eq!(db.committed("others"), 0);
        db.close().await;

        let db = place.open(MIGRATIONS).await;
        assert_eq!(db.committed("events"), second);
        assert_eq!(*db.watch("events").borrow(), second);
        let third = numbered(&db, 4, false).await.unwrap();
        assert!(third > second);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn positions_follow_the_order_of_commits() {
    on_each(|db| async move {
        let mut watch = db.watch("events");
        let committed = Arc::new(Mutex::new(Vec::new()));
        let writes = (1..=200_i64).map(|id| {
            let (db, committed) = (db.clone(), Arc::clone(&committed));
            async move {
                db.write::<(), DbError, _>(move |tx| {
                    let committed = Arc::clone(&committed);
                    Box::pin(async move {
                        let position = tx.next_position("events");
                        tx.execute(ADD_NOTE, params![id, id.to_string()]).await?;
                        tx.after_commit(move || committed.lock().unwrap().push(position));
                        if id % 7 == 0 { Err(DbError::NoRow) } else { Ok(()) }
                    })
                })
                .await
            }
        });
        let told = join_all(writes).await;
        assert_eq!(told.iter().filter(|result| result.is_ok()).count(), 200 - 200 / 7);
        let committed = committed.lock().unwrap().clone();
        assert_eq!(committed.len(), 200 - 200 / 7);
        assert!(committed.windows(2).all(|pair| pair[0] < pair[1]), "{committed:?}");
        let highest = *committed.last().unwrap();
        watch.wait_for(|&position| position == highest).await.unwrap();
    })
    .await;
}
