//! Rooms: what people say, see and may do in them.

mod aliases;
mod creation;
mod directories;
mod ephemeral;
mod examples;
mod history;
mod knocking;
mod membership;
mod messages;
mod odds;
mod order;
mod redaction;
mod search;
mod spaces;
mod state;
mod sync;
pub(crate) mod talk;
mod upgrades;
