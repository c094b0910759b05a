//! Stories of registration files.

#![expect(clippy::unwrap_used, reason = "in a story, what goes wrong may end it")]

mod clashes;
mod faults;
mod fixtures;
mod matching;
mod properties;

use registration::Registration;
use std::path::PathBuf;

fn fixture_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn fixture(name: &str) -> Registration {
    Registration::read(&fixture_path(name)).unwrap()
}

const FIXTURES: [&str; 5] = [
    "appservice-irc.yaml",
    "double-puppet.yaml",
    "heisenbridge.yaml",
    "hookshot.yaml",
    "mautrix.yaml",
];
