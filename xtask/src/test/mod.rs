//! `cargo xtask test`: everything that shows that Rialto works, in stages whose times are printed.
//!
//! What the tests run against is prepared first, and without it nothing is tested: a missing peer fails the run, it is
//! never skipped. After that one fault does not hide another: formatting, lints and tests all run, and the closing lines
//! say which of them failed.

pub(crate) mod cargo;
mod install;
mod licences;
mod new_bridge;
mod peers;
mod stages;
mod tutorial;

use std::process::ExitCode;

use anyhow::Result;

use cargo::{Cargo, PROFILE};
use stages::Stages;

/// What the command line asked for.
#[derive(Debug)]
pub(crate) struct Options {
    install: bool,
}

impl Options {
    /// Reads the flags; none when one is unknown.
    pub(crate) fn from_flags(flags: &[&str]) -> Option<Options> {
        let asked = match flags {
            [] => false,
            ["--install"] => true,
            _ => return None,
        };
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        Some(Options { install: asked || ci })
    }
}

/// Runs every stage and says how it went.
pub(crate) fn run(options: &Options) -> ExitCode {
    let mut stages = Stages::new("test");
    let outcome = run_stages(options, &mut stages);
    stages.close(outcome)
}

/// Runs the first stage alone.
pub(crate) fn run_peers(options: &Options) -> ExitCode {
    let mut stages = Stages::new("peers");
    let outcome = stages.require("peers", || peers::prepare(options.install)).map(drop);
    stages.close(outcome)
}

fn run_stages(options: &Options, stages: &mut Stages) -> Result<()> {
    let peers = stages.require("peers", || peers::prepare(options.install))?;
    let cluster = stages.require("postgresql", peers::start_cluster)?;
    let cargo = Cargo::new(&peers, &cluster);

    stages.attempt("fmt", || cargo.run(&["fmt", "--all", "--check"]));
    stages.attempt("licences", licences::check);
    // In the same profile, because it then shares build scripts (SQLite and ring in C) and macros with the build.
    let lints =
        ["clippy", "--workspace", "--all-targets", "--profile", PROFILE, "--", "-D", "warnings"];
    stages.attempt("clippy", || cargo.run(&lints));
    stages.require("build", || {
        cargo.run(&["build", "--workspace", "--bins", "--tests", "--profile", PROFILE])
    })?;

    stages.attempt("main job", || cargo.test_stories_of_the_main_job());
    crate::features::forget()?;
    stages.attempt("tests", || cargo.test_crates());
    stages.attempt("features", crate::features::check);
    stages.attempt("new bridge", || new_bridge::in_the_workspace(&cargo));
    stages.attempt("outside", || new_bridge::outside(&cargo));
    stages.attempt("stories", || cargo.test_stories());
    drop(cluster);
    Ok(())
}
