//! The journal's promises: nothing lost, nothing twice, order kept, over any crash.

mod commands;
mod crashes;
mod delivery;
mod desk;
mod features;
mod files;
mod intake;
mod lanes;
mod own_tokens;
mod plumbed;
mod retention;
mod shared_portals;
mod stopping;
mod storage;
mod to_matrix;
