//! What the whole-program stories are told with: the program as people run it ([`Program`]), people on Matrix
//! ([`MatrixClient`], thin and quick; [`ForeignClient`] and [`NioClient`], on libraries that are not ours), a [`Witness`]
//! that holds what they say against the specification, a foreign appservice ([`ForeignAppservice`]) and the journal read
//! from outside ([`journal`]). IRC servers and the raw observer come from `bridge_testkit::peers`.
//!
//! Nothing here sleeps and hopes: every wait polls `/sync`, a socket or a process, up to a deadline, and says at the
//! deadline what it saw instead.

pub mod appservice;
pub mod bridges;
pub mod chat;
pub mod external;
pub mod foreign;
pub mod journal;
pub mod lobby;
pub mod matrix;
pub mod nio;
pub mod numbers;
pub mod program;
pub mod quirks;
pub mod script;
pub mod synapse;
pub mod witness;

pub use appservice::ForeignAppservice;
pub use chat::{BotChat, IrcStory};
pub use external::Beside;
pub use foreign::{ForeignClient, Library, NewRoom};
pub use matrix::MatrixClient;
pub use nio::NioClient;
pub use program::{CliOutput, Elsewhere, Program, Setup};
pub use quirks::{Quirk, QuirkProxy};
pub use synapse::Synapse;
pub use witness::Witness;

/// The server name in every story.
pub const SERVER: &str = "story.test";
