//! An in-memory network, and the bridge to read first.
//!
//! The network ([`DemoNetwork`]) is what a real bridge finds on the other side of a socket: accounts,
//! chats, messages that are numbered by the network and heard by everyone in the chat. It numbers
//! its updates, so a client says where it left off; it knows a send by the key that came with it,
//! so a send whose answer was lost is safely repeated. Everything outside [`network`](DemoNetwork)
//! is the bridge, in the same rooms as every other bridge; its `README.md` is the map.
//!
//! ```
//! use bridge_demo::DemoNetwork;
//! use support_clock::SystemClock;
//!
//! let network = DemoNetwork::new(SystemClock::shared());
//! network.says("bob", "lobby", "Good morning!");
//! assert_eq!(network.said_in("lobby")[0].text, "Good morning!");
//! ```

mod backfill;
mod capabilities;
mod chat_info;
mod client;
mod config;
mod connector;
mod error;
mod from_matrix;
mod ids;
mod login;
mod metadata;
mod network;
mod stage;
mod to_matrix;

pub use capabilities::Ability;
pub use config::{DemoConfig, EXAMPLE};
pub use connector::{DemoConnector, KIND, factory, factory_for};
pub use network::{
    DemoFile, DemoNetwork, Fault, FileSource, Habit, HistoryPace, LOBBY, Said, SaidKind,
};
