//! Rialto's own registrations: the bridges towards their homeserver, with tokens that are made once and kept in the data folder.

use crate::{
    config::{Config, Mode},
    data_dir::DataDir,
    failure::Failure,
};
use registration::{Blueprint, Registration, Token};

/// The kept registration of the bridges.
const BRIDGES: &str = "registration.yaml";

/// The kept registration with which the bridges act as the homeserver's people.
const PUPPETS: &str = "double-puppets.yaml";

/// Says that the bridges are pushed to. The embedded homeserver never calls the address: they are attached by a transport.
const IN_PROCESS: &str = "http://in-process.invalid";

/// Returns the bridges' registration for the configured homeserver. It claims the ghosts and aliases of all networks there are and will be, so
/// that adding one needs no change at the homeserver.
pub(crate) fn bridges(config: &Config, data: &DataDir) -> Result<Registration, Failure> {
    let mut kinds: Vec<String> =
        config.networks.0.iter().map(|network| network.kind.clone()).collect();
    kinds.sort();
    kinds.dedup();
    let server_name = config.homeserver.server_name.as_str();
    let mut blueprint =
        bridge_core::blueprint("rialto", server_name, &config.bridge.bot).protocols(kinds);
    blueprint = match config.homeserver.mode {
        Mode::External => blueprint.url(config.appservice.address.as_str()),
        Mode::Embedded => blueprint.url(IN_PROCESS),
    };
    keep(data, BRIDGES, blueprint)
}

/// Tells whether the operator of an external homeserver has asked for double puppets.
pub(crate) fn has_double_puppets(data: &DataDir) -> bool {
    data.file(PUPPETS).exists()
}

/// Returns the registration with which the bridges act as any person of the homeserver. It has no address, so nothing is pushed.
pub(crate) fn double_puppets(config: &Config, data: &DataDir) -> Result<Registration, Failure> {
    let server = regex::escape(config.homeserver.server_name.as_str());
    let blueprint = Blueprint::new("rialto-double-puppets", "rialto-double-puppets")
        .shared_users(format!("@.*:{server}"));
    keep(data, PUPPETS, blueprint)
}

/// Makes a registration with the tokens kept under a name, or keeps new ones.
fn keep(data: &DataDir, name: &str, blueprint: Blueprint) -> Result<Registration, Failure> {
    let kept = kept_tokens(data, name)?;
    let is_new = kept.is_none();
    let blueprint = match kept {
        Some((as_token, hs_token)) => blueprint.tokens(as_token, hs_token),
        None => blueprint,
    };
    let registration = Registration::generate(blueprint);
    registration.validate()?;
    if is_new {
        data.write_private(name, registration.to_yaml().as_bytes())?;
    }
    Ok(registration)
}

fn kept_tokens(data: &DataDir, name: &str) -> Result<Option<(Token, Token)>, Failure> {
    let path = data.file(name);
    if !path.exists() {
        return Ok(None);
    }
    let kept = Registration::read(&path).map_err(|error| {
        Failure::new(
            "cannot read the kept tokens",
            error.to_string(),
            "Restore the file from a backup, or delete it and register at the homeserver anew",
        )
    })?;
    Ok(Some((kept.as_token, kept.hs_token)))
}
