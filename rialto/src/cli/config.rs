//! `rialto config ...`

use super::say;
use crate::{
    Kinds,
    config::{self, Loaded},
    failure::{Failure, config_failure},
    foreign, listener,
};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigVerb {
    /// Check the configuration and the files it names
    Check,
    /// Print a commented configuration
    Example,
    /// Print what is in effect, secrets masked
    Show,
}

pub(super) fn example(kinds: &Kinds) -> Result<(), Failure> {
    say(&config::example(&kinds.examples()))
}

pub(super) fn run(verb: ConfigVerb, loaded: &Loaded, kinds: &Kinds) -> Result<(), Failure> {
    match verb {
        ConfigVerb::Check => check(loaded, kinds),
        ConfigVerb::Example => example(kinds),
        ConfigVerb::Show => say(&loaded.config.show()),
    }
}

fn check(loaded: &Loaded, kinds: &Kinds) -> Result<(), Failure> {
    let config = &loaded.config;
    if let Err(faults) = kinds.connectors(&config.networks) {
        return Err(config_failure(loaded.file.as_deref(), faults));
    }
    if let Some(tls) = &config.homeserver.tls {
        listener::load_tls(tls)?;
    }
    foreign::read_all(config, &[])?;
    match &loaded.file {
        Some(file) => say(&format!("{}: ok", file.display())),
        None => say("no configuration file; the defaults are ok"),
    }
}
