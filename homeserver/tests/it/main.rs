//! Stories told to a whole homeserver through its router, as clients and appservices would.

#![expect(clippy::unwrap_used, reason = "these are tests, also where no #[test] stands above")]

mod appservice;
mod harness;
mod hostile;
mod media;
mod people;
mod rooms;
