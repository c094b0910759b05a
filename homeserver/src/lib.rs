//! The embedded Matrix homeserver, a library without statics: two of them fit in one process.
//!
//! A [`Homeserver`] is built over a database and a data folder and offers an [`axum::Router`]. Handlers in
//! `api/` translate between ruma's requests and the domain rooms (`users/`, `appservice/`, `rooms/`, `sync/`),
//! which decide; `store/` remembers, one file per table. What is not in this crate: sockets, TLS and
//! configuration files; whoever builds the homeserver brings those.

mod api;
mod appservice;
mod builder;
mod closing;
mod config;
mod error;
mod events;
mod homeserver;
mod house;
mod keys;
mod limits;
mod media;
mod presence;
mod push;
mod requester;
mod rooms;
mod spreader;
mod store;
mod sync;
mod users;

pub use self::{
    appservice::{AppserviceError, AppserviceInfo, Origin, SealError},
    builder::{BuildError, Database, HomeserverBuilder},
    config::RegistrationMode,
    homeserver::{AccountError, Homeserver},
    keys::KeyError,
    limits::{Rate, Rates},
    users::AccountInfo,
};

/// The schema, in the order it grew.
pub(crate) const MIGRATIONS: &[support_db::Migration] = support_db::migrations![1 => "0001_people", 2 => "0002_rooms", 3 => "0003_media", 4 => "0004_receipts", 5 => "0005_relations", 6 => "0006_attention", 7 => "0007_directories"];
