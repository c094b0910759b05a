//! Rooms: what people say, see and may do in them.

mod aliases;
mod context;
mod creation;
mod directories;
mod ephemeral;
mod examples;
mod history;
mod inserted;
mod knocking;
mod membership;
mod messages;
mod odds;
mod order;
mod redaction;
mod relations;
mod search;
mod spaces;
mod state;
mod sync;
mod sync_filters;
mod sync_rooms;
pub(crate) mod talk;
mod unread;
mod upgrades;
