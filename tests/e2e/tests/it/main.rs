//! Whole-program stories against real servers and real clients. `cargo xtask peers --install` brings what they need;
//! `cargo xtask test` runs them, those of `main_job` first.

mod appservices;
mod channels;
mod clients;
mod connection_loss;
mod crashes;
mod external;
mod external_start_up;
mod external_synapse;
mod foreign_bridges;
mod irc_accounts;
mod irc_files;
mod irc_formatting;
mod irc_people;
mod irc_programs;
mod irc_ranks;
mod irc_tags;
mod main_job;
mod nio;
mod peers;
mod private_messages;
mod refusals;
mod splitting;
mod start_up;
mod support;
mod verbs;
mod watched;
