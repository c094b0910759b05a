//! The contract of `support-db`, told on every database that can be reached. Stories that only
//! one of them has live in `sqlite_only.rs` and `postgres_only.rs`.

#![expect(clippy::unwrap_used, reason = "these are tests, also where no #[test] stands above")]

mod house;
mod proxy;
mod server;

mod jobs;
mod opening;
mod positions;
mod postgres_only;
mod process;
mod sqlite_only;
mod values;
