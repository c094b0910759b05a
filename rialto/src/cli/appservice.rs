//! `rialto appservice ...`

use super::{orders, say};
use crate::{
    admin::{Answer, Hidden, Order},
    config::Config,
    failure::Failure,
};
use clap::Subcommand;
use registration::Registration;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum AppserviceVerb {
    /// Add an application service by its registration file; effective at once
    Add {
        /// The registration file
        file: PathBuf,
    },
    /// List all foreign application services
    List,
    /// Remove an application service; its users stay
    Remove {
        /// The id in its registration
        id: String,
    },
}

pub(super) async fn run(verb: AppserviceVerb, config: &Config) -> Result<(), Failure> {
    let order = match verb {
        AppserviceVerb::Add { file } => {
            // Read here: the running server may not see the file, and faults name it.
            let registration = Registration::read(&file)?;
            Order::AddAppservice { registration: Hidden::from(registration.to_yaml()) }
        }
        AppserviceVerb::List => Order::ListAppservices,
        AppserviceVerb::Remove { id } => Order::RemoveAppservice { id },
    };
    match orders::carry_out(config, order).await? {
        Answer::Text(id) => say(&id),
        Answer::Appservices(services) => services.iter().try_for_each(|service| {
            let url = service.url.as_deref().unwrap_or("-");
            say(&format!("{} {url} waiting={}", service.id, service.owed))
        }),
        Answer::Done | Answer::Users(_) | Answer::Provisioned { .. } | Answer::Journal(_) => Ok(()),
    }
}
