//! Foreign programs as children of a test: started on ports of the system's choice, watched while they come up,
//! dead when their owner is. Standard library and `anyhow` only, because `xtask`, which is compiled before anything else,
//! starts its PostgreSQL with this crate too. The chat servers built on it live in the testkit's `peers`.

pub mod account;
pub mod ports;
pub mod postgres;
pub mod process;
