//! A holder that is killed. The holder is this test program again, started with a place to open.

use std::process::Stdio;

use support_db::{Db, Location, testing::options};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::house::{MIGRATIONS, add_note, everywhere, in_time, notes};

const PLACE: &str = "SUPPORT_DB_TEST_HOLD";

#[tokio::test]
async fn a_killed_holder_leaves_the_database_free_and_its_commits_in_it() {
    everywhere(|place| async move {
        let address = match place.name {
            "sqlite" => place.file().display().to_string(),
            _ => {
                let (url, schema) = place.server();
                format!("{url}|{schema}")
            }
        };
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::holder_process", "--nocapture", "--include-ignored"])
            .env(PLACE, address)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let committed = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.contains("the note is committed") {
                    return;
                }
            }
            panic!("the holder ended early");
        };
        in_time(committed).await;
        let quick = options("second").wait_for_holder(std::time::Duration::ZERO);
        let refused = Db::open(place.location.clone(), MIGRATIONS, quick).await.unwrap_err();
        assert!(refused.to_string().contains("in use by the child"), "{refused}");

        child.kill().await.unwrap();
        let db = in_time(place.open(MIGRATIONS)).await;
        assert_eq!(notes(&db).await, 1);
        db.close().await;
    })
    .await;
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the story that started it listens")]
#[ignore = "the other half of the story above, started by it"]
async fn holder_process() {
    let Ok(address) = std::env::var(PLACE) else { return };
    let location = match address.rsplit_once('|') {
        Some((url, schema)) => Location::postgres(url, schema),
        None => Location::sqlite(address),
    };
    let db = Db::open(location, MIGRATIONS, options("the child")).await.unwrap();
    add_note(&db, 1, "from the child").await.unwrap();
    println!("the note is committed");
    std::future::pending::<()>().await;
}
