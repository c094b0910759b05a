//! Accounts, sessions, profiles and what clients keep for themselves.

mod browser;
mod devices;
mod discovery;
mod limits;
mod login;
mod login_token;
mod personal;
mod presence;
mod push_rules;
mod refresh;
mod registration;
mod shared_secret;
mod start;
mod tags;
