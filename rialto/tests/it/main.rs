//! Stories of the configuration and the command line.

#![expect(clippy::unwrap_used, reason = "in a story, what goes wrong may end it")]

mod config;
mod demo;
mod external;
mod house;
mod journal;
mod program;
mod start_up;
mod verbs;
