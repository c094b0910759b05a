//! The crash story, told on either database: `kill -9` at seeded moments while numbered messages flow each way.
//!
//! What Bob says on IRC is witnessed by Eve, whose server stamps every line; what the server wrote to Eve it wrote to
//! Alice's connection in the same breath. So the lines that must be on Matrix are those that Eve heard while Alice was in
//! the channel, but for those of the last 500 ms before a kill.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bridge_testkit::peers::{Heard, InspIrcd, RawIrc};
use e2e::chat::{UNPACED, is_success};
use e2e::numbers::{Seeded, ensure_all_arrived, ensure_once_and_in_order, numbers_of};
use e2e::{Setup, journal};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::modern::{CHANNEL, Modern};

/// Messages each way.
const COUNT: u32 = 200;
/// How often the program is killed while they flow.
const KILLS: u32 = 3;
/// Lines younger than this at a kill may be lost: they may still have been on the wire.
const GRACE_MS: i64 = 500;
/// Between two messages of one speaker: long enough that most lines are older than the grace at every kill.
const PACE: Duration = Duration::from_millis(25);

/// Tells the story; the seed decides the moments.
pub(crate) async fn kill_9_loses_and_doubles_nothing(setup: Setup, seed: u64) -> Result<()> {
    announce(&format!("seed {seed}"));
    let irc = InspIrcd::start()?;
    let mut eve = irc.observer("eve").await?;
    eve.join(CHANNEL).await?;
    let Modern { mut bob, mut story, mut program, irc: _irc } =
        Modern::begin_with(irc, UNPACED, setup).await?;

    let mut moments = Seeded::new(seed);
    let mut kill_at: Vec<u32> =
        (0..KILLS).map(|part| part * COUNT / KILLS + moments.between(10, COUNT / KILLS)).collect();
    kill_at.dedup();

    // Alice's client sends in a task of its own, as stubborn as a real one.
    let sender = program.log_in("alice").await?;
    let room = story.room.clone();
    let (sent, mut sent_events) = mpsc::channel::<(u32, String)>(COUNT as usize);
    let tasks = tokio_util::task::TaskTracker::new();
    let sending = tasks.spawn(async move {
        for number in 1..=COUNT {
            let content = json!({ "msgtype": "m.text", "body": format!("mx {number}") });
            let txn = format!("crash-{number}");
            let event_id = sender.send_stubbornly(&room, &txn, content).await?;
            sent.send((number, event_id)).await.context("nobody listens")?;
            tokio::time::sleep(PACE).await;
        }
        anyhow::Ok(())
    });

    let mut killed_at_ms = Vec::new();
    for number in 1..=COUNT {
        bob.say(CHANNEL, &format!("irc {number}")).await?;
        if kill_at.contains(&number) {
            bob.barrier().await?;
            // The server's own clock says when: the time of its last line before the kill.
            killed_at_ms.push(newest_server_time(&bob).context("a server without a clock")?);
            program.kill_9()?;
            announce(&format!("killed after irc {number}"));
            program.up().await?;
            wait_until_back(&eve, killed_at_ms.len()).await?;
        }
        tokio::time::sleep(PACE).await;
    }
    bob.barrier().await?;
    eve.wait("all of Bob's lines", |heard| {
        heard.iter().any(|one| one.line.text() == format!("irc {COUNT}"))
    })
    .await?;
    sending.await??;

    // IRC to Matrix.
    let heard = eve.heard();
    let required = lines_that_must_arrive(&heard, &killed_at_ms);
    ensure!(required.len() > COUNT as usize / 2, "the story is empty: only {required:?} count");
    let ghost = story.ghost("bob");
    let room = story.room.clone();
    let arrived = |bodies: &[String]| numbers_of("irc", bodies.iter().map(String::as_str));
    let last = required.iter().next_back().copied().unwrap_or(COUNT);
    story
        .alice
        .wait(&format!("irc {last} on Matrix"), |client| {
            arrived(&client.rooms().get(&room)?.bodies_of(&ghost)).contains(&last).then_some(())
        })
        .await?;
    let on_matrix = arrived(&story.alice.room(&room).bodies_of(&ghost));
    ensure_once_and_in_order("IRC to Matrix", &on_matrix)?;
    ensure_all_arrived("IRC to Matrix", &required, &on_matrix)?;

    // Matrix to IRC.
    let mut unknown = BTreeSet::new();
    while let Some((number, event_id)) = sent_events.recv().await {
        let fate = story.alice.expect_fate(&room, &event_id).await?;
        if !is_success(&fate) {
            ensure!(fate["com.rialto.outcome"] == "unknown", "mx {number} ended as {fate}");
            ensure_sender_is_told(&mut story.alice, &room, &event_id).await?;
            unknown.insert(number);
        }
    }
    let on_irc: Vec<String> = messages_of(&eve.heard(), "alice");
    let on_irc = numbers_of("mx", on_irc.iter().map(String::as_str));
    ensure_once_and_in_order("Matrix to IRC", &on_irc)?;
    let certain: BTreeSet<u32> = (1..=COUNT).filter(|number| !unknown.contains(number)).collect();
    ensure_all_arrived("Matrix to IRC", &certain, &on_irc)?;
    // A window of doubt is one step a lane and kill, not the rest of the conversation.
    let doubts = usize::try_from(KILLS)? * 4;
    ensure!(unknown.len() <= doubts, "too much is in doubt: {unknown:?}");
    announce(&format!("{} required, {} unknown: {unknown:?}", required.len(), unknown.len()));

    let rows = journal::expect_all_accounted_for(&program).await?;
    ensure!(rows.len() > COUNT as usize, "the journal holds only {} rows", rows.len());
    program.stop()
}

