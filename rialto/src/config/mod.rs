//! The configuration: one TOML file, every key typed, documented and optional.
//!
//! [`Config::load`] reads it; a mistake names the file, the line, the key and what was probably meant. [`Config::show`] prints what is
//! in effect with secrets masked, [`example`] prints a commented file from the same source that reads it.

pub(crate) mod effect;
mod example;
mod networks;
mod pace;
mod permissions;
pub(crate) mod reading;
mod section;
mod sections;
mod setting;
mod time_span;

pub(crate) use example::example;
pub use networks::{NetworkSection, Networks};
pub use pace::Pace;
pub use permissions::{Level, Permissions};
pub use sections::{
    Appservice, Bridge, Config, Database, Homeserver, Log, LogLevel, Metrics, Mode, Outgoing,
    RateLimits, SignUp, Tls,
};
pub(crate) use setting::Setting;
pub use setting::{ByteSize, DatabasePlace, ListenAddress, Secret};
pub use time_span::TimeSpan;

use reading::Reading;
use section::Section;
use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// What stands in the place of a secret.
const MASK: &str = "********";

/// The file that is read when none is named.
const USUAL_FILE: &str = "rialto.toml";

/// One mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The dotted path of the key; empty for the file as a whole.
    pub key: String,
    /// The line.
    pub line: Option<usize>,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Fault {
    pub(crate) fn new(key: &str, line: Option<usize>, problem: impl Into<String>) -> Fault {
        Fault { key: key.to_owned(), line, problem: problem.into() }
    }
}

/// A configuration that cannot be used, with all its mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// At least one.
    pub faults: Vec<Fault>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            match &self.file {
                Some(file) => write!(f, "{}", file.display())?,
                None => f.write_str("configuration")?,
            }
            if let Some(line) = fault.line {
                write!(f, ", line {line}")?;
            }
            if !fault.key.is_empty() {
                write!(f, ", key `{}`", fault.key)?;
            }
            write!(f, ": {}", fault.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// A configuration and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file it was read from; `None` means defaults.
    pub file: Option<PathBuf>,
}

impl Config {
    /// Reads the named file, else `rialto.toml` in the working folder if it is there, else takes the defaults.
    pub fn load(named: Option<&Path>) -> Result<Loaded, ConfigError> {
        let file = match named {
            Some(file) => file.to_owned(),
            None if Path::new(USUAL_FILE).exists() => PathBuf::from(USUAL_FILE),
            None => {
                let here = absolute(Path::new("."));
                let config = Config::parse("", &here)
                    .map_err(|faults| ConfigError { file: None, faults })?;
                return Ok(Loaded { config, file: None });
            }
        };
        let text = std::fs::read_to_string(&file).map_err(|error| ConfigError {
            file: Some(file.clone()),
            faults: vec![Fault::new("", None, unreadable(&error))],
        })?;
        let full = absolute(&file);
        let base = full.parent().unwrap_or(Path::new("/")).to_owned();
        let config = Config::parse(&text, &base)
            .map_err(|faults| ConfigError { file: Some(file.clone()), faults })?;
        Ok(Loaded { config, file: Some(file) })
    }

    /// Reads a configuration from its text; relative paths are meant from `base`.
    pub fn parse(text: &str, base: &Path) -> Result<Config, Vec<Fault>> {
        let mut reading = Reading::new(text, base.to_owned());
        let config = reading.parse().and_then(|table| Config::read_section(table, &mut reading));
        let mut faults = reading.into_faults();
        match config {
            Some(mut config) if faults.is_empty() => {
                config.data_dir = base.join(&config.data_dir);
                config.permissions.add_defaults(&config.homeserver.server_name);
                faults.extend(config.contradictions(text));
                if faults.is_empty() { Ok(config) } else { Err(faults) }
            }
            _ => {
                faults.sort_by_key(|fault| fault.line);
                Err(faults)
            }
        }
    }

    /// Prints what is in effect, as TOML that could be read again but for the masks.
    pub fn show(&self) -> String {
        toml::to_string(&self.show_section()).expect("texts, numbers and tables can be written")
    }

    /// Returns every value by its dotted key, secrets as they are: for comparing, never for printing.
    pub(crate) fn values(&self) -> effect::Values {
        let mut values = effect::Values::new();
        self.note("", &mut values);
        values
    }

    /// Finds what each key alone does not show.
    fn contradictions(&self, text: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        let line = |key: &str| {
            text.lines().position(|line| line.trim_start().starts_with(key)).map(|index| index + 1)
        };
        if self.homeserver.mode == Mode::External && self.homeserver.url.is_none() {
            let problem = "it is missing; mode \"external\" needs to know where the homeserver is";
            faults.push(Fault::new("homeserver.url", line("mode"), problem));
        }
        let user = format!("@{}:{}", self.bridge.bot, self.homeserver.server_name);
        if ruma::UserId::parse(&user).is_err() || self.bridge.bot.contains(':') {
            let problem = "this cannot be a user name; write it without `@` and server";
            faults.push(Fault::new("bridge.bot", line("bot"), problem));
        }
        faults
    }
}

/// Resolving fails only without a working folder, and then the path as written is the best there is.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no such file; `rialto config example` prints one to begin with".to_owned()
        }
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        io::ErrorKind::InvalidData => "it is no text (UTF-8)".to_owned(),
        _ => format!("it cannot be read: {error}"),
    }
}
