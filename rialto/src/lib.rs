//! Every chat network in one Matrix inbox: the program, as a library with a thin `main`.
//!
//! It reads the configuration, builds the homeserver and the bridges from their crates, connects the two, listens, and offers the
//! verbs of the command line. A program with further networks is a `main` of three lines:
//!
//! ```no_run
//! # fn factory() -> bridge_core::network::NetworkFactory { std::process::abort() }
//! fn main() -> std::process::ExitCode {
//!     rialto::builder().network("my-network", factory()).run()
//! }
//! ```

mod admin;
mod cli;
pub mod config;
mod data_dir;
mod demo;
mod external;
mod failure;
mod foreign;
mod house;
mod kinds;
mod listener;
mod logs;
mod own_registration;
mod page;
mod running;
mod up;
mod watch;

pub use failure::{Failure, FailureKind};
use kinds::Kinds;

use bridge_core::network::NetworkFactory;
use std::{ffi::OsString, process::ExitCode};

/// Begins to put a program together. It has no network yet.
pub fn builder() -> Builder {
    Builder { kinds: Kinds::default() }
}

/// Collects the networks a program has.
pub struct Builder {
    kinds: Kinds,
}

impl Builder {
    /// Adds a kind of network: what stands behind `kind =` in the configuration, and what makes it from its section.
    #[must_use]
    pub fn network(mut self, kind: impl Into<String>, factory: NetworkFactory) -> Builder {
        self.kinds.add(kind.into(), factory);
        self
    }

    /// Adds the section that `config example` shows for a kind, commented out.
    #[must_use]
    pub fn example(mut self, kind: impl Into<String>, text: impl Into<String>) -> Builder {
        self.kinds.add_example(kind.into(), text.into());
        self
    }

    /// Runs the command line of this process.
    pub fn run(self) -> ExitCode {
        self.run_with(std::env::args_os())
    }

    /// Runs a command line, the program's name first.
    pub fn run_with(self, args: impl IntoIterator<Item = OsString>) -> ExitCode {
        cli::run(&self.kinds, args)
    }
}
