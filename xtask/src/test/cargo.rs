//! The calls of cargo: one profile and one choice of packages (the workspace), so that nothing is built twice.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::peers::{Cluster, Peers};
use test_daemons::process::bound_command_with;

/// The profile that everything tested is built with: see the workspace's manifest.
pub(crate) const PROFILE: &str = "tested";

/// The stories that show Rialto's main job lie in a module of this name.
const MAIN_JOB: &str = "main_job::";

/// Cargo with the surroundings that the tests expect.
#[derive(Debug)]
pub(crate) struct Cargo {
    program: PathBuf,
    peers: PathBuf,
    postgres: String,
    has_nextest: bool,
}

impl Cargo {
    pub(crate) fn new(peers: &Peers, cluster: &Cluster) -> Self {
        let program = PathBuf::from(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let has_nextest = answers(&program, &["nextest", "--version"]);
        Cargo { program, peers: peers.folder.clone(), postgres: cluster.url(), has_nextest }
    }

    /// Runs cargo; its output stays on the terminal.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<()> {
        self.run_in(crate::workspace(), arguments)
    }

    /// Runs cargo in another folder, with the target folder of this workspace.
    pub(crate) fn run_in(&self, folder: &Path, arguments: &[&str]) -> Result<()> {
        crate::say(&format!("cargo {}", arguments.join(" ")));
        // TERM, so that the runner ends its own children when this program is ended from outside.
        let mut command = bound_command_with("TERM", &self.program, None);
        without_our_own_package(&mut command);
        let status = command
            .args(arguments)
            .current_dir(folder)
            .env("CARGO_TARGET_DIR", crate::target())
            .env("RIALTO_TEST_POSTGRES", &self.postgres)
            .env("RIALTO_TEST_REQUIRE_ALL", "1")
            .env("RIALTO_TEST_PEERS", &self.peers)
            // A story that fails says why in words; where, its own text says.
            .env("RUST_LIB_BACKTRACE", "0")
            .env("RIALTO_BIN", crate::target().join(PROFILE).join("rialto"))
            .env(crate::features::RESULTS, crate::features::folder())
            .status()
            .context("cargo cannot be run")?;
        ensure!(status.success(), "cargo {} ended with {status}", arguments[0]);
        Ok(())
    }

    /// Runs the demo, one line each way on a real network, and the crash: what has to work before anything else is worth a look.
    pub(crate) fn test_stories_of_the_main_job(&self) -> Result<()> {
        if self.has_nextest {
            return self.nextest(&format!("package(e2e) & test(/^{MAIN_JOB}/)"));
        }
        self.run(&["test", "--workspace", "--profile", PROFILE, "--test", "it", "--", MAIN_JOB])
    }

    /// Runs the tests of all crates but the whole-program stories.
    pub(crate) fn test_crates(&self) -> Result<()> {
        if self.has_nextest {
            self.nextest("not package(e2e)")?;
            // nextest does not run examples in documentation.
            return self.run(&["test", "--workspace", "--profile", PROFILE, "--doc"]);
        }
        self.run(&[
            "test",
            "--workspace",
            "--exclude",
            "e2e",
            "--profile",
            PROFILE,
            "--no-fail-fast",
        ])
    }

    /// Runs the whole-program stories that the main job has not run.
    pub(crate) fn test_stories(&self) -> Result<()> {
        if self.has_nextest {
            return self.nextest(&format!("package(e2e) & not test(/^{MAIN_JOB}/)"));
        }
        let arguments =
            ["test", "-p", "e2e", "--profile", PROFILE, "--no-fail-fast", "--", "--skip", MAIN_JOB];
        self.run(&arguments)
    }

    fn nextest(&self, filter: &str) -> Result<()> {
        let arguments = [
            "nextest",
            "run",
            "--workspace",
            "--cargo-profile",
            PROFILE,
            "--no-fail-fast",
            "-E",
            filter,
        ];
        self.run(&arguments)
    }
}

/// Takes away what `cargo run` tells of the package it runs (this one). Build scripts that look at it (ring's does) would
/// otherwise run again each time cargo is called by hand, and most of the workspace would be built again after them.
pub(crate) fn without_our_own_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_")
            || name.to_string_lossy().starts_with("CARGO_MANIFEST_")
        {
            command.env_remove(name);
        }
    }
}

/// Tells whether a program answers a question with success.
pub(crate) fn answers(program: &Path, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
