//! Whole-program stories against real servers and real clients. `cargo xtask test` brings what they need.

mod peers;
