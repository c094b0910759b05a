//! What is remembered, one file per table. Only SQL and row types live here; deciding happens in the domain rooms.

pub(crate) mod account_data;
pub(crate) mod aliases;
pub(crate) mod appservices;
pub(crate) mod devices;
pub(crate) mod directory;
pub(crate) mod events;
pub(crate) mod facts;
pub(crate) mod filters;
pub(crate) mod media;
pub(crate) mod memberships;
pub(crate) mod notifications;
pub(crate) mod outbox;
pub(crate) mod position;
mod reader;
pub(crate) mod receipts;
pub(crate) mod registration_tokens;
pub(crate) mod relations;
pub(crate) mod reports;
pub(crate) mod rooms;
pub(crate) mod search;
pub(crate) mod state;
pub(crate) mod sweep;
pub(crate) mod tokens;
pub(crate) mod users;

pub(crate) use reader::{Reader, column};

#[cfg(test)]
mod relation_tests;
#[cfg(test)]
mod room_tests;
#[cfg(test)]
mod tests;
