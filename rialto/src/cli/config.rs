//! `rialto config ...`

use super::say;
use crate::{
    Kinds,
    config::{
        self, Config, Loaded,
        effect::{self, Effect},
    },
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
    let verdict = match &loaded.file {
        Some(file) => format!("{}: ok", file.display()),
        None => "no configuration file; the defaults are ok".to_owned(),
    };
    say(&format!("{verdict}{}", words_about_running(config)))
}

/// Says what a running program does not know yet of the configuration.
fn words_about_running(config: &Config) -> String {
    let Some(changes) = effect::against_running(config) else { return String::new() };
    let list = |wanted: Effect| {
        let keys = changes.iter().filter(|(_, effect)| *effect == wanted);
        keys.map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut words = String::new();
    for (effect, needs) in
        [(Effect::Reload, "takes effect with SIGHUP"), (Effect::Restart, "needs a restart")]
    {
        let keys = list(effect);
        if !keys.is_empty() {
            words += &format!("\n{needs}: {keys}");
        }
    }
    if words.is_empty() { "\nit is what the running program has".to_owned() } else { words }
}
