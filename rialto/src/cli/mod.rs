//! The command line: verbs, their arguments, and how an outcome becomes output and exit code.

mod appservice;
mod config;
mod journal;
mod login;
mod orders;
mod registration;
mod user;

use crate::{
    Kinds, config::Config, config::Loaded, demo, failure::Failure, logs, logs::LogFormat, up,
};
use clap::{Args, Parser, Subcommand};
use std::{
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

#[derive(Debug, Parser)]
#[command(
    name = "rialto",
    version,
    about = "Every chat network in one Matrix inbox",
    disable_version_flag = true,
    arg_required_else_help = true,
    subcommand_required = true
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    everywhere: Everywhere,
}

/// What may stand after any verb.
#[derive(Debug, Args)]
struct Everywhere {
    /// The configuration; without it rialto.toml in the working folder, else the defaults
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How log lines look
    #[arg(long, global = true, value_enum, default_value_t)]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run everything the configuration names
    Up,
    /// Try it out: a throw-away house with a pretended network, messages crossing both ways
    Demo {
        /// Where to listen; without it, on a free port of this machine
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
    },
    /// Manage the accounts of the embedded homeserver
    #[command(subcommand)]
    User(user::UserVerb),
    /// Manage foreign application services on the embedded homeserver
    #[command(subcommand)]
    Appservice(appservice::AppserviceVerb),
    /// Register with an external homeserver; mint sign-up tokens
    #[command(subcommand)]
    Registration(registration::RegistrationVerb),
    /// Log in to a network, step by step, in this terminal
    Login(login::LoginArguments),
    /// List somebody's logins and how they are
    Logins(login::Whose),
    /// Log out of a network
    Logout(login::LogoutArguments),
    /// Ask after messages that are on their way or went wrong; run them again, take them out
    #[command(subcommand)]
    Journal(journal::JournalVerb),
    /// Tell the journey of one message
    Trace(journal::TraceArguments),
    /// Check, show or explain the configuration
    #[command(subcommand)]
    Config(config::ConfigVerb),
    /// Print the version
    Version,
}

/// Runs one command line and returns its exit code.
pub(crate) fn run(kinds: &Kinds, args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(args) {
        Ok(arguments) => arguments,
        // Help is a result (standard output, 0); everything else wrong usage (standard error, 2).
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            return if error.print().is_ok() { ExitCode::from(code) } else { ExitCode::from(1) };
        }
    };
    let usually = if matches!(arguments.verb, Verb::Up) { "info" } else { "warn" };
    let logs = logs::install(arguments.everywhere.log_format, usually);
    let outcome = start_runtime().and_then(|runtime| {
        let outcome = runtime.block_on(dispatch(kinds, arguments, &logs));
        // A task that ignores its token must not keep the process; what matters is committed.
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        outcome
    });
    let code = match outcome {
        Ok(()) => 0,
        Err(failure) => {
            let mut err = io::stderr().lock();
            // Without standard error the exit code has to do.
            writeln!(err, "{failure}").ok();
            failure.exit_code()
        }
    };
    logs.release();
    ExitCode::from(code)
}

fn start_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::new("cannot start", error.to_string(), "Check the limits of this process")
    })
}

async fn dispatch(kinds: &Kinds, arguments: Arguments, logs: &logs::Logs) -> Result<(), Failure> {
    let named = arguments.everywhere.config.as_deref();
    match arguments.verb {
        Verb::Version => say(&format!("rialto {}", env!("CARGO_PKG_VERSION"))),
        Verb::Config(config::ConfigVerb::Example) => config::example(kinds),
        Verb::Up => {
            let load = || load(named, kinds);
            up::up(kinds, &load, logs).await
        }
        Verb::Demo { listen } => demo::demo(kinds, listen.as_deref(), logs).await,
        Verb::User(verb) => user::run(verb, &load(named, kinds)?.config).await,
        Verb::Appservice(verb) => appservice::run(verb, &load(named, kinds)?.config).await,
        Verb::Registration(verb) => registration::run(verb, &load(named, kinds)?.config).await,
        Verb::Login(arguments) => login::login(arguments, &load(named, kinds)?.config).await,
        Verb::Logins(whose) => login::list(whose, &load(named, kinds)?.config).await,
        Verb::Logout(arguments) => login::logout(arguments, &load(named, kinds)?.config).await,
        Verb::Journal(verb) => journal::run(verb, &load(named, kinds)?.config).await,
        Verb::Trace(arguments) => journal::trace(arguments, &load(named, kinds)?.config).await,
        Verb::Config(verb) => config::run(verb, &load(named, kinds)?, kinds),
    }
}

/// Reads the configuration and refuses networks this program does not have.
fn load(named: Option<&std::path::Path>, kinds: &Kinds) -> Result<Loaded, Failure> {
    let loaded = Config::load(named)?;
    let faults = loaded.config.networks.check_kinds(&kinds.names());
    if faults.is_empty() {
        return Ok(loaded);
    }
    Err(crate::failure::config_failure(loaded.file.as_deref(), faults))
}

/// Prints a result. A reader that has gone away (`| head`) is no failure.
fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new("the result could not be printed", error.to_string(), "Try again"))
        }
        _ => Ok(()),
    }
}
