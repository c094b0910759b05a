//! `/sync`: tokens, answers and the long poll.
//!
//! An answer is computed from one snapshot of the database, whose stream position becomes the next token: all
//! its parts tell of exactly the same moment, and nothing can fall between two answers.

mod answer;
mod ephemeral;
mod poll;
mod rooms;
mod token;
mod waiters;

pub(crate) use self::{poll::sync, waiters::Waiters};
