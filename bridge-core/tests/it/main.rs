//! The bridge as a whole, against a homeserver and a network in memory.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod journal;
mod world;
