//! `rialto registration ...`

use super::{orders, say};
use crate::{
    admin::{Answer, Order},
    config::{Config, Mode, SignUp},
    data_dir::DataDir,
    failure::Failure,
    own_registration,
};
use clap::Subcommand;
use std::{
    fs::{OpenOptions, Permissions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub(super) enum RegistrationVerb {
    /// Write the registration for an external homeserver; its tokens stay the same each time
    Generate {
        /// Where to write it; without it, it is printed
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Write the second registration instead: with it, Rialto acts as the people of the homeserver
        /// (they are joined to their rooms, and what they say from other programs is theirs)
        #[arg(long)]
        double_puppets: bool,
    },
    /// Manage sign-up tokens (homeserver.registration = "token")
    #[command(subcommand)]
    Token(TokenVerb),
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenVerb {
    /// Mint a sign-up token and print it
    Create {
        /// For how many accounts; without it, for any number
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        uses: Option<u32>,
    },
}

pub(super) async fn run(verb: RegistrationVerb, config: &Config) -> Result<(), Failure> {
    match verb {
        RegistrationVerb::Generate { out, double_puppets } => {
            generate(config, out.as_deref(), double_puppets)
        }
        RegistrationVerb::Token(TokenVerb::Create { uses }) => create_token(config, uses).await,
    }
}

fn generate(config: &Config, out: Option<&Path>, double_puppets: bool) -> Result<(), Failure> {
    if config.homeserver.mode == Mode::Embedded {
        return Err(Failure::usage(
            "no registration was written",
            "homeserver.mode is \"embedded\", and the embedded homeserver needs none",
            "Set homeserver.mode = \"external\" to use Rialto with another homeserver",
        ));
    }
    let data = DataDir::open(&config.data_dir)?;
    let registration = if double_puppets {
        own_registration::double_puppets(config, &data)?
    } else {
        own_registration::bridges(config, &data)?
    };
    let yaml = registration.to_yaml();
    match out {
        Some(file) => {
            write_file(file, &yaml)
                .map_err(|error| Failure::file("the registration was not written", file, &error))?;
            let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
            say(&snippet(&file.display().to_string()))
        }
        None => {
            let comment: String =
                snippet("/path/to/registration.yaml").lines().map(comment_line).collect();
            say(&format!("{yaml}{comment}"))
        }
    }
}

fn comment_line(line: &str) -> String {
    if line.starts_with('#') { format!("{line}\n") } else { format!("# {line}\n") }
}

/// What to write into the homeserver's own configuration.
fn snippet(file: &str) -> String {
    format!(
        "# Synapse, in homeserver.yaml (then restart it):\n\
         app_service_config_files:\n\
         \x20 - {file}\n\
         # Dendrite, in dendrite.yaml: app_service_api.config_files, with the same list.\n\
         # Conduit, Continuwuity, Tuwunel: send `!admin appservices register` with the file's content to the admin room.\n\
         # Palpo: put the file into its registration folder.\n"
    )
}

/// The file carries tokens, so only its owner may read it; give it to the homeserver's user.
fn write_file(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

async fn create_token(config: &Config, uses: Option<u32>) -> Result<(), Failure> {
    if let Answer::Text(token) =
        orders::carry_out(config, Order::CreateSignUpToken { uses }).await?
    {
        say(&token)?;
    }
    if config.homeserver.registration != SignUp::Token {
        tracing::warn!("the token opens nothing while homeserver.registration is not \"token\"");
    }
    Ok(())
}
