//! Application service registrations: the file by which a homeserver and a bridge know each other.
//!
//! A [`Registration`] is read from YAML ([`Registration::read`], [`Registration::parse`]), written as the Matrix specification has it
//! ([`Registration::to_yaml`]) or made new ([`Registration::generate`]). Its namespaces compile to a [`Matcher`], which says whom a
//! user, alias or room belongs to; [`find_clashes`] compares several registrations of one homeserver. Keys this crate does not know
//! survive a round trip, and tokens print as `[token]` ([`Token`]).
//!
//! ```
//! use registration::{Blueprint, Claim, Registration};
//! use ruma::{server_name, user_id};
//!
//! let blueprint = Blueprint::new("irc", "ircbot").users(r"@_irc_.*:example\.org");
//! let made = Registration::generate(blueprint);
//! let read = Registration::parse(&made.to_yaml())?;
//! assert_eq!(read, made);
//!
//! let matcher = read.matcher(server_name!("example.org"))?;
//! assert_eq!(matcher.user(user_id!("@_irc_bob:example.org")), Claim::Exclusive);
//! assert_eq!(matcher.user(user_id!("@alice:example.org")), Claim::None);
//! # Ok::<(), registration::RegistrationError>(())
//! ```

mod clash;
mod error;
mod file;
mod generate;
mod matcher;
mod token;
mod validate;

pub use clash::{Clash, find_clashes};
pub use error::RegistrationError;
pub use generate::Blueprint;
pub use matcher::{Claim, Matcher};
pub use token::Token;

use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

/// A registration. [`Registration::parse`] and [`Registration::generate`] give valid ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// Names the application service for good, unique on the homeserver.
    pub id: String,
    /// Where the homeserver pushes events to, without trailing slash; `None`: nowhere. May have a path.
    pub url: Option<String>,
    /// Authenticates the application service to the homeserver.
    pub as_token: Token,
    /// Authenticates the homeserver to the application service.
    pub hs_token: Token,
    /// The user name of the service's own account.
    pub sender_localpart: String,
    /// What belongs to the service.
    pub namespaces: Namespaces,
    /// Whether the service's users are rate limited; homeservers take absence as yes. The sender never is.
    pub rate_limited: Option<bool>,
    /// The networks offered in third-party look-ups.
    pub protocols: Option<Vec<String>>,
    /// Whether typing, receipts and presence are pushed (stable key).
    pub receive_ephemeral: Option<bool>,
    /// The same under its older name, which some homeservers still read: `de.sorunome.msc2409.push_ephemeral`.
    pub push_ephemeral: Option<bool>,
    /// Whether device lists and key counts are pushed: `org.matrix.msc3202`.
    pub msc3202: Option<bool>,
    /// Whether devices are managed without logging in: `io.element.msc4190`.
    pub msc4190: Option<bool>,
    /// All other keys of the file.
    pub extra: BTreeMap<String, Value>,
}

/// The users, aliases and rooms of a registration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Namespaces {
    /// Users, of the own homeserver only.
    pub users: Vec<Namespace>,
    /// Room aliases.
    pub aliases: Vec<Namespace>,
    /// Room ids.
    pub rooms: Vec<Namespace>,
    /// All other keys.
    pub extra: BTreeMap<String, Value>,
}

/// One pattern of ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Namespace {
    /// Whether nobody else may have ids of this pattern.
    pub exclusive: bool,
    /// The pattern. It has to match the whole id (see [`Matcher`]).
    pub regex: String,
    /// All other keys.
    pub extra: BTreeMap<String, Value>,
}

impl Namespace {
    /// Makes a namespace.
    pub fn new(exclusive: bool, regex: impl Into<String>) -> Namespace {
        Namespace { exclusive, regex: regex.into(), extra: BTreeMap::new() }
    }
}

impl Registration {
    /// Reads a registration file.
    pub fn read(file: &Path) -> Result<Registration, RegistrationError> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| RegistrationError::unreadable(&error).in_file(file))?;
        Registration::parse(&text).map_err(|error| error.in_file(file))
    }

    /// Reads a registration from YAML (or JSON, which is YAML) and validates it.
    pub fn parse(yaml: &str) -> Result<Registration, RegistrationError> {
        let registration = file::from_yaml(yaml)?;
        registration.validate().map_err(|error| error.find_line(yaml))?;
        Ok(registration)
    }

    /// Writes the file's content. It carries the tokens.
    pub fn to_yaml(&self) -> String {
        file::to_yaml(self)
    }

    /// Whether typing, receipts and presence are to be pushed; the stable key decides where both are there.
    pub fn wants_ephemeral(&self) -> bool {
        self.receive_ephemeral.or(self.push_ephemeral).unwrap_or(false)
    }

    /// Whether the service's users (not its sender) are rate limited.
    pub fn is_rate_limited(&self) -> bool {
        self.rate_limited.unwrap_or(true)
    }
}
