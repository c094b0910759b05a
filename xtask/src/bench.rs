//! `cargo xtask bench`: the load bench against the program as it is shipped.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use test_daemons::process::{bound_command, bound_command_with};

/// Builds with the same choice of packages as `cargo xtask test`, so that neither builds the other's work again.
pub(crate) fn run(part: Option<&str>) -> ExitCode {
    match build_and_measure(part) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::complain(&format!("xtask bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn build_and_measure(part: Option<&str>) -> Result<()> {
    let cargo = PathBuf::from(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let mut build = bound_command_with("TERM", &cargo, None);
    build.args(["build", "--workspace", "--bins", "--tests", "--release"]);
    run_here(build.env("CARGO_TARGET_DIR", crate::target()))?;
    let built = crate::target().join("release");
    let mut bench = bound_command(Path::new(&built.join("bench")), None);
    run_here(bench.args(part).env("RIALTO_BIN", built.join("rialto")))
}

fn run_here(command: &mut Command) -> Result<()> {
    let status = command.current_dir(crate::workspace()).status().context("no such program")?;
    ensure!(status.success(), "{:?} ended with {status}", command.get_program());
    Ok(())
}
