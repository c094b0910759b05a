//! The bridge as a whole, against a homeserver and a network in memory.

mod journal;
mod world;
