//! Crashes at seeded moments, again and again: whatever the moment, every line is on the other side
//! once and in order, and every row has one final state.

use bridge_core::network::{LostAnswer, RemoteEvent};
use support_clock::{Random as _, SeededRandom};
use support_db::testing::{TestPlace, sqlite_place, test_locations};
use tokio::sync::Semaphore;

use crate::world::{
    ALICE, World, eventually,
    network::{Confirms, Nature, Script, message},
};

#[tokio::test]
async fn plan_of_nine_lines_goes_on_behind_the_last_one_that_was_sent() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let gate = std::sync::Arc::new(Semaphore::new(0));
    world.network.script("line 5", Script::Gate(gate));
    let text: Vec<String> = (1..=9).map(|number| format!("line {number}")).collect();
    let event = world.homeserver.say(&room, ALICE, &text.join("\n"));
    eventually("the fifth is tried", || world.network.attempts().len() == 5).await;
    world.crash().await;
    assert_eq!(world.network.texts("#a").len(), 4);

    world.start().await;
    world.settled().await;
    assert_eq!(world.network.texts("#a"), text);
    assert_eq!(world.network.asked(), 1, "only the fifth was in doubt");
    assert_eq!(world.homeserver.statuses(&room, &event), ["sent"]);
}

/// What a run is like.
struct Run {
    seed: u64,
    nature: Nature,
    idempotent: bool,
    /// What the network can find out: nothing may be missing or doubled then.
    exact: bool,
}

fn run_of(seed: u64) -> Run {
    let (nature, exact) = match seed % 4 {
        0 => (Nature::default(), true),
        1 => (
            Nature {
                confirms: Confirms::ByEcho,
                lost_answer: LostAnswer::EchoMatch,
                max_inflight: 3,
                ..Nature::default()
            },
            true,
        ),
        2 => {
            let lost_answer = LostAnswer::ClientKey { window_ms: 86_400_000 };
            (Nature { lost_answer, ..Nature::default() }, true)
        }
        _ => (Nature { lost_answer: LostAnswer::None, ..Nature::default() }, false),
    };
    Run { seed, nature, idempotent: (seed / 4).is_multiple_of(2), exact }
}

/// Delivers what the network has for the bridge until all of it is committed, as a network does
/// that redelivers what was not acknowledged.
async fn feed(world: &World, events: &mut Vec<RemoteEvent>) {
    while let Some(next) = events.first() {
        let Some(sink) = world.network.sink("test-1") else {
            tokio::task::yield_now().await;
            continue;
        };
        let batch = bridge_core::network::Batch::event(next.clone());
        if sink.commit(batch).await.is_ok() {
            events.remove(0);
        }
    }
}

/// Returns how often it crashed in the middle of something.
async fn survive(place: TestPlace, run: &Run) -> usize {
    let seed = run.seed;
    let random = SeededRandom::new(seed);
    let mut world = World::at(place, seed);
    if !run.idempotent {
        world = world.with_forgetful_homeserver();
    }
    world.network.set_nature(run.nature);
    world.start().await;
    let room = world.room("#a").await;

    let mut expected = Vec::new();
    let mut events = Vec::new();
    let mut news = Vec::new();
    for number in 0..4 {
        let lines: Vec<String> =
            (0..=random.below(3)).map(|line| format!("out {number}.{line}")).collect();
        events.push(world.homeserver.say(&room, ALICE, &lines.join("\n")));
        expected.extend(lines);
        let id = format!("n{number}");
        news.push(message("#a", "bob", Some(&id), &format!("in {number}")));
    }
    let mut crashes = 0;
    for _ in 0..=random.below(2) {
        let ticks = i64::try_from(random.below(28)).unwrap() + 1;
        let burnt = world.fuse.set(ticks);
        // Half of the crashes come at a call into the world, half of them anywhere.
        let anywhere = random.below(2) == 0;
        let moments = random.below(3000);
        tokio::select! {
            () = burnt.cancelled() => crashes += 1,
            () = async { for _ in 0..moments { tokio::task::yield_now().await } }, if anywhere => {
                crashes += 1;
            }
            () = async { feed(&world, &mut news).await; world.settled().await } => {}
        }
        world.crash().await;
        if !run.idempotent {
            world.homeserver.forget_transactions();
        }
        world.fuse.remove();
        world.start().await;
    }
    feed(&world, &mut news).await;
    world.settled().await;

    let sent = world.network.texts("#a");
    if run.exact {
        assert_eq!(sent, expected, "seed {seed}: from Matrix");
    } else {
        // At most once, in order; what is missing was reported.
        let mut rest = expected.iter();
        assert!(sent.iter().all(|line| rest.any(|known| known == line)), "seed {seed}: {sent:?}");
        if sent.len() < expected.len() {
            let outcomes = events.iter().flat_map(|event| world.homeserver.statuses(&room, event));
            assert!(outcomes.into_iter().any(|outcome| outcome == "unknown"), "seed {seed}");
        }
    }
    let heard: Vec<String> = world
        .homeserver
        .said(&room)
        .into_iter()
        .filter_map(|line| line.strip_prefix("_rialto_test_bob: ").map(str::to_owned))
        .collect();
    assert_eq!(heard, ["hello", "in 0", "in 1", "in 2", "in 3"], "seed {seed}: to Matrix");
    for event in &events {
        let statuses = world.homeserver.statuses(&room, event);
        assert_eq!(statuses.len(), 1, "seed {seed}: {statuses:?}");
    }
    let open =
        world.rows("SELECT seq FROM journal_row WHERE state <> 'settled' OR outcome IS NULL").await;
    assert!(open.is_empty(), "seed {seed}: {open:?}");
    let steps = world
        .rows("SELECT row_seq FROM journal_step WHERE state NOT IN ('sent', 'failed', 'unknown', 'ignored', 'expired')")
        .await;
    assert!(steps.is_empty(), "seed {seed}: {steps:?}");
    world.crash().await;
    crashes
}

async fn survive_seeds(seeds: std::ops::Range<u64>) {
    let mut crashes = 0;
    for seed in seeds.clone() {
        crashes += survive(sqlite_place(), &run_of(seed)).await;
    }
    assert!(crashes >= seeds.count(), "too few crashes hit something: {crashes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_survives_crashes_at_seeded_moments_1() {
    survive_seeds(0..60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_survives_crashes_at_seeded_moments_2() {
    survive_seeds(60..120).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_survives_crashes_at_seeded_moments_3() {
    survive_seeds(120..180).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_survives_crashes_at_seeded_moments_4() {
    survive_seeds(180..240).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_survives_crashes_on_every_database() {
    for seed in 240..248 {
        for place in test_locations() {
            survive(place, &run_of(seed)).await;
        }
    }
}
