//! The registration files the configuration names: read, and compared with each other and with our own.

use crate::{config::Config, failure::Failure};
use registration::{Clash, Registration, find_clashes};
use std::path::Path;

/// Reads the files. `own` are registrations that are there anyway.
pub(crate) fn read_all(
    config: &Config,
    own: &[Registration],
) -> Result<Vec<Registration>, Failure> {
    let files = &config.homeserver.appservices;
    let mut all = own.to_vec();
    for file in files {
        all.push(Registration::read(file).map_err(|error| {
            Failure::usage(
                "wrong registration",
                error.to_string(),
                "Mend it, or take it out of homeserver.appservices",
            )
        })?);
    }
    let clashes = find_clashes(&all, &config.homeserver.server_name)
        .map_err(|error| Failure::usage("wrong registration", error.to_string(), "Mend it"))?;
    if let Some(clash) = clashes.first() {
        let place = |index: usize| match index.checked_sub(own.len()).and_then(|at| files.get(at)) {
            Some(file) => file_name(file),
            None => "Rialto's own bridges".to_owned(),
        };
        let (one, other) = pair(clash);
        return Err(Failure::usage(
            format!("{} and {} clash", place(one), place(other)),
            clash.to_string(),
            "Mend one of them, or take it out of homeserver.appservices",
        ));
    }
    Ok(all.split_off(own.len()))
}

fn pair(clash: &Clash) -> (usize, usize) {
    match clash {
        Clash::SameId { pair, .. }
        | Clash::SameToken { pair, .. }
        | Clash::Sender { pair, .. }
        | Clash::SameNamespace { pair, .. } => *pair,
    }
}

fn file_name(file: &Path) -> String {
    file.display().to_string()
}
