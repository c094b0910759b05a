//! Stories of a whole house: homeserver, bridge and the demo network in one process.

mod bot;
mod crashes;
mod crossing;
mod faults;
mod rooms;
mod secrets;
mod starting;
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
