//! Test houses for bridge authors: an embedded homeserver, a bridge and the demo network in one
//! process, people who send and see, transports that lose and repeat, crashes and restarts.
//!
//! ```no_run
//! # async fn story() {
//! use bridge_testkit::TestHouse;
//!
//! let house = TestHouse::new().await;
//! let mut alice = house.user("alice").await;
//! let bot = alice.meet_bot().await;
//! alice.command(&bot, "login demo name=alice").await;
//! let lobby = alice.join(&bot, "demo", "lobby").await;
//! house.network().says("bob", "lobby", "hello");
//! alice.sees(&lobby, "bob", "hello").await;
//! # }
//! ```
//!
//! [`peers`] starts real servers of real networks.

pub mod conformance;
mod faulty;
mod gauge;
mod house;
mod places;
mod user;

pub mod peers;

/// For implementing [`conformance::Harness`].
pub use async_trait::async_trait;
pub use faulty::{Faults, FaultyTransport};
pub use gauge::Gauge;
pub use house::{HouseOptions, TestHouse};
pub use places::Place;
pub use user::{BotRoom, TestUser};

/// Returns the clock of the machine, for networks that want one.
pub fn clock() -> support_clock::SharedClock {
    support_clock::SystemClock::shared()
}
