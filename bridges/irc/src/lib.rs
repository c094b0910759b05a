//! IRC.

pub mod connection;
pub mod wire;
