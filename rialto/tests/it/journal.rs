//! Asking after messages at the command line, with the server running and without.

use crate::program::Program;
use bridge_core::Bridge;
use serde_json::Value;
use std::sync::Arc;
use support_clock::{OsRandom, SystemClock};
use support_db::{Db, DbError, Location, OpenOptions, params};

const ROW: &str = "INSERT INTO journal_row (seq, direction, lane, event_key, room_id, event_id,
        sender, kind, payload, version, state, waits_for, attempts, accepted_at)
    VALUES ($1, 'from_matrix', 'm:!r:localhost', $2, '!r:localhost', $2, '@alice:localhost',
        'm.room.message', '{\"content\":{\"body\":\"a secret\"}}', 1, 'parked', 'libera-1', 0, $3)";
const LOGIN: &str =
    "INSERT INTO login (id, network, number, owner, remote_id, name, metadata, created_at)
    VALUES ('libera-1', 'libera', 1, '@alice:localhost', 'alice', 'alice', 'null', 1)";

/// Puts two messages into the journal that wait for a login whose network is not configured.
async fn with_waiting_messages() -> Program {
    let program = Program::new();
    program.run("journal list").ok();
    let options = OpenOptions::new("a test", SystemClock::shared(), Arc::new(OsRandom));
    let place = Location::sqlite(program.data("bridges.db"));
    let db = Db::open(place, Bridge::migrations(), options).await.unwrap();
    let now = SystemClock::shared().now_ms();
    db.write(move |tx| {
        Box::pin(async move {
            tx.execute(LOGIN, params![]).await?;
            for (seq, event) in [(1_i64, "$one"), (2, "$two")] {
                tx.execute(ROW, params![seq, event, now]).await?;
            }
            Ok::<_, DbError>(())
        })
    })
    .await
    .unwrap();
    db.close().await;
    program
}

fn json(program: &Program, args: &str) -> Value {
    serde_json::from_str(&program.run(args).ok()).unwrap()
}

/// The same story twice: on the opened database, and through the running server.
fn messages_are_asked_after(program: &Program) {
    let list = program.run("journal list").ok();
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 2, "{list}");
    let begins = "1 parked from Matrix: m.room.message by @alice:localhost, lane m:!r:localhost, ";
    assert!(lines[0].starts_with(begins), "{list}");
    assert!(lines[0].contains("waits for the login libera-1 to be connected"), "{list}");

    let page = program.run("journal list --limit 1");
    assert!(page.err.contains("rialto journal list --after 1"), "{page:?}");
    assert_eq!(page.ok().lines().count(), 1);
    let page = json(program, "journal list --after 1 --state parked --room !r:localhost --json");
    assert_eq!(page["rows"][0]["event_id"], "$two");
    assert_eq!(page["next"], Value::Null);
    assert!(json(program, "journal list --network libera --json")["rows"][0].is_null());

    for args in ["journal show 1", "trace $one"] {
        let told = program.run(args).ok();
        assert!(told.contains(" UTC  accepted"), "{args}: {told}");
        assert!(told.contains("Now: parked, waits for the login libera-1"), "{args}: {told}");
        let all = told + &program.run(&format!("{args} --json")).ok();
        assert!(!all.contains("secret"), "what was said is nobody's business: {all}");
    }
    assert_eq!(json(program, "journal show 2 --json")["event_id"], "$two");
    assert_eq!(json(program, "trace $two --json")["stories"][0]["id"], 2);

    let retried = program.run("journal retry 2").ok();
    assert!(retried.starts_with("Row 2 "), "{retried}");
    let dropped = program.run("journal drop 1").ok();
    assert!(dropped.starts_with("Row 1 is out of the journal"), "{dropped}");
    for (args, words) in [
        ("journal drop 1", "it is settled: dropped"),
        ("journal show 77", "there is no row 77"),
        ("journal retry 77 --even-if-doubled", "there is no row 77"),
        ("trace $nothing", "nothing is known of $nothing"),
    ] {
        let ran = program.run(args);
        assert_eq!(ran.code, 1, "{args}: {ran:?}");
        assert!(ran.complaint().contains(words), "{args}: {ran:?}");
    }
    for args in ["journal", "journal show one", "journal list --state blue", "trace"] {
        assert_eq!(program.run(args).code, 2, "{args}");
    }
    let told = program.run("trace $one").ok();
    assert!(told.contains("taken out by the operator"), "{told}");
    assert!(told.contains("settled: dropped: An operator took it out"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_asked_after_without_a_server() {
    messages_are_asked_after(&with_waiting_messages().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_asked_after_through_the_running_server() {
    let program = with_waiting_messages().await;
    let up = program.up();
    messages_are_asked_after(&program);
    assert_eq!(up.stop("-TERM").0, 0);
}

#[test]
fn journal_without_anything_to_tell_says_so() {
    let program = Program::new();
    let list = program.run("journal list").ok();
    assert_eq!(list, "Nothing is on its way, and nothing went wrong lately.\n");
}
