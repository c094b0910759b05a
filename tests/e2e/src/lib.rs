//! What the whole-program stories are told with: the program as people run it ([`Program`]), people on Matrix
//! ([`MatrixClient`], thin and quick; [`NioClient`], a foreign client library), a foreign appservice
//! ([`ForeignAppservice`]) and the journal read from outside ([`journal`]). IRC servers and the raw observer come
//! from `bridge_testkit::peers`.
//!
//! Nothing here sleeps and hopes: every wait polls `/sync`, a socket or a process, up to a deadline, and says at the
//! deadline what it saw instead.

pub mod appservice;
pub mod chat;
pub mod journal;
pub mod matrix;
pub mod nio;
pub mod numbers;
pub mod program;
pub mod python;

pub use appservice::ForeignAppservice;
pub use chat::{BotChat, IrcStory};
pub use matrix::MatrixClient;
pub use nio::NioClient;
pub use program::{CliOutput, Program, Setup};

/// The server name in every story.
pub const SERVER: &str = "story.test";
