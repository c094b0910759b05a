//! The framework: what every bridge shares. A bridge implements the network seam ([`network`]);
//! the core brings messages safely from one side to the other (see `ARCHITECTURE.md`).

mod bot;
mod bridge;
mod crossing;
mod ghosts;
mod html;
pub mod ids;
mod jobs;
mod journal;
mod logins;
mod matrix;
mod media;
mod metrics;
pub mod network;
mod networks;
mod parts;
mod permissions;
mod portals;
mod provisioning;
mod puppets;
mod spelling;
mod switches;
mod turns;

pub use bridge::{Bridge, BridgeBuilder, BridgeWatch, BuildError, Reload};
pub use crossing::{Crossing, Direction, Observer};
pub use journal::{
    Backlog, DeskError, JournalAnswer, JournalDesk, JournalFilter, JournalLine, JournalNote,
    JournalOrder, JournalPage, JournalPair, JournalStep, JournalStory, JournalTrace,
};
pub use matrix::{NameError, blueprint};
pub use media::SpoolOptions;
pub use permissions::{Permission, Permissions};
