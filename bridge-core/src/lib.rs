//! The framework: what every bridge shares. A bridge implements the network seam ([`network`]);
//! the core brings messages safely from one side to the other (see `ARCHITECTURE.md`).

pub mod ids;
pub mod network;
