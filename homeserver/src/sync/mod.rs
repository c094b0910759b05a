//! `/sync`: tokens, answers and the long poll.
//!
//! An answer is computed from one snapshot of the database, whose stream position becomes the next token: all
//! its parts tell of exactly the same moment, and nothing can fall between two answers.

mod answer;
mod batch;
mod counts;
mod ephemeral;
mod outside;
mod piece;
mod poll;
mod presence;
mod state;
mod summary;
mod token;
mod waiters;
mod write;

pub(crate) use self::{poll::sync, waiters::Waiters};
