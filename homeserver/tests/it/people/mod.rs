//! Accounts, sessions, profiles and what clients keep for themselves.

mod devices;
mod discovery;
mod login;
mod personal;
mod push_rules;
mod registration;
mod shared_secret;
mod start;
mod tags;
