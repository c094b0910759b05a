//! The Application Service API, story by story.

mod identity;
mod ping;
mod registry;
mod scripted;
