//! Stories of the configuration and the command line.

mod config;
mod external;
mod house;
mod program;
mod start_up;
mod verbs;