#[expect(clippy::print_stderr, reason = "a failed run is repeated from what it printed")]
fn announce(text: &str) {
    eprintln!("crash story: {text}");
}

fn newest_server_time(irc: &RawIrc) -> Option<i64> {
    irc.heard().iter().rev().find_map(|one| one.line.server_time_ms())
}

/// Waits until Alice has joined once more than there were kills.
async fn wait_until_back(eve: &RawIrc, kills: usize) -> Result<()> {
    eve.wait("Alice to be back", |heard| {
        let joins = heard.iter().filter(|one| is_by(one, "alice", "JOIN")).count();
        joins > kills
    })
    .await
}

fn is_by(heard: &Heard, nick: &str, command: &str) -> bool {
    heard.line.command == command && heard.line.nick() == nick
}

fn messages_of(heard: &[Heard], nick: &str) -> Vec<String> {
    let said = heard.iter().filter(|one| is_by(one, nick, "PRIVMSG"));
    said.map(|one| one.line.text().to_owned()).collect()
}

/// The numbers of Bob's lines that were written to Alice's connection more than the grace before a kill.
fn lines_that_must_arrive(heard: &[Heard], killed_at_ms: &[i64]) -> BTreeSet<u32> {
    let mut alice_is_in = false;
    let mut required = BTreeSet::new();
    for one in heard {
        if is_by(one, "alice", "JOIN") {
            alice_is_in = true;
        } else if is_by(one, "alice", "QUIT") || is_by(one, "alice", "PART") {
            alice_is_in = false;
        } else if alice_is_in && is_by(one, "bob", "PRIVMSG") {
            let at = one.line.server_time_ms().unwrap_or(one.at_ms);
            let in_doubt = killed_at_ms.iter().any(|kill| (kill - GRACE_MS..=*kill).contains(&at));
            if !in_doubt {
                required.extend(numbers_of("irc", [one.line.text()]));
            }
        }
    }
    required
}

/// The bot says in the room what became of the message, as an answer to it.
pub(crate) async fn ensure_sender_is_told(
    alice: &mut e2e::MatrixClient,
    room: &str,
    event_id: &str,
) -> Result<Value> {
    alice
        .wait(&format!("words about {event_id}"), |client| {
            let timeline = &client.rooms().get(room)?.timeline;
            timeline.iter().rev().find(|event| answers(event, event_id)).cloned()
        })
        .await
}

fn answers(event: &Value, event_id: &str) -> bool {
    let content = &event["content"];
    event["type"] == "m.room.message"
        && content["msgtype"] == "m.notice"
        && content["m.relates_to"]["m.in_reply_to"]["event_id"] == event_id
}
