//! IRC: the oldest of the networks, and the one that promises least. It numbers nothing, keeps
//! nothing and confirms nothing unless asked; so this bridge asks.
//!
//! - A login is one connection with one nick ([`connection`]). It stays connected by itself.
//! - A channel is a portal shared by all logins in it; a private conversation is a direct portal of
//!   one login. People are ghosts keyed by their folded nick: there is nothing more stable.
//! - A text leaves as lines of at most 512 bytes, one step each. What became of a line is known by a
//!   labelled answer, by our own line echoed, or by the PONG to a PING sent behind it.
//! - Where the server gives messages no ids, every login hears its own copy of a channel: the core
//!   lets one login per portal listen. Lines of our own other logins are recognised by nick and mask.
//! - What was said while nobody was connected is lost; the room is told where.
//!
//! Specifications: <https://modern.ircdocs.horse/>, <https://ircv3.net/irc/>.

mod capabilities;
mod channel_keys;
mod chat_info;
mod client;
mod config;
pub mod connection;
mod connector;
pub mod convert;
mod error;
mod from_matrix;
mod habits;
mod ids;
mod login;
mod metadata;
mod own_nicks;
mod ranks;
mod roster;
mod to_matrix;
pub mod wire;

pub use self::{
    config::{EXAMPLE, IrcConfig},
    connector::{IrcConnector, KIND, factory},
    habits::{Habits, MemberSync},
};
