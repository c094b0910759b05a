//! Real servers as children of a test, and a raw client that watches them: InspIRCd (modern), ngIRCd (legacy), Atheme
//! (accounts for SASL), PostgreSQL. Each lives in a folder of its own on ports of the system's choice, answers before
//! its constructor returns, and is gone when it is dropped or its test ends, whatever way.
//!
//! `cargo xtask peers --install` brings what is missing.

mod atheme;
mod inspircd;
mod line;
mod ngircd;
mod postgres;
mod probe;
mod raw;
mod wire;

pub use inspircd::{InspIrcd, InspIrcdBuilder};
pub use line::Line;
pub use ngircd::NgIrcd;
pub use postgres::PostgresServer;
pub use raw::{Heard, RawIrc, RawIrcOptions};
pub use test_daemons::process::{Daemon, bound_command, find_program, send_signal};
pub use wire::Wire;

/// Password of the connection class that our servers limit in nothing, for observers.
pub const OBSERVER_PASSWORD: &str = "observer";

/// Name and password of the operator on our servers.
pub const OPERATOR: (&str, &str) = ("root", "operator");
