//! A bridge to NewNet: what the network is, its quirks, where it is described.
//!
//! `README.md` is the map.

mod capabilities;
mod chat_info;
mod client;
mod config;
mod connector;
mod error;
mod from_matrix;
mod ids;
mod login;
mod network;
mod to_matrix;

pub use config::NewNetConfig;
pub use connector::{KIND, factory, factory_for};
pub use network::{LOBBY, NewNet, Said};
