//! Jobs: they share commits, fail alone, and are done whatever becomes of their caller.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use futures_util::future::join_all;
use support_db::{DbError, Job, Tx, params};
use tokio::sync::{Notify, oneshot};

use crate::house::{
    ADD_NOTE, COUNT_NOTES, MIGRATIONS, add_note, count_up, counter, everywhere, in_time, notes,
    on_each,
};

#[derive(Debug, PartialEq, Eq)]
enum StoryError {
    Refused,
    Db(DbError),
}

impl From<DbError> for StoryError {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

#[tokio::test]
async fn many_writes_share_few_commits() {
    on_each(|db| async move {
        let before = db.stats();
        let writes = (0..500).map(|id| {
            let db = db.clone();
            async move { add_note(&db, id, &id.to_string()).await }
        });
        for result in join_all(writes).await {
            assert_eq!(result, Ok(1));
        }
        assert_eq!(notes(&db).await, 500);
        let stats = db.stats();
        assert_eq!(stats.jobs - before.jobs, 500);
        let commits = stats.commits - before.commits;
        assert!(commits < 20, "{commits} commits for 500 jobs");
        assert!(stats.largest_batch > 100);
        assert_eq!(stats.failed_jobs, 0);
        assert_eq!(stats.waiting, 0);
    })
    .await;
}

/// Holds the writer until told to go on, so that what is written meanwhile becomes one batch.
async fn while_the_writer_is_held<T>(db: &support_db::Db, meanwhile: impl Future<Output = T>) -> T {
    let (held, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (is_held, may_go) = (Arc::clone(&held), Arc::clone(&go));
    let hold = db.write::<_, DbError, _>(move |_| {
        let (held, go) = (Arc::clone(&held), Arc::clone(&go));
        Box::pin(async move {
            held.notify_one();
            go.notified().await;
            Ok(())
        })
    });
    let story = async {
        is_held.notified().await;
        let db = db.clone();
        let release = async move {
            // Let the others get into the queue first.
            while db.stats().waiting == 0 {
                tokio::task::yield_now().await;
            }
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            may_go.notify_one();
        };
        tokio::join!(meanwhile, release).0
    };
    let (hold, told) = tokio::join!(hold, story);
    hold.unwrap();
    told
}

#[tokio::test]
async fn a_job_that_fails_does_not_hurt_its_neighbours() {
    on_each(|db| async move {
        let refused = db.write::<(), StoryError, _>(|tx| {
            Box::pin(async move {
                tx.execute(ADD_NOTE, params![10_i64, "refused"]).await?;
                Err(StoryError::Refused)
            })
        });
        let broken = db.write::<u64, DbError, _>(|tx| {
            Box::pin(async move {
                tx.execute(ADD_NOTE, params![20_i64, "broken"]).await?;
                tx.execute(ADD_NOTE, params![20_i64, "twice"]).await
            })
        });
        let panicking = db.write::<(), DbError, _>(|tx| {
            Box::pin(async move {
                tx.execute(ADD_NOTE, params![30_i64, "panicking"]).await?;
                panic!("of all things");
            })
        });
        let before = db.stats().commits;
        let all = async {
            tokio::join!(
                add_note(&db, 1, "first"),
                refused,
                add_note(&db, 2, "second"),
                broken,
                panicking,
                add_note(&db, 3, "third"),
            )
        };
        let told = while_the_writer_is_held(&db, all).await;
        assert_eq!((told.0, told.2, told.5), (Ok(1), Ok(1), Ok(1)));
        assert_eq!(told.1, Err(StoryError::Refused));
        assert!(told.3.unwrap_err().is_unique_violation());
        assert_eq!(told.4, Err(DbError::Panicked("of all things".to_owned())));
        assert_eq!(notes(&db).await, 3);
        let stats = db.stats();
        assert!(stats.commits - before <= 2, "the neighbours shared a commit: {stats:?}");
        assert_eq!(stats.failed_jobs, 3);
        assert_eq!(add_note(&db, 4, "later").await, Ok(1));
    })
    .await;
}

#[tokio::test]
async fn a_job_whose_statement_failed_is_undone_even_if_it_says_all_is_well() {
    on_each(|db| async move {
        add_note(&db, 1, "one").await.unwrap();
        let optimist = db.write::<(), DbError, _>(|tx| {
            Box::pin(async move {
                tx.execute(ADD_NOTE, params![2_i64, "two"]).await?;
                let conflict = tx.execute(ADD_NOTE, params![1_i64, "again"]).await;
                assert!(conflict.unwrap_err().is_unique_violation());
                let next = tx.execute(ADD_NOTE, params![3_i64, "three"]).await;
                assert!(next.unwrap_err().is_unique_violation(), "the first error stays");
                Ok(())
            })
        });
        assert!(optimist.await.unwrap_err().is_unique_violation());
        assert_eq!(notes(&db).await, 1);
    })
    .await;
}

#[tokio::test]
async fn what_follows_a_commit_happens_in_order_and_only_for_jobs_that_were_kept() {
    on_each(|db| async move {
        let told = Arc::new(Mutex::new(Vec::new()));
        let say = |name: &'static str, fails: bool| {
            let (db, told) = (db.clone(), Arc::clone(&told));
            async move {
                let seen = Arc::clone(&told);
                let result = db
                    .write::<(), StoryError, _>(move |tx| {
                        let seen = Arc::clone(&seen);
                        Box::pin(async move {
                            tx.execute(
                                "INSERT INTO counter (name, value) VALUES ($1, 0)",
                                params![name],
                            )
                            .await?;
                            tx.after_commit(move || seen.lock().unwrap().push(name));
                            if fails { Err(StoryError::Refused) } else { Ok(()) }
                        })
                    })
                    .await;
                if result.is_ok() {
                    assert!(told.lock().unwrap().contains(&name), "it follows before the answer");
                }
            }
        };
        let all = async {
            tokio::join!(
                say("a", false),
                say("b", true),
                say("c", false),
                say("d", true),
                say("e", false)
            )
        };
        while_the_writer_is_held(&db, all).await;
        assert_eq!(*told.lock().unwrap(), ["a", "c", "e"]);
    })
    .await;
}

#[tokio::test]
async fn what_follows_a_commit_sees_it() {
    on_each(|db| async move {
        let (tell, told) = oneshot::channel();
        let tell = Arc::new(Mutex::new(Some(tell)));
        let reader = db.clone();
        let write = db.write::<u64, DbError, _>(move |tx| {
            let (tell, reader) = (Arc::clone(&tell), reader.clone());
            Box::pin(async move {
                tx.after_commit(move || {
                    let tell = tell.lock().unwrap().take().unwrap();
                    tokio::runtime::Handle::current().spawn(async move {
                        tell.send(notes(&reader).await).unwrap();
                    });
                });
                tx.execute(ADD_NOTE, params![1_i64, "one"]).await
            })
        });
        write.await.unwrap();
        assert_eq!(told.await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_panic_after_the_commit_takes_nobody_along() {
    on_each(|db| async move {
        let write = db.write::<u64, DbError, _>(|tx| {
            Box::pin(async move {
                tx.after_commit(|| panic!("of all moments"));
                tx.execute(ADD_NOTE, params![1_i64, "one"]).await
            })
        });
        assert_eq!(write.await, Ok(1));
        assert_eq!(add_note(&db, 2, "two").await, Ok(1));
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_cancel_its_job() {
    on_each(|db| async move {
        let quitter = db.clone();
        let all = async {
            let mut write = Box::pin(add_note(&quitter, 1, "one"));
            assert!(futures_util::poll!(&mut write).is_pending());
            drop(write);
        };
        while_the_writer_is_held(&db, all).await;
        add_note(&db, 2, "two").await.unwrap();
        assert_eq!(notes(&db).await, 2);
    })
    .await;
}

struct CountUp {
    name: &'static str,
    runs: Arc<AtomicUsize>,
}

#[async_trait]
impl Job for CountUp {
    type Output = i64;
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<i64, DbError> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        tx.fetch_one(crate::house::COUNT_UP, params![self.name]).await?.get("value")
    }
}

#[tokio::test]
async fn a_job_can_be_a_type_of_its_own() {
    on_each(|db| async move {
        let runs = Arc::new(AtomicUsize::new(0));
        let job = CountUp { name: "own", runs: Arc::clone(&runs) };
        assert_eq!(db.run(job).await, Ok(1));
        assert_eq!((counter(&db, "own").await, runs.load(Ordering::SeqCst)), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_job_that_waits_for_another_is_refused_instead_of_waiting_for_ever() {
    on_each(|db| async move {
        let inner = db.clone();
        let outer = db.write::<i64, DbError, _>(move |_| {
            let inner = inner.clone();
            Box::pin(async move { count_up(&inner, "nested").await })
        });
        assert_eq!(outer.await, Err(DbError::Nested));
        assert_eq!(counter(&db, "nested").await, 0);
    })
    .await;
}

#[tokio::test]
async fn closing_finishes_what_was_accepted_and_refuses_the_rest() {
    everywhere(|place| async move {
        let db = place.open(MIGRATIONS).await;
        let accepted = async {
            let writes: Vec<_> = (0..50)
                .map(|id| {
                    let db = db.clone();
                    async move { add_note(&db, id, &id.to_string()).await }
                })
                .collect();
            let writes = join_all(writes);
            // The joined writes are polled, and with that in the queue, before the close.
            tokio::join!(writes, db.close()).0
        };
        for result in in_time(accepted).await {
            assert_eq!(result, Ok(1));
        }
        assert_eq!(add_note(&db, 99, "late").await, Err(DbError::Closed));
        assert_eq!(db.fetch_all(COUNT_NOTES, params![]).await.unwrap_err(), DbError::Closed);
        in_time(db.close()).await;

        let again = place.open(MIGRATIONS).await;
        assert_eq!(notes(&again).await, 50);
        again.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_job_may_close_the_database_without_waiting_for_itself() {
    everywhere(|place| async move {
        let db = place.open(MIGRATIONS).await;
        let closer = db.clone();
        let write = db.write::<u64, DbError, _>(move |tx| {
            let closer = closer.clone();
            Box::pin(async move {
                closer.close().await;
                tx.execute(ADD_NOTE, params![1_i64, "the last"]).await
            })
        });
        assert_eq!(in_time(write).await, Ok(1));
        in_time(db.close()).await;
        assert_eq!(add_note(&db, 2, "late").await, Err(DbError::Closed));
    })
    .await;
}

#[tokio::test]
async fn reads_see_the_last_commit_while_the_writer_is_at_work() {
    on_each(|db| async move {
        add_note(&db, 1, "one").await.unwrap();
        let reader = db.clone();
        let write = db.write::<i64, DbError, _>(move |tx| {
            let reader = reader.clone();
            Box::pin(async move {
                tx.execute(ADD_NOTE, params![2_i64, "two"]).await?;
                Ok(notes(&reader).await)
            })
        });
        assert_eq!(write.await, Ok(1));
        assert_eq!(notes(&db).await, 2);
    })
    .await;
}
