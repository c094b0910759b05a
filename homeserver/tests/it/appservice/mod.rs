//! The Application Service API, story by story.

mod delivery;
mod identity;
mod interest;
mod order;
mod passing;
mod ping;
mod privileges;
mod query;
mod registry;
pub(crate) mod scripted;
mod socket;
mod survival;

pub(crate) use self::scripted::{Scripted, registration};
