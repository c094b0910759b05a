//! The settings of one homeserver, as the builder collected them.

use secrecy::SecretString;
use support_matrix_http::SocketOptions;
use url::Url;

/// Who may make an account through the API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Nobody; the operator makes accounts.
    #[default]
    Closed,
    /// Who has a sign-up token.
    Token,
    /// Everybody.
    Open,
}

/// What stays the same while the homeserver runs.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) registration: RegistrationMode,
    /// Enables Synapse's registration by shared secret.
    pub(crate) shared_secret: Option<SecretString>,
    /// Where clients reach this server, for `.well-known`.
    pub(crate) public_url: Option<Url>,
    /// How appservices are called.
    pub(crate) outgoing: SocketOptions,
}
