//! Stories of a whole house: homeserver, bridge and the demo network in one process.

mod bot;
mod crashes;
mod crossing;
mod faults;
mod files;
mod files_over_crashes;
mod history;
mod kinds;
mod kinds_as_configured;
mod kinds_over_crashes;
mod kinds_switched_off;
mod plumbing;
mod plumbing_over_crashes;
mod provisioning;
mod rooms;
mod secrets;
mod starting;
mod threads_and_receipts;
mod vault;

use bridge_testkit::{BotRoom, TestHouse, TestUser};

/// Opens a house whose log shows with the test's output where `RUST_LOG` asks for it.
fn log() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer();
    drop(log.try_init());
}

/// A person who is logged in to the demo network.
async fn logged_in(house: &TestHouse, name: &str) -> (TestUser, BotRoom) {
    log();
    let mut user = house.user(name).await;
    let bot = user.meet_bot().await;
    let answer = user.command(&bot, &format!("login demo name={name}")).await;
    assert!(answer.contains("connected"), "{answer}");
    (user, bot)
}

/// The texts of a numbered kind among what was said, in order.
fn numbered<'t>(texts: impl Iterator<Item = &'t str>, prefix: &str) -> Vec<usize> {
    texts.filter_map(|text| text.strip_prefix(prefix)?.trim().parse().ok()).collect()
}

/// The seeds a story is told with: three, or those of `RIALTO_TEST_SEEDS` (`17` or `1..100`).
fn seeds() -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("RIALTO_TEST_SEEDS") else { return 1..4 };
    let number =
        |text: &str| text.trim().parse::<u64>().expect("RIALTO_TEST_SEEDS is 17 or 1..100");
    match asked.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(&asked)..number(&asked) + 1,
    }
}
