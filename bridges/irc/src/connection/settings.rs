//! What a connection must be told: where, as whom, and how patient to be.

use std::{sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use secrecy::SecretString;

use crate::wire::Encoding;

/// Everything needed to connect and register.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server's host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// TLS, unless the connection is plain.
    pub tls: Option<Tls>,
    /// The server's own password (PASS), which is not the account's.
    pub server_password: Option<SecretString>,
    /// The wanted nick.
    pub nick: String,
    /// Whether other nicks are tried while the wanted one is in use.
    pub alternate_nicks: bool,
    /// The user name ("ident").
    pub username: String,
    /// What WHOIS shows as the real name.
    pub realname: String,
    /// The account, if one is used.
    pub sasl: Option<Sasl>,
    /// Who checks the account where there is no SASL.
    pub nickserv: Option<String>,
    /// How lines that are not UTF-8 are read.
    pub encoding: Encoding,
    /// How fast we may talk.
    pub pacing: Pacing,
    /// How patient we are.
    pub timing: Timing,
}

/// TLS: the prepared client configuration and the name the certificate must be for.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Trust anchors and protocol versions.
    pub config: Arc<ClientConfig>,
    /// The expected name.
    pub name: ServerName<'static>,
}

/// An account on the network's services.
#[derive(Debug, Clone)]
pub struct Sasl {
    /// Its name.
    pub account: String,
    /// Its password.
    pub password: SecretString,
}

/// How fast we may talk: `burst` lines at once, then one per `interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pacing {
    /// Lines that may leave at once after a pause.
    pub burst: u32,
    /// Between lines after that.
    pub interval: Duration,
}

impl Default for Pacing {
    /// What large networks ask of ordinary clients: one line in two seconds, a short burst.
    fn default() -> Self {
        Self { burst: 5, interval: Duration::from_secs(2) }
    }
}

/// How patient we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// For TCP and TLS together.
    pub dial: Duration,
    /// From the first line to the end of registration. Generous: servers look up host names and
    /// idents meanwhile.
    pub registration: Duration,
    /// Silence after which we ask whether the server is there.
    pub ping_after: Duration,
    /// Silence after which it is not.
    pub dead_after: Duration,
    /// How long a written line may stay unconfirmed before its fate counts as unknown.
    pub confirm: Duration,
    /// How often the wanted nick is asked for while another one is in use.
    pub regain_nick: Duration,
    /// How often it is looked meanwhile whether the wanted nick is free, on servers that do not tell.
    pub look_for_nick: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            dial: Duration::from_secs(20),
            registration: Duration::from_secs(60),
            ping_after: Duration::from_secs(60),
            dead_after: Duration::from_secs(150),
            confirm: Duration::from_secs(180),
            regain_nick: Duration::from_secs(60),
            look_for_nick: Duration::from_secs(12),
        }
    }
}
