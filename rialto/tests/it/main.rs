//! Stories of the configuration and the command line.

mod config;
mod house;
mod program;
mod start_up;
mod verbs;
