//! IRC.

pub mod wire;
