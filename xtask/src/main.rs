//! The verbs of the house. `cargo xtask` lists them.
//!
//! Standard library, `anyhow` and the small `test-daemons` only: this program is compiled before anything else is, every time.

mod bench;
mod features;
mod new_bridge;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const VERBS: &str = "\
Usage: cargo xtask VERB

  test [--install]    checks that the foreign servers and clients of the tests are there (with --install, or where
                      CI=true, installs them), then formatting, lints, the build, and every test
  peers [--install]   only the first of that: what is missing and how to get it
  bench [PART]        builds the program for release, puts it under load (`load`), lets a room and the number of rooms
                      grow (`growth`), or both, and prints the figures
  new-bridge NAME [--outside FOLDER]
                      makes bridges/NAME, a bridge that carries text and passes the conformance suite, and adds it to
                      the workspace; or makes the same crate in a folder of its own
  features [--check|--write]
                      plays the conformance suite against every bridge and writes docs/src/features.md; or says whether it is
                      as the last run of the suite has it; or writes it from that run
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            say(VERBS);
            ExitCode::SUCCESS
        }
        [verb @ ("test" | "peers"), flags @ ..] => match test::Options::from_flags(flags) {
            Some(options) if *verb == "test" => test::run(&options),
            Some(options) => test::run_peers(&options),
            None => wrong_usage(&format!("`{verb}` knows only --install, not {flags:?}")),
        },
        ["bench"] => bench::run(None),
        ["bench", part @ ("load" | "growth")] => bench::run(Some(part)),
        ["new-bridge", name] => new_bridge::run(name, None),
        ["new-bridge", name, "--outside", folder] => new_bridge::run(name, Some(folder)),
        ["new-bridge", ..] => {
            wrong_usage("`new-bridge` takes a name, and perhaps `--outside FOLDER`")
        }
        ["features"] => features::run(),
        ["features", "--check"] => features::run_check(),
        ["features", "--write"] => features::run_write(),
        ["features", ..] => wrong_usage("`features` takes `--check`, `--write` or nothing"),
        ["bench", ..] => wrong_usage("`bench` takes `load`, `growth` or nothing"),
        [verb, ..] => wrong_usage(&format!("there is no verb `{verb}`")),
    }
}

fn wrong_usage(why: &str) -> ExitCode {
    complain(&format!("xtask: {why}\n\n{VERBS}"));
    ExitCode::from(2)
}

/// Returns the folder of the workspace.
fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// Returns cargo's target folder: this program lies in `<target>/<profile>/xtask`.
fn target() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|program| Some(program.parent()?.parent()?.to_owned()))
        .unwrap_or_else(|| workspace().join("target"))
}

#[expect(clippy::print_stdout, reason = "this program speaks to the terminal")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "this program speaks to the terminal")]
fn complain(text: &str) {
    eprintln!("{text}");
}
