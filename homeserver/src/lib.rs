//! The embedded Matrix homeserver, a library without statics: two of them fit in one process.
//!
//! A [`Homeserver`] is built over a database and a data folder and offers an [`axum::Router`]. Handlers in
//! `api/` translate between ruma's requests and the domain rooms (`users/`, `appservice/`, `rooms/`, `sync/`),
//! which decide; `store/` remembers, one file per table. What is not in this crate: sockets, TLS and
//! configuration files; whoever builds the homeserver brings those.

mod api;
mod appservice;
mod events;
mod house;
mod rooms;
mod store;
mod sync;
mod users;
